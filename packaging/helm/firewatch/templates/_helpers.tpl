{{- define "firewatch.name" -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- end }}
{{- define "firewatch.selector" -}}
app.kubernetes.io/name: firewatch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "firewatch.labels" -}}
{{ include "firewatch.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
{{- define "firewatch.account" -}}{{ .Values.serviceAccount.name | default (include "firewatch.name" .) }}{{- end }}
{{- define "firewatch.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}
{{- define "firewatch.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
