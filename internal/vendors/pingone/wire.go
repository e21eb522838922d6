package pingone

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// identified is as much of a gateway or an environment as is looked at.
type identified struct {
	ID string `json:"id"`
}

// row is a credential as the vendor shows it. It never has a value; if it had one, it would not be decoded.
type row struct {
	ID         string `json:"id"`
	CreatedAt  string `json:"createdAt"`
	LastUsedAt string `json:"lastUsedAt"`
}

// token reads a row. It is not ok where the ID cannot be one; everything else may be missing. The account is the environment
// whose path the row was found under: environments have IDs of their own in all regions, so that it says no less than a row
// could.
func (r row) token(environment string) (token.Token, bool) {
	if !isUUID(r.ID) {
		return token.Token{}, false
	}
	return token.Token{
		ID: token.ID(r.ID), State: token.Active, Account: environment,
		IssuedAt: instant(r.CreatedAt), LastUsedAt: instant(r.LastUsedAt),
	}, true
}

// created is the answer to a create. The value is called credential where the call is documented, and token where PingOne lists
// the fields of a credential.
type created struct {
	row
	Credential string `json:"credential"`
	Token      string `json:"token"`
}

func (c created) value() token.Value {
	if c.Credential != "" {
		return token.NewValue(c.Credential)
	}
	return token.NewValue(c.Token)
}

// issued judges the answer to a create. Whatever is wrong with it, the vendor said 201, so that there is a credential. Its value
// must say by itself that it is this credential's, of this gateway.
func (c created) issued(operation, environment, gateway string) (token.Issued, error) {
	fail := func(cause token.Cause, stray token.ID) (token.Issued, error) {
		return token.Issued{}, &token.Failure{
			Operation: operation, Class: token.Ambiguous, Cause: cause, Status: http.StatusCreated, Stray: stray,
		}
	}
	made, ok := c.token(environment)
	if !ok {
		return fail(token.CauseUnexpected, "")
	}
	value := c.value()
	if !value.Usable() {
		return fail(token.CauseEmptyValue, made.ID)
	}
	if id, of, ok := Proof(value); !ok || id != made.ID || of != gateway {
		return fail(token.CauseUnexpected, made.ID)
	}
	return token.Issued{Token: made, Value: value}, nil
}

// Proof reads from a credential's value which credential it is, and of which gateway. Nothing is verified: whoever writes a value
// can write any ID into it. So it tells which record a value belongs to if it is genuine, and nothing else may be concluded
// from it.
func Proof(value token.Value) (id token.ID, gateway string, ok bool) {
	if !value.Usable() { // which bounds it, too
		return "", "", false
	}
	parts := strings.Split(value.Reveal(), ".")
	if len(parts) != 3 {
		return "", "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", "", false
	}
	// A map, since a struct would take a claim of another case for the same.
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil {
		return "", "", false
	}
	jti, _ := claims["jti"].(string)
	gateway, _ = claims["gatewayId"].(string)
	if !isUUID(jti) || !isUUID(gateway) {
		return "", "", false
	}
	return token.ID(jti), gateway, true
}

// refusal is as much of an error as is looked at.
type refusal struct {
	Details []struct {
		Code string `json:"code"`
	} `json:"details"`
}

// constraint is the code of a detail that says that a request would break a rule. A create has nothing in it that could break any
// rule but that of the number.
const constraint = "CONSTRAINT_VIOLATION"

// refused tells the refusal of a credential too many where it says what it is.
func refused(class token.Class, body []byte) (token.Class, token.Cause) {
	if !mayBeQuota(class) {
		return class, token.CauseStatus
	}
	var read refusal
	if json.Unmarshal(body, &read) != nil {
		return class, token.CauseStatus
	}
	for _, detail := range read.Details {
		if detail.Code == constraint {
			return token.Quota, token.CauseStatus
		}
	}
	return class, token.CauseStatus
}

// mayBeQuota: credentials that are refused, a place that is not there and a rate are no matter of numbers.
func mayBeQuota(class token.Class) bool {
	return class == token.Invalid || class == token.Conflict || class == token.Forbidden
}

// instant reads RFC 3339; zero where it is not one.
func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
