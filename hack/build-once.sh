#!/usr/bin/env bash
# Builds one pinned binary, once: until the go.mod or go.sum that pins it changes
# (or the Go files beside it, where the package is theirs). Prints one line, with the start, a dot for every
# ten seconds and the seconds it took; nothing when the binary is there already.
#
#   hack/build-once.sh OUT GO_MOD PACKAGE [LDFLAGS]
#
# GO_MOD is the go.mod, or a modfile such as go.tools.mod; its go.sum lies beside it.
set -euo pipefail

out=$1 mod=$2 package=$3 ldflags="-s -w ${4:-}"
name=$(basename "$out")
stamp=$(dirname "$out")/.$name.stamp

sums() {
	cksum <"$mod"
	cksum <"${mod%.mod}.sum"
	if [[ $package == . ]]; then cat "$(dirname "$mod")"/*.go | cksum; fi
	echo "$ldflags"
}

if [[ -x $out && -f $stamp && $(<"$stamp") == "$(sums)" ]]; then
	exit 0
fi

mkdir -p "$(dirname "$out")"
part=$(cd "$(dirname "$out")" && pwd)/.$name.$$ # renamed when whole: two makes may run at once
log=$part.log
trap 'rm -f "$part" "$log"' EXIT

printf '  %-28s %s ' "$name" "$(date +%H:%M:%S)"
SECONDS=0
(
	cd "$(dirname "$mod")"
	CGO_ENABLED=0 GOWORK=off exec go build -modfile="$(basename "$mod")" -trimpath -ldflags "$ldflags" -o "$part" "$package"
) >"$log" 2>&1 </dev/null &
build=$!
trap 'kill "$build" 2>/dev/null || true; rm -f "$part" "$log"' EXIT

next=10
while kill -0 "$build" 2>/dev/null; do
	if ((SECONDS >= next)); then
		printf .
		next=$((next + 10))
	fi
	sleep 0.2
done

if ! wait "$build"; then
	printf ' failed after %s s\n' "$SECONDS"
	cat "$log" >&2
	exit 1
fi

mv "$part" "$out"
sums >"$stamp"
printf ' %s s\n' "$SECONDS"
