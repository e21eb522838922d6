package stack

import "time"

// PodMargin is how much later than a publication a pod must have been created to be known to have the new value, where ShortSettings are in
// force.
const PodMargin = time.Second

// ShortSettings are the operator's settings that keep a run short, each with the default that it replaces.
func ShortSettings(more ...string) []string {
	return append([]string{
		"--overlap-floor=2s",                 // 2m
		"--request-timeout=3s",               // 15s
		"--settle=6s",                        // 30s; never under twice the request time-out
		"--pod-margin=" + PodMargin.String(), // 10s
		"--restart-delay=3s",                 // 15s; a pod margin and two seconds at least
		"--pod-watch-pause=1s",               // 30s
		"--leader-elect-lease-duration=5s",   // 15s
		"--leader-elect-renew-deadline=4s",   // 10s
		"--leader-elect-retry-period=500ms",  // 2s
	}, more...)
}
