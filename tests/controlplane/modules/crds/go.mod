// Only downloaded for the CRDs in them, never compiled: `go mod tidy` would empty this list.
module openinfra-tui.test/crds

go 1.26

require (
	github.com/argoproj/argo-cd/v3 v3.5.3
	github.com/bitnami-labs/sealed-secrets v0.36.6
	github.com/cert-manager/cert-manager v1.21.1
	github.com/envoyproxy/gateway v1.9.0
	github.com/external-secrets/external-secrets v1.3.2
	github.com/flux-iac/tofu-controller v0.16.5
	github.com/fluxcd/helm-controller v1.6.4
	github.com/fluxcd/kustomize-controller v1.9.4
	github.com/fluxcd/notification-controller v1.9.3
	github.com/fluxcd/source-controller v1.9.3
	github.com/k-orc/openstack-resource-controller/v2 v2.6.0
	github.com/metal3-io/baremetal-operator v0.13.2
	github.com/prometheus-operator/prometheus-operator v0.93.0
	go.universe.tf/metallb v0.16.1
	sigs.k8s.io/cluster-api v1.13.5
	sigs.k8s.io/cluster-api-operator v0.28.0
	sigs.k8s.io/cluster-api-provider-openstack v0.14.7
	sigs.k8s.io/gateway-api v1.6.1
)
