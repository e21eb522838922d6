package token

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// inputsVersion begins the digest. An upgrade of the operator must not change the digest of inputs that did not change: it
// would look as if the spec asked for another token.
const inputsVersion = "1"

// InputsDigest is the digest of what a spec asks of the vendor: resolved, each list sorted and without repetition.
func InputsDigest(inputs map[string][]string) string {
	parts := []string{inputsVersion}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		values := slices.Clone(inputs[name])
		slices.Sort(values)
		parts = append(parts, name+"="+strings.Join(slices.Compact(values), "\x01"))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}
