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

{{/* The label that the Pods of all node agents carry, on Linux and on Windows. */}}
{{- define "aks-cert-exporter.nodeAgentLabel" -}}
aks-cert-exporter/agent: node
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

{{/* The namespace of all objects that have one and do not belong elsewhere. */}}
{{- define "aks-cert-exporter.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* Name of objects without a namespace: two releases of one name in two namespaces must not share any. */}}
{{- define "aks-cert-exporter.clusterName" -}}
{{- printf "%s-%s-cluster" (include "aks-cert-exporter.namespace" .) (include "aks-cert-exporter.fullname" .) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* A reference to an image; give it (list $ image). Missing parts come from `.Values.image`, but never its digest. */}}
{{- define "aks-cert-exporter.image" -}}
{{- $ := index . 0 }}{{ $image := index . 1 }}{{ $common := $.Values.image }}
{{- $repository := default (printf "%s-node" $common.repository) $image.repository }}
{{- $registry := default $common.registry $image.registry }}
{{- $first := first (splitList "/" $repository) }}
{{- if and (contains "/" $repository) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) }}
{{- $registry = $first }}
{{- $repository = trimPrefix (printf "%s/" $first) $repository }}
{{- end }}
{{- $registry = default $registry ($.Values.global).imageRegistry | trimSuffix "/" }}
{{- $name := trimPrefix "/" (printf "%s/%s" $registry $repository) }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default (default $.Chart.AppVersion $common.tag) $image.tag) }}
{{- end }}
{{- end }}

{{/* Whether there is any node agent: a word, or nothing. */}}
{{- define "aks-cert-exporter.nodeAgents" -}}
{{- if or .Values.node.enabled .Values.node.windows.enabled }}yes{{ end }}
{{- end }}

{{/* Whether Kubernetes is at least of a version; give it (list $ "1.33"). */}}
{{- define "aks-cert-exporter.since" -}}
{{- if semverCompare (printf ">=%s-0" (index . 1)) (index . 0).Capabilities.KubeVersion.Version }}yes{{ end }}
{{- end }}
