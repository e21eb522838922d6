{{- define "type_members" -}}
{{- if eq .Name "metadata" -}}
The standard object's metadata.
{{- else -}}
{{ template "prose" .Doc }}
{{- end -}}
{{- end -}}

{{- /* A comment as one paragraph. */ -}}
{{- define "prose" -}}
{{ . | trim | replace "\n\n" "<br>" | replace "\n" " " | markdownRenderFieldDoc | replace "<br />" " " }}
{{- end -}}

{{- /* What the schema asks for, in its own words; rules in CEL are left to the CRD. */ -}}
{{- define "limits" -}}
{{- $limits := list -}}
{{- range . -}}
{{- if hasPrefix "Required:" . }}{{ $limits = prepend $limits "required" }}
{{- else if or (hasPrefix "Optional:" .) (contains "XValidation:" .) (hasPrefix "Type:" .) }}
{{- else }}{{ $limits = append $limits (printf "`%s`" .) }}{{ end -}}
{{- end -}}
{{ join ", " $limits | replace "|" "\\|" }}
{{- end -}}
