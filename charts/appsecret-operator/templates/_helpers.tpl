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

{{/* Of cluster-wide objects that belong to one release: two releases may have one name in two namespaces. */}}
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

{{/* What the operator may do in a namespace, or in all of them. hack/rbac.yaml has the same; a test says so. */}}
{{- define "appsecret-operator.rules" -}}
- apiGroups: [appsecret.dev]
  resources: [appsecrets]
  # get: is it still there? Asked before a Secret is made that nothing would collect. patch: the label of a type's holder.
  verbs: [get, list, watch, patch]
- apiGroups: [appsecret.dev]
  resources: [appsecrets/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets]
  # get: the Secrets that a secretKeyRef names. delete: what is withdrawn (disabled, renamed, a duplicate).
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if .Values.workloadRestarts.enabled }}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  # spec.restart: an annotation of the Pod template. The guard policy allows nothing else.
  verbs: [patch]
{{- end }}
{{- end -}}
