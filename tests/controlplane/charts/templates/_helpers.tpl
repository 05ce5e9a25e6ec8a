{{- /* The value at a dotted path: list ROOT PATH. */ -}}
{{- define "at" -}}
{{- $value := (index . 0).Values -}}
{{- range splitList "." (index . 1) -}}{{- $value = index $value . -}}{{- end -}}
{{- $value -}}
{{- end -}}

{{- /* Labels by which Pods are found: dict root object. */ -}}
{{- define "labels" -}}
application: {{ .object.application | default .root.Chart.Name }}
component: {{ .object.component }}
release_group: {{ .root.Values.release_group | default .root.Release.Name }}
{{- end -}}

{{- /* Annotations of a hook; those of the values come first, as helm-toolkit prints them. */ -}}
{{- define "hook" -}}
{{- $hook := .object.hook | default dict -}}
{{- if and (eq .object.kind "Job") (not .object.fixed) -}}
{{- $named := dict -}}
{{- with (.root.Values.annotations).job -}}
{{- $named = index . ($.object.name | replace "-" "_") | default (.default | default dict) -}}
{{- end -}}
{{- range $name, $value := $named }}
{{ $name }}: {{ $value | quote }}
{{- end -}}
{{- end -}}
{{- with $hook.event }}
"helm.sh/hook": {{ eq . "post" | ternary "post-install,post-upgrade" . }}
{{- end -}}
{{- if hasKey $hook "weight" }}
helm.sh/hook-weight: {{ $hook.weight | quote }}
{{- end -}}
{{- with $hook.delete }}
"helm.sh/hook-delete-policy": {{ . }}
{{- end -}}
{{- if $hook.keep }}
helm.sh/resource-policy: keep
{{- end -}}
{{- end -}}

{{- /* NAMESPACE:SERVICE of endpoints, as helm-toolkit writes DEPENDENCY_SERVICE: dict root services. */ -}}
{{- define "services" -}}
{{- $names := list -}}
{{- range .services -}}
{{- $endpoint := index $.root.Values.endpoints .service -}}
{{- $host := index $endpoint.hosts .endpoint | default $endpoint.hosts.default -}}
{{- $names = append $names (printf "%s:%s" ($endpoint.namespace | default $.root.Release.Namespace) $host) -}}
{{- end -}}
{{- join "," $names -}}
{{- end -}}

{{- /* The environment of the init container: dict root object. */ -}}
{{- define "dependencies" -}}
{{- $root := .root -}}
{{- $key := .object.needs -}}
{{- $static := index $root.Values.dependencies.static $key | default dict -}}
{{- $services := $static.services | default list -}}
{{- $jobs := $static.jobs | default list -}}
{{- $pods := $static.pod | default list -}}
{{- range $backend := ($root.Values.network).backend -}}
{{- $more := dig "dynamic" "targeted" $backend $key dict $root.Values.dependencies -}}
{{- $services = concat $services ($more.services | default list) -}}
{{- $jobs = concat $jobs ($more.jobs | default list) -}}
{{- $pods = concat $pods ($more.pod | default list) -}}
{{- end -}}
- name: DEPENDENCY_SERVICE
  value: {{ include "services" (dict "root" $root "services" $services) | quote }}
- name: DEPENDENCY_JOBS
  value: {{ join "," $jobs | quote }}
- name: DEPENDENCY_POD_JSON
  value: {{ if $pods }}{{ toJson $pods | quote }}{{ else }}""{{ end }}
{{- end -}}

{{- /* A Pod's metadata and spec: dict root object. */ -}}
{{- define "pod" -}}
{{- $mounts := .object.mounts | default list -}}
{{- if and .object.ceph (eq (include "at" (list .root "conf.ceph.enabled")) "true") -}}
{{- $mounts = concat $mounts .object.ceph -}}
{{- end -}}
metadata:
  labels:
    {{- include "labels" . | nindent 4 }}
  annotations:
    chart-version: {{ .root.Chart.Version | quote }}
    configmap-etc-hash: {{ list .root.Values.endpoints .root.Values.conf | toJson | sha256sum }}
spec:
  {{- if eq .object.kind "Job" }}
  restartPolicy: OnFailure
  {{- end }}
  {{- with .object.node }}
  nodeSelector:
    {{ . }}: enabled
  {{- end }}
  {{- if .object.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if .object.needs }}
  initContainers:
  - name: init
    image: stand-in.invalid/entrypoint
    env:
    {{- include "dependencies" . | nindent 4 }}
  {{- end }}
  {{- if .object.restricted }}
  securityContext:
    runAsNonRoot: true
    seccompProfile: {type: RuntimeDefault}
  {{- end }}
  containers:
  - name: {{ .object.component | replace "_" "-" }}
    image: stand-in.invalid/{{ .object.component }}
    {{- if .object.restricted }}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
    {{- end }}
  {{- with $mounts }}
  volumes:
  {{- range $number, $mount := . }}
  - name: volume-{{ $number }}
    {{- if hasPrefix "cm/" $mount }}
    configMap:
      name: {{ trimPrefix "cm/" $mount }}
    {{- else }}
    secret:
      secretName: {{ $mount }}
    {{- end }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- /* One object, where values want it: dict root object. */ -}}
{{- define "object" }}
{{- $root := .root }}
{{- $object := .object }}
{{- $call := . }}
{{- if or (not $object.when) (eq (include "at" (list $root ($object.when | default ""))) "true") }}
---
apiVersion: {{ index (dict "Job" "batch/v1" "Deployment" "apps/v1" "StatefulSet" "apps/v1" "DaemonSet" "apps/v1") $object.kind | default "v1" }}
kind: {{ $object.kind }}
metadata:
  name: {{ $object.name }}
  {{- if has $object.kind (list "Deployment" "StatefulSet" "DaemonSet" "Job") }}
  labels:
    {{- include "labels" $call | nindent 4 }}
  {{- end }}
  {{- with include "hook" $call }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
{{- if eq $object.kind "Service" }}
spec:
  {{- if $object.headless }}
  clusterIP: None
  {{- end }}
  selector:
    {{- include "labels" $call | nindent 4 }}
  ports:
  - name: main
    port: {{ $object.port }}
{{- else if has $object.kind (list "Deployment" "StatefulSet" "DaemonSet" "Job") }}
spec:
  {{- with $object.replicas }}
  replicas: {{ include "at" (list $root .) }}
  {{- end }}
  {{- if ne $object.kind "Job" }}
  selector:
    matchLabels:
      {{- include "labels" $call | nindent 6 }}
  {{- end }}
  {{- with $object.serviceName }}
  serviceName: {{ . }}
  {{- end }}
  {{- if $object.parallel }}
  podManagementPolicy: Parallel
  {{- end }}
  template:
    {{- include "pod" $call | nindent 4 }}
  {{- with $object.claim }}
  volumeClaimTemplates:
  - metadata:
      name: {{ .name }}
    spec:
      accessModes: [ReadWriteOnce]
      storageClassName: {{ include "at" (list $root (printf "%s.class_name" .at)) }}
      resources:
        requests:
          storage: {{ include "at" (list $root (printf "%s.size" .at)) }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
