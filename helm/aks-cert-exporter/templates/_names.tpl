{{- define "aks-cert-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Room is left for the longest suffix that object names get, `-node-windows`. */}}
{{- define "aks-cert-exporter.fullname" -}}
{{- $name := include "aks-cert-exporter.name" . }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* Labels of an object; give it (list $ "component"), or (list $ "") for what belongs to no component. */}}
{{- define "aks-cert-exporter.labels" -}}
{{- $ := index . 0 }}{{ $component := index . 1 }}
{{- if $component }}
{{- include "aks-cert-exporter.selector" . }}
{{- else }}
app.kubernetes.io/name: {{ include "aks-cert-exporter.name" $ }}
app.kubernetes.io/instance: {{ $.Release.Name }}
{{- end }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version | replace "+" "_" }}
{{- with $.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels that select a component's Pods. */}}
{{- define "aks-cert-exporter.selector" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: {{ include "aks-cert-exporter.name" $ }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The service account of "node" or "cluster". */}}
{{- define "aks-cert-exporter.serviceAccount" -}}
{{- $ := index . 0 }}{{ $component := index . 1 }}
{{- $account := (index $.Values $component).serviceAccount }}
{{- if $account.name }}
{{- $account.name }}
{{- else if $account.create }}
{{- printf "%s-%s" (include "aks-cert-exporter.fullname" $) $component }}
{{- else -}}
default
{{- end }}
{{- end }}

{{/* Repository with digest or tag; give it (list $ image). */}}
{{- define "aks-cert-exporter.image" -}}
{{- $ := index . 0 }}{{ $image := index . 1 }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default $.Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}
