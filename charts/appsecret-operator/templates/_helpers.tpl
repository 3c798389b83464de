{{- define "appsecret-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "appsecret-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "appsecret-operator.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "appsecret-operator.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* For cluster-wide objects of one release: two releases can have the same name in two namespaces. */}}
{{- define "appsecret-operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "appsecret-operator.fullname" .) -}}
{{- end -}}

{{- define "appsecret-operator.guardName" -}}
{{- printf "operator-secrets.%s.%s.appsecret.dev" .Release.Namespace (include "appsecret-operator.serviceAccountName" .) -}}
{{- end -}}

{{- define "appsecret-operator.workloadsGuardName" -}}
{{- printf "operator-workloads.%s.%s.appsecret.dev" .Release.Namespace (include "appsecret-operator.serviceAccountName" .) -}}
{{- end -}}

{{- define "appsecret-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "appsecret-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "appsecret-operator.labels" -}}
{{ include "appsecret-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "appsecret-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "appsecret-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "appsecret-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The port of httpsProxy; empty when there is no proxy. */}}
{{- define "appsecret-operator.proxyPort" -}}
{{- with .Values.httpsProxy -}}
{{- $url := urlParse . -}}
{{- default (ternary "443" "80" (eq $url.scheme "https")) (regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host)) -}}
{{- end -}}
{{- end -}}

{{/* What the operator may do in a namespace, or in all of them. A test compares it with hack/rbac.yaml. */}}
{{- define "appsecret-operator.rules" -}}
- apiGroups: [appsecret.dev]
  resources: [appsecrets]
  # get: to make sure that it still exists before a Secret is created or deleted. patch: for the label of a type's holder.
  verbs: [get, list, watch, patch]
- apiGroups: [appsecret.dev]
  resources: [appsecrets/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets]
  # get: for the Secrets that a secretKeyRef names. delete: for a Secret that is no longer published (disabled, renamed, duplicate).
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- if .Values.workloadRestarts.enabled }}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  # For spec.restart. The guard policy limits it to annotations of the Pod template.
  verbs: [patch]
{{- end }}
{{- end -}}
