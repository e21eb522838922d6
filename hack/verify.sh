#!/usr/bin/env bash
# `make verify`: everything that must hold before a commit, the tests excepted.
# Runs all checks, names each, and fails at the end if one failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=()

# check NAME COMMAND...: one line when it passes, its output when it does not.
check() {
	local name=$1
	shift
	printf 'verify: %-40s ' "$name"
	SECONDS=0
	if "$@" >"$scratch/out" 2>&1; then
		echo "ok (${SECONDS} s)"
	else
		echo "FAILED (${SECONDS} s)"
		cat "$scratch/out"
		failed+=("$name")
	fi
}

# snapshot prints the hash of a Git tree of all files that are not ignored, as they
# are now, committed or not. It writes to an index of its own.
snapshot() {
	rm -f "$scratch/index"
	GIT_INDEX_FILE=$scratch/index git add --all && GIT_INDEX_FILE=$scratch/index git write-tree
}

generated() {
	local before after
	before=$(snapshot) && make generate && after=$(snapshot) || return
	git diff --exit-code "$before" "$after" ||
		{ echo 'generated files were stale: commit what `make generate` wrote' && return 1; }
}

formatted() { "$golangci_lint" fmt --diff ./...; }

# linted checks a module of its own, which ./... leaves out.
linted() { (cd "$1" && go vet ./... && "$golangci_lint" fmt --diff ./... && "$golangci_lint" run ./...); }

kustomized() {
	for dir in config/default config/crd config/namespaced examples/namespaced; do
		if [[ -f $dir/kustomization.yaml ]]; then
			"$kustomize" build "$dir" >/dev/null || return
		fi
	done
}

# A chart that looks something up in the cluster renders nothing without one.
chart() {
	"$helm" lint --strict "$1" || return
	grep --quiet --recursive ' lookup ' "$1/templates" ||
		"$helm" template verify "$1" --namespace verify --include-crds >/dev/null
}

# No simulator and no test environment in the operator's binary: a rule of the
# linter, checked here on what is really linked.
linked() {
	local deps
	deps=$(go list -deps ./cmd/manager) || return
	! grep -E '/internal/(simulator|testkit)|controller-runtime/pkg/envtest' <<<"$deps"
}

golangci_lint=$(hack/tool.sh golangci-lint) || exit
helm=$(hack/tool.sh helm) || exit
kustomize=$(hack/tool.sh kustomize) || exit
actionlint=$(hack/tool.sh actionlint) || exit
hack/tool.sh controller-gen >/dev/null || exit
hack/tool.sh crd-ref-docs >/dev/null || exit

check 'generated files' generated
while read -r mod; do
	check "go mod tidy: ${mod#./}" go -C "$(dirname "$mod")" mod tidy -diff
done < <(find . -name go.mod -not -path './bin/*' | sort)
check 'go vet' go vet ./...
check 'format' formatted
check 'lint' "$golangci_lint" run ./...
check 'lint: hack/image' linted hack/image
check 'what the operator links' linked
check 'kustomize build' kustomized
check 'workflows' "$actionlint" -no-color
while read -r file; do
	check "chart: $(dirname "${file#./}")" chart "$(dirname "$file")"
done < <(find charts examples -name Chart.yaml 2>/dev/null | sort)

if ((${#failed[@]})); then
	printf 'verify: failed: %s\n' "${failed[@]}"
	exit 1
fi
echo 'verify: all passed'
