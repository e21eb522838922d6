package rackgateway

import (
	"net/http"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// The wire types are written from what the gateway sends and shared with no client, so that a wrong belief of a client's
// is not confirmed here.

type createRequest struct {
	Name        string     `json:"name"`
	UserEmail   string     `json:"user_email"`
	Role        string     `json:"role"`
	Permissions []string   `json:"permissions"`
	ExpiresAt   *time.Time `json:"expires_at"`
}

type updateRequest struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
}

// createAnswer has the value once, in token. Its id is the number and not the ID that the other routes take.
type createAnswer struct {
	Token       string      `json:"token"`
	ID          int64       `json:"id"`
	Name        string      `json:"name"`
	Permissions []string    `json:"permissions"`
	APIToken    tokenObject `json:"api_token"`
}

// tokenObject is a token in all answers.
type tokenObject struct {
	ID              int64      `json:"id"`
	PublicID        string     `json:"public_id"`
	Name            string     `json:"name"`
	UserID          int64      `json:"user_id"`
	CreatedByUserID int64      `json:"created_by_user_id,omitempty"`
	CreatedByEmail  string     `json:"created_by_email,omitempty"`
	CreatedByName   string     `json:"created_by_name,omitempty"`
	Permissions     []string   `json:"permissions"`
	CreatedAt       time.Time  `json:"created_at"`
	ExpiresAt       *time.Time `json:"expires_at"`
	LastUsedAt      *time.Time `json:"last_used_at"`
}

type permissionsAnswer struct {
	Permissions        []string     `json:"permissions"`
	Roles              []roleObject `json:"roles"`
	UserRoles          []string     `json:"user_roles"`
	UserPermissions    []string     `json:"user_permissions"`
	DefaultPermissions []string     `json:"default_permissions"`
}

type roleObject struct {
	Name        string   `json:"name"`
	Label       string   `json:"label"`
	Description string   `json:"description"`
	Permissions []string `json:"permissions"`
}

type errorObject struct {
	Error   string `json:"error"`
	Message string `json:"message,omitempty"`
}

func refuse(status int, message string) stage.Answer {
	return stage.JSON(status, errorObject{Error: message})
}

// object is the token as the API shows it.
func (t *token) object() tokenObject {
	return tokenObject{
		ID:              t.number,
		PublicID:        t.id,
		Name:            t.name,
		UserID:          t.owner.userID,
		CreatedByUserID: t.creator.userID,
		CreatedByEmail:  t.creator.Email,
		CreatedByName:   "User of " + t.creator.Email,
		Permissions:     append([]string{}, t.permissions...),
		CreatedAt:       stored(t.createdAt),
		ExpiresAt:       storedIfAny(t.expiresAt),
		LastUsedAt:      storedIfAny(t.lastUsedAt),
	}
}

func permissionsOf(a *account) stage.Answer {
	answer := permissionsAnswer{
		Permissions:        catalogue(),
		UserRoles:          []string{a.role()},
		UserPermissions:    a.permissions(),
		DefaultPermissions: rolePermissions("cicd"),
	}
	for _, r := range roles() {
		answer.Roles = append(answer.Roles, roleObject{
			Name: r.name, Label: r.label, Description: r.description, Permissions: slices.Clone(r.permissions),
		})
	}
	return stage.JSON(http.StatusOK, answer)
}

// stored is a time as the gateway's database keeps it.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func storedIfAny(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	kept := stored(t)
	return &kept
}
