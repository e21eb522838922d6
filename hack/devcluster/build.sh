#!/usr/bin/env bash
# Builds the control plane that tests, demo and `make dev` run on, from the Go
# modules that go.mod beside this file pins, into bin/control-plane/<version>/; and
# with --nodes, for those who have pods run, kube-scheduler and kwok beside it.
# Minutes when nothing is cached, nothing at all afterwards. KUBEBUILDER_ASSETS,
# when set, names a directory with the binaries, and nothing is built.
#
# KUBERNETES_VERSION=v1.32.13 builds that version instead of the pinned one, beside it:
# the modules that its own go.mod names, and the pinned etcd and kwok.
#
#   hack/devcluster/build.sh             build what is missing or out of date
#   hack/devcluster/build.sh --nodes     the same, with what plays nodes
#   hack/devcluster/build.sh --version   print the Kubernetes version, as in v1.36.3
#   hack/devcluster/build.sh --assets    print the directory of the binaries
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# go.mod is the one place that names versions; kwok has one of its own.
required() { sed -n "s|^[[:space:]]*$1 \(v[^ ]*\).*|\1|p" "$here/${2:-.}/go.mod" | head -n 1; }

pinned=$(required k8s.io/kubernetes)
version=${KUBERNETES_VERSION:-$pinned}
if [[ ! $version =~ ^v1\.[0-9]+\.[0-9]+(-[a-z]+\.[0-9]+)?$ ]]; then
	echo "control-plane: KUBERNETES_VERSION=$version is not of the form v1.36.3" >&2
	exit 2
fi
assets=${KUBEBUILDER_ASSETS:-$root/bin/control-plane/$version}
nodes=

case ${1:-} in
--version) echo "$version" && exit ;;
--assets) echo "$assets" && exit ;;
--nodes) nodes=yes ;;
'') ;;
*) echo "usage: $0 [--nodes|--version|--assets]" >&2 && exit 2 ;;
esac

if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
	for name in etcd kube-apiserver kube-controller-manager ${nodes:+kube-scheduler kwok}; do
		if [[ ! -x $assets/$name ]]; then
			echo "control-plane: KUBEBUILDER_ASSETS=$assets has no $name: unset it to build all of them" >&2
			exit 1
		fi
	done
	exit 0
fi

# Without these the binaries call themselves v0.0.0-master, and clients that
# compare versions are misled.
IFS=. read -r major minor _ <<<"${version#v}"
stamp=k8s.io/component-base/version
ldflags="-X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean"

# module makes the go.mod of a version that is not pinned here: Kubernetes' own one has
# its staging modules beside it, which are modules of the proxy for everybody else.
module() {
	local dir=$1 source
	if [[ -d $dir ]]; then
		return
	fi
	part=$dir.$$ # renamed when whole
	trap 'rm -rf "$part"' EXIT
	mkdir -p "$part"
	source=$(cd / && GOWORK=off go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",\{0,1\}$/\1/p')
	{
		echo 'module control-plane'
		grep '^go ' "$source"
		echo "require k8s.io/kubernetes $version"
		sed -n "s|^[[:space:]]*\(k8s.io/[^ ]*\) => ./staging/.*|replace \1 => \1 v0.${version#v1.}|p" "$source"
	} >"$part/go.mod"
	# Only for what it writes to go.sum.
	(cd "$part" && GOWORK=off go list -mod=mod -deps k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubectl} >/dev/null)
	mv "$part" "$dir"
}

kubernetes=$here/go.mod
if [[ $version != "$pinned" ]]; then
	kubernetes=$assets/.module/go.mod
	module "${kubernetes%/*}"
fi

build() { "$root/hack/build-once.sh" "$assets/$1" "${3:-$kubernetes}" "$2" "$ldflags"; }

echo "control-plane: Kubernetes $version, etcd $(required go.etcd.io/etcd/server/v3)${nodes:+, kwok $(required sigs.k8s.io/kwok kwok)}"
build etcd go.etcd.io/etcd/server/v3 "$here/go.mod"
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
if [[ -n $nodes ]]; then
	build kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler
	"$root/hack/build-once.sh" "$assets/kwok" "$here/kwok/go.mod" sigs.k8s.io/kwok/cmd/kwok
fi
if ! command -v kubectl >/dev/null; then
	build kubectl k8s.io/kubernetes/cmd/kubectl
fi
