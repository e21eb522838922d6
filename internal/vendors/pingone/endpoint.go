package pingone

import (
	"errors"
	"strings"
)

var (
	// ErrRegion: PingOne has no such region.
	ErrRegion = errors.New("not a region of PingOne: NA, EU, AP, AU, CA or SG")
	// ErrEnvironment: the environment of the worker application cannot be one.
	ErrEnvironment = errors.New("not the ID of an environment, a lower-case UUID")
	// ErrPool: the name of a pool cannot be one.
	ErrPool = errors.New("not the ID of an environment, a slash and the ID of a gateway, both lower-case UUIDs")
)

// suffixes are what the hosts of a region end in.
var suffixes = map[string]string{"NA": "com", "EU": "eu", "AP": "asia", "AU": "com.au", "CA": "ca", "SG": "sg"}

// Endpoints gives the URL of a region's API, and that of the token endpoint of an environment: the one that the worker
// application is in. The error is ErrRegion or ErrEnvironment.
func Endpoints(region, environmentID string) (url, authURL string, err error) {
	suffix, known := suffixes[region]
	switch {
	case !known:
		return "", "", ErrRegion
	case !lowerUUID(environmentID):
		return "", "", ErrEnvironment
	}
	return "https://api.pingone." + suffix + "/v1", "https://auth.pingone." + suffix + "/" + environmentID + "/as/token", nil
}

// splitPool reads the name of a pool. A gateway has one name only: under a second spelling it would be a second pool, and what
// is done to one pool after the other would be done to one gateway at the same time.
func splitPool(name string) (environment, gateway string, err error) {
	environment, gateway, _ = strings.Cut(name, "/")
	if !lowerUUID(environment) || !lowerUUID(gateway) {
		return "", "", ErrPool
	}
	return environment, gateway, nil
}

func lowerUUID(text string) bool { return isUUID(text) && strings.ToLower(text) == text }

// isUUID tells whether a text is a UUID in its usual form, in any case. All of PingOne's IDs are.
func isUUID(text string) bool {
	const form = "00000000-0000-0000-0000-000000000000"
	if len(text) != len(form) {
		return false
	}
	for i := range len(form) {
		if (form[i] == '-') != (text[i] == '-') || (form[i] != '-' && !isHex(text[i])) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
