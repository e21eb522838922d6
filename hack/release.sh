#!/usr/bin/env bash
# Makes what a release consists of, below bin/release, and pushes nothing: the image
# below bin/image, the charts, install.yaml, an SBOM per platform, their checksums, the
# notes, and the digests of the image.
#
#   hack/release.sh v0.2.0 registry.example.com/team/gateway-token-operator
#
# The operator's chart and install.yaml name the image by that repository; install.yaml by digest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?version, such as v0.2.0} image=${2:?where the image will be, without a tag}
out=bin/release

if [[ -n $(git status --porcelain) ]]; then
	echo 'release: there are changes that no commit has' >&2
	exit 1
fi

# field NAME FILE: the value of a line of YAML.
field() { sed -n "s/^[[:space:]]*$1:[[:space:]]*//p" "$2" | head -n 1; }

# All that names the version must name this one.
chart=charts/gateway-token-operator tokens=charts/gateway-tokens
for said in "v$(field version $chart/Chart.yaml)" "$(field appVersion $chart/Chart.yaml)" "v$(field version $tokens/Chart.yaml)" \
	"$(field appVersion $tokens/Chart.yaml)" "$(field newTag config/manager/kustomization.yaml)"; do
	if [[ $said != "$version" ]]; then
		echo "release: $version is to be released, but a chart or config/manager says $said" >&2
		exit 1
	fi
done

rm -rf "$out"
mkdir -p "$out"

# What CHANGELOG.md says of this version is what the release says.
awk -v heading="## [${version#v}]" 'index($0, "## [") == 1 {said = index($0, heading) == 1; next} said' CHANGELOG.md >"$out/notes.md"
if ! grep -q . "$out/notes.md"; then
	echo "release: CHANGELOG.md has no section ${version#v}" >&2
	exit 1
fi

go -C hack/image run . --version "$version"
cp bin/image/digests bin/image/*.spdx.json "$out"
index=$(sed -n 's/^index=//p' "$out/digests")

# The charts; that of the operator with the image's repository as its default.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -R "$chart" "$tokens" "$scratch"
sed "s|^  repository: gatewaytoken/gateway-token-operator\$|  repository: $image|" "$chart/values.yaml" >"$scratch/gateway-token-operator/values.yaml"
if cmp -s "$chart/values.yaml" "$scratch/gateway-token-operator/values.yaml" && [[ $image != gatewaytoken/gateway-token-operator ]]; then
	echo "release: image.repository was not found in $chart/values.yaml" >&2
	exit 1
fi
# The times in the archives, and their own, which the registry is told, are those of the commit.
committed=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d%H%M.%S)
find "$scratch" -exec env TZ=UTC touch -t "$committed" {} +
"$(hack/tool.sh helm)" package "$scratch/gateway-token-operator" "$scratch/gateway-tokens" --destination "$out" >/dev/null
TZ=UTC touch -t "$committed" "$out"/*.tgz

# Everything in one file, for those who have no Helm.
cp -R config "$scratch/config"
cat >"$scratch/kustomization.yaml" <<-OVERLAY
	apiVersion: kustomize.config.k8s.io/v1beta1
	kind: Kustomization
	resources: [config/default]
	images:
	  - name: gatewaytoken/gateway-token-operator
	    newName: $image
	    digest: $index
OVERLAY
"$(hack/tool.sh kustomize)" build "$scratch" >"$out/install.yaml"
if ! grep -qF "image: $image@$index" "$out/install.yaml"; then
	echo 'release: install.yaml does not name the image' >&2
	exit 1
fi

(cd "$out" && sha256sum -- *.tgz install.yaml *.spdx.json >SHA256SUMS)
echo "release: $version in $out"
(cd "$out" && ls -l)
