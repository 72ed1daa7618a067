{{/* What both agents have in common. */}}

{{/* A component's settings file: the user's, and on Linux with the narrow mount the files that are then out of sight.
Give it (list $ "component"), as the four below. */}}
{{- define "aks-cert-exporter.config" -}}
{{- $ := index . 0 }}
{{- $config := deepCopy $.Values.config }}
{{- if and (eq (index . 1) "node") (eq $.Values.node.kubeletDirectory "pki") }}
{{- $unseen := dict "paths" (dict "evidence" (dict "kubeconfig" "" "bootstrap-kubeconfig" "")) }}
{{- $config = mergeOverwrite $unseen $config }}
{{- end }}
{{- if $config }}
{{- toYaml $config }}
{{- end }}
{{- end }}

{{/* Annotations of a workload itself; give it the map. */}}
{{- define "aks-cert-exporter.annotations" -}}
{{- with . }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Fields of a Pod that older Kubernetes versions do not know; give it (list $ agent's values). */}}
{{- define "aks-cert-exporter.hostUsers" -}}
{{- if and (not (index . 1).hostUsers) (include "aks-cert-exporter.since" (list (index . 0) "1.33")) }}
hostUsers: false
{{- end }}
{{- end }}

{{- define "aks-cert-exporter.profiles" -}}
seccompProfile:
  {{- toYaml (index . 1).seccompProfile | nindent 2 }}
{{- if and (index . 1).appArmorProfile (include "aks-cert-exporter.since" (list (index . 0) "1.30")) }}
appArmorProfile:
  {{- toYaml (index . 1).appArmorProfile | nindent 2 }}
{{- end }}
{{- end }}

{{- define "aks-cert-exporter.podAnnotations" -}}
{{- $annotations := deepCopy (index . 2) }}
{{- with include "aks-cert-exporter.config" . }}
{{- $_ := set $annotations "checksum/config" (sha256sum .) }}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Arguments of every agent; the third of the list is the directory that the mounts below are found in. */}}
{{- define "aks-cert-exporter.args" -}}
{{- $ := index . 0 }}{{ $component := index . 1 }}{{ $directory := index . 2 -}}
- --web.listen-address=0.0.0.0:{{ $.Values.port }}
- --log.level={{ $.Values.log.level }}
- --log.format={{ $.Values.log.format }}
{{- if include "aks-cert-exporter.config" . }}
- --config.file={{ $directory }}/settings/config.yaml
{{- end }}
{{- if $.Values.webConfig.secretName }}
- --web.config.file={{ $directory }}/web/{{ $.Values.webConfig.key }}
{{- end }}
{{- with $.Values.runbooks.url }}
- --runbooks.url={{ . }}
{{- end }}
{{- with $.Values.grafana.url }}
- --grafana.url={{ . }}
{{- end }}
{{- end }}

{{- define "aks-cert-exporter.volumeMounts" -}}
{{- $ := index . 0 }}
{{- if include "aks-cert-exporter.config" . }}
- name: settings
  mountPath: /etc/aks-cert-exporter/settings
  readOnly: true
{{- end }}
{{- if $.Values.webConfig.secretName }}
- name: web
  mountPath: /etc/aks-cert-exporter/web
  readOnly: true
{{- end }}
{{- end }}

{{- define "aks-cert-exporter.volumes" -}}
{{- $ := index . 0 }}
{{- if include "aks-cert-exporter.config" . }}
- name: settings
  configMap:
    name: {{ include "aks-cert-exporter.fullname" $ }}-{{ index . 1 }}
{{- end }}
{{- with $.Values.webConfig.secretName }}
- name: web
  secret:
    secretName: {{ . }}
{{- end }}
{{- end }}

{{/* A probe; give it (list $ path). */}}
{{- define "aks-cert-exporter.probe" -}}
{{- $ := index . 0 -}}
{{- if $.Values.webConfig.clientCertificates -}}
tcpSocket:
  port: metrics
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: metrics
  {{- if $.Values.webConfig.tls }}
  scheme: HTTPS
  {{- end }}
{{- end }}
{{- end }}

{{- define "aks-cert-exporter.portAndProbes" -}}
ports:
  - name: metrics
    containerPort: {{ .Values.port }}
    protocol: TCP
livenessProbe:
  {{- include "aks-cert-exporter.probe" (list . "/healthz") | nindent 2 }}
  periodSeconds: 30
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  {{- include "aks-cert-exporter.probe" (list . "/readyz") | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end }}
