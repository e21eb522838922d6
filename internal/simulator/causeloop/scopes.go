package causeloop

import "slices"

const scopeAdmin = "workspace:admin"

// dataScopes are what a member has who is no admin.
func dataScopes() []string {
	return []string{
		"issues:read", "issues:write", "patterns:read", "patterns:write", "predictions:read", "predictions:write",
		"recommendations:read", "recommendations:write",
	}
}

func allScopes() []string {
	return slices.Concat(dataScopes(), []string{
		"connectors:admin", "ingest:write", "webhooks:admin", "members:write", "members:admin", "audit:read", scopeAdmin,
	})
}
