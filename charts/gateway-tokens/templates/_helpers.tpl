{{/* An object of this API: root, kind, name, entry (of the values) and spec. */}}
{{- define "gateway-tokens.object" -}}
{{- $root := .root }}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/name" $root.Chart.Name
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/managed-by" $root.Release.Service }}
{{- $annotations := merge (dict) (default (dict) .entry.annotations) $root.Values.commonAnnotations }}
{{- if .entry.keep }}
{{- $_ := set $annotations "helm.sh/resource-policy" "keep" }}
{{- end }}
apiVersion: gatewaytoken.io/v1alpha1
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  {{- if ne .kind "ClusterTokenIssuer" }}
  namespace: {{ $root.Release.Namespace }}
  {{- end }}
  labels:
    {{- toYaml (merge $own (default (dict) .entry.labels) $root.Values.commonLabels) | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- toYaml .spec | nindent 2 }}
{{- end }}
