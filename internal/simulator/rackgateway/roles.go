package rackgateway

import (
	"maps"
	"slices"
	"strings"
)

// role is a set of permissions with a name. What it inherits is in it.
type role struct {
	name, label, description string
	permissions              []string
}

// roles are all roles in the gateway's order.
func roles() []role {
	viewer := permissions("convox", "app:list", "app:read", "process:list", "process:read", "instance:list", "instance:read",
		"log:read", "build:list", "build:read", "rack:read")
	ops := slices.Concat(viewer, permissions("convox", "app:restart", "process:start", "process:exec", "process:terminate",
		"release:list", "env:read"))
	approvals := permissions("gateway", "deploy_approval_request:create", "deploy_approval_request:read")
	deployer := slices.Concat(ops, approvals, permissions("convox", "build:create", "object:create", "release:create",
		"release:read", "release:promote", "env:set", "app:update"))
	cicd := slices.Concat(approvals, permissions("convox", "app:list", "app:read", "process:list", "process:read",
		"deploy:deploy_with_approval", "instance:list", "instance:read", "rack:read"))
	all := []role{
		{"viewer", "Viewer", "Looks and changes nothing", viewer},
		{"ops", "Operations", "Looks, restarts and runs processes", ops},
		{"deployer", "Deployer", "Builds and releases as well", deployer},
		{"cicd", "CI/CD", "For pipelines that deploy with approval", cicd},
		{"admin", "Admin", "Everything", []string{"convox:*:*", "gateway:*:*"}},
	}
	for _, r := range all {
		slices.Sort(r.permissions)
	}
	return all
}

// permissions puts the scope before each action.
func permissions(scope string, actions ...string) []string {
	found := make([]string, 0, len(actions))
	for _, action := range actions {
		found = append(found, scope+":"+action)
	}
	return found
}

// rolePermissions are the permissions of a role; nil if there is none of this name.
func rolePermissions(name string) []string {
	for _, r := range roles() {
		if r.name == name {
			return r.permissions
		}
	}
	return nil
}

// catalogue are all permissions that a role has.
func catalogue() []string {
	found := map[string]bool{}
	for _, r := range roles() {
		for _, permission := range r.permissions {
			found[permission] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// role is the one that the user has.
func (a *account) role() string {
	if a.Admin {
		return "admin"
	}
	return "viewer"
}

func (a *account) permissions() []string { return rolePermissions(a.role()) }

// grant says whether one of the permissions, which may have wildcards, is or includes the one asked for.
func grant(permissions []string, asked string) bool {
	return slices.ContainsFunc(permissions, func(permission string) bool {
		held, wanted := strings.Split(permission, ":"), strings.Split(asked, ":")
		if len(held) != len(wanted) {
			return false
		}
		for i := range held {
			if held[i] != "*" && held[i] != wanted[i] {
				return false
			}
		}
		return true
	})
}
