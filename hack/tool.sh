#!/usr/bin/env bash
# Prints the path of a pinned tool and builds it first where that has not been
# done. This is the one list of tools; their versions stand in the go.mod named.
#
#   $(hack/tool.sh helm) version
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ldflags=
case ${1:-} in
controller-gen)
	mod=go.tools.mod module=sigs.k8s.io/controller-tools package=$module/cmd/controller-gen
	;;
kustomize)
	mod=go.tools.mod module=sigs.k8s.io/kustomize/kustomize/v5 package=$module
	;;
golangci-lint)
	mod=hack/tools/golangci-lint/go.mod module=github.com/golangci/golangci-lint/v2 package=.
	;;
helm-docs)
	mod=hack/tools/helm-docs/go.mod module=github.com/norwoodj/helm-docs package=$module/cmd/helm-docs
	;;
crd-ref-docs)
	mod=hack/tools/crd-ref-docs/go.mod module=github.com/elastic/crd-ref-docs package=$module
	;;
actionlint)
	mod=hack/tools/actionlint/go.mod module=github.com/rhysd/actionlint package=$module/cmd/actionlint
	;;
helm)
	mod=hack/tools/helm/go.mod module=helm.sh/helm/v4 package=$module/cmd/helm
	;;
argocd) # every component and the command line, by ARGOCD_BINARY_NAME
	mod=hack/tools/argocd/go.mod module=github.com/argoproj/argo-cd/v3 package=$module/cmd
	;;
*)
	echo "usage: $0 controller-gen|kustomize|golangci-lint|crd-ref-docs|actionlint|helm-docs|helm|argocd" >&2
	exit 2
	;;
esac

version=$(sed -n "s|^\(require\)\{0,1\}[[:space:]]*$module \(v[^ ]*\).*|\2|p" "$mod" | head -n 1)
case $1 in
helm) # it knows its minor version only
	ldflags="-X helm.sh/helm/v4/internal/version.version=$version"
	;;
argocd) # it knows none
	ldflags="-X $module/common.version=${version#v}"
	;;
esac

out=$PWD/bin/tools/$1-$version
hack/build-once.sh "$out" "$mod" "$package" "$ldflags" >&2
echo "$out"
