{{- define "injector.revision" -}}
{{ .Values.revision | default "default" }}
{{- end }}

{{- define "injector.isDefault" -}}
{{ if eq (include "injector.revision" .) "default" }}true{{ end }}
{{- end }}

{{- /* The name of everything in the namespace: one installation for each revision. */}}
{{- define "injector.name" -}}
sidecar-injector{{ if not (include "injector.isDefault" .) }}-{{ .Values.revision }}{{ end }}
{{- end }}

{{- /* The name of what belongs to the cluster. */}}
{{- define "injector.clusterName" -}}
{{ include "injector.name" . }}{{ if ne .Release.Namespace "istio-system" }}-{{ .Release.Namespace }}{{ end }}
{{- end }}

{{- define "injector.selector" -}}
app: sidecar-injector
istio.io/rev: {{ include "injector.revision" . }}
{{- end }}

{{- define "injector.labels" -}}
{{ include "injector.selector" . }}
app.kubernetes.io/name: sidecar-injector
app.kubernetes.io/part-of: istio
{{- end }}

{{- define "injector.secret" -}}
{{ .Values.certificate.secretName | default (printf "%s-tls" (include "injector.name" .)) }}
{{- end }}

{{- /* Whether the injector sets caBundle, which takes the Lease and rights on the webhook configuration. */}}
{{- define "injector.patches" -}}
{{- $certificate := .Values.certificate -}}
{{ if or (eq $certificate.source "selfSigned") (and (eq $certificate.source "secret") (not $certificate.caBundle)) }}true{{ end }}
{{- end }}

{{- define "injector.suffix" -}}
{{ if not (include "injector.isDefault" .) }}-{{ .Values.revision }}{{ end }}
{{- end }}

{{- define "injector.istioInjector" -}}
{{ .Values.configuration.istio.injectConfigMapName | default (printf "istio-sidecar-injector%s" (include "injector.suffix" .)) }}
{{- end }}

{{- define "injector.istioMesh" -}}
{{ .Values.configuration.istio.meshConfigMapName | default (printf "istio%s" (include "injector.suffix" .)) }}
{{- end }}

{{- /* Whether Istio's ConfigMaps are read from the API server. */}}
{{- define "injector.asksForConfigMaps" -}}
{{ if and (eq .Values.configuration.source "istio") (not .Values.configuration.istio.mounted) }}true{{ end }}
{{- end }}

{{- /* Whether the chart makes a ConfigMap. */}}
{{- define "injector.ownConfigMap" -}}
{{- with .Values.configuration -}}
{{ if and (ne .source "istio") (or .values .mesh .injection) }}true{{ end }}
{{- end }}
{{- end }}
