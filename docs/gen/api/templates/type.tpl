{{- /* A kind, or a type of a field: what it is, where it is used, and its fields or values. */ -}}
{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type }}
### {{ $type.Name }}

{{ template "prose" $type.Doc }}
{{- if $type.IsAlias }}

Of type {{ markdownRenderTypeLink $type.UnderlyingType }}
{{- with $type.Validation }}: {{ template "limits" . }}{{ end }}.
{{- end }}
{{- if and $type.References (not $type.GVK) }}

Used in {{ range $i, $reference := $type.SortedReferences }}{{ if $i }}, {{ end }}{{ markdownRenderTypeLink $reference }}{{ end }}.
{{- end }}
{{- if $type.Members }}

| field | type | meaning | limits |
|---|---|---|---|
{{- if $type.GVK }}
| `apiVersion` | string | `{{ $type.GVK.Group }}/{{ $type.GVK.Version }}` | |
| `kind` | string | `{{ $type.GVK.Kind }}` | |
{{- end }}
{{- range $type.Members }}
| `{{ .Name }}` | {{ markdownRenderType .Type }} | {{ template "type_members" . }} | {{ template "limits" .Validation }} |
{{- end }}
{{- end }}
{{- if $type.EnumValues }}

| value | meaning |
|---|---|
{{- range $type.EnumValues }}
{{- /* The comment begins with the constant's name in Go. */}}
| `{{ .Name }}` | {{ regexReplaceAll "^\\S+ " (.Doc | trim | replace "\n" " ") "" | markdownRenderFieldDoc }} |
{{- end }}
{{- end }}
{{ end }}
{{- end -}}
