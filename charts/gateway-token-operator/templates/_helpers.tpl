{{/* The chart's name. */}}
{{- define "gateway-token-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of all objects: the release's, with the chart's where that is not in it.
     Cut so that the longest suffix, -leader-election, still fits into a name. */}}
{{- define "gateway-token-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 47 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 47 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 47 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What a selector finds the operator's pods by. */}}
{{- define "gateway-token-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gateway-token-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{/* The labels of an object of this component. Those that commonLabels has of the same names are left out. */}}
{{- define "gateway-token-operator.labelsOf" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/name" (include "gateway-token-operator.name" .root)
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/component" .component
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "gateway-token-operator" }}
{{- toYaml (merge $own .root.Values.commonLabels) }}
{{- end }}

{{/* The labels of all objects. */}}
{{- define "gateway-token-operator.labels" -}}
{{- include "gateway-token-operator.labelsOf" (dict "root" . "component" "controller") }}
{{- end }}

{{/* The labels of what is there during an uninstall only. No selector of the operator's finds its pod. */}}
{{- define "gateway-token-operator.uninstallLabels" -}}
{{- include "gateway-token-operator.labelsOf" (dict "root" . "component" "uninstall") }}
{{- end }}

{{/* The ServiceAccount's name. */}}
{{- define "gateway-token-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "gateway-token-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* A role with these rules and its binding to a ServiceAccount of the release's namespace: in a namespace where one is
     given, else in the whole cluster. */}}
{{- define "gateway-token-operator.role" -}}
{{- $prefix := ternary "" "Cluster" (not (empty .namespace)) }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $prefix }}Role
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- .labels | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
rules:
{{ .rules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $prefix }}RoleBinding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- .labels | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $prefix }}Role
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}

{{/* The image: by digest where one is given, else by tag. */}}
{{- define "gateway-token-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Environment variables of every container: what is said of proxies. The API server is reached without one. */}}
{{- define "gateway-token-operator.env" -}}
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- $proxied := or .Values.proxy.https .Values.proxy.http .Values.proxy.noProxy }}
{{- $said := false }}
{{- range .Values.extraEnv }}
{{- $proxied = or $proxied (has (upper .name) (list "HTTPS_PROXY" "HTTP_PROXY")) }}
{{- $said = or $said (eq (upper .name) "NO_PROXY") }}
{{- end }}
{{- if and $proxied (not $said) }}
- name: NO_PROXY
  value: {{ prepend (compact (list .Values.proxy.noProxy)) "$(KUBERNETES_SERVICE_HOST)" | join "," | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where a pod may run: fields of its spec. */}}
{{- define "gateway-token-operator.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What the schema cannot tell is refused here. */}}
{{- define "gateway-token-operator.check" -}}
{{- if not .Values.leaderElection.enabled }}
{{- if gt (int .Values.replicaCount) 1 }}
{{- fail (printf "replicaCount is %d, and leaderElection.enabled is false: only one pod may work. Enable the leader election, or set replicaCount to 1." (int .Values.replicaCount)) }}
{{- end }}
{{- if ne .Values.strategy.type "Recreate" }}
{{- fail "leaderElection.enabled is false: an upgrade would have two pods work at the same time. Set strategy.type to Recreate and strategy.rollingUpdate to null, or enable the leader election." }}
{{- end }}
{{- end }}
{{- if and (eq .Values.strategy.type "Recreate") .Values.strategy.rollingUpdate }}
{{- fail "strategy.type is Recreate: set strategy.rollingUpdate to null, for the API server refuses it." }}
{{- end }}
{{- if and .Values.watchNamespaces (not .Values.clusterID) }}
{{- fail "watchNamespaces is set: set clusterID, too, for without a ClusterRole the operator cannot read what identifies the cluster. Whoever may reads it once: kubectl get namespace kube-system --output jsonpath={.metadata.uid}. It must never change." }}
{{- end }}
{{- if and .Values.watchNamespaces .Values.clusterResourceNamespace }}
{{- fail "watchNamespaces and clusterResourceNamespace are both set: leave out the latter, for without a ClusterRole there are no ClusterTokenIssuers whose credentials would be there." }}
{{- end }}
{{- if and .Values.trustedCA.configMap .Values.trustedCA.secret }}
{{- fail "trustedCA.configMap and trustedCA.secret are both set: set one of them." }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled (not (and .Values.metrics.enabled .Values.metrics.service.enabled)) }}
{{- fail "metrics.serviceMonitor.enabled needs metrics.enabled and metrics.service.enabled: it reads metrics by that Service." }}
{{- end }}
{{- end }}
