package pingone

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// shortClaims are those of a credential's value in the vendor's example.
type shortClaims struct {
	Audience                 string `json:"aud"`
	EnvironmentID            string `json:"environmentId"`
	TargetClusterEnvironment string `json:"targetClusterEnvironment"`
	Issuer                   string `json:"iss"`
	TargetGeography          string `json:"targetGeography"`
	IssuedAt                 int64  `json:"iat"`
	GatewayID                string `json:"gatewayId"`
	ID                       string `json:"jti"`
}

// longClaims are those of a credential's value in the vendor's description.
type longClaims struct {
	shortClaims
	AuthURL          string `json:"authUrl"`
	ConsoleURL       string `json:"consoleUrl"`
	EnvironmentName  string `json:"environmentName"`
	GatewayName      string `json:"gatewayName"`
	GatewayType      string `json:"gatewayType"`
	OrganizationID   string `json:"organizationId"`
	OrganizationName string `json:"organizationName"`
}

type bearerClaims struct {
	ClientID      string `json:"client_id"`
	Issuer        string `json:"iss"`
	ID            string `json:"jti"`
	IssuedAt      int64  `json:"iat"`
	Expires       int64  `json:"exp"`
	Audience      string `json:"aud"`
	EnvironmentID string `json:"env"`
}

// valueOf signs a new value for the credential.
func (v *Vendor) valueOf(c *credential) string {
	short := shortClaims{
		Audience:                 "https://lightning.pingone.com/" + c.gateway.Type + "/" + c.gateway.ID,
		EnvironmentID:            c.gateway.EnvironmentID,
		TargetClusterEnvironment: "PROD",
		Issuer:                   " NOT_SET",
		TargetGeography:          "NA",
		IssuedAt:                 c.createdAt.Unix(),
		GatewayID:                c.gateway.ID,
		ID:                       c.id,
	}
	if v.switches.Claims == ClaimsShort {
		return v.sign(short)
	}
	short.Issuer = "wss://gateways.pingone.com"
	return v.sign(longClaims{
		shortClaims:      short,
		AuthURL:          "https://auth.pingone.com",
		ConsoleURL:       "https://console.pingone.com",
		EnvironmentName:  "Environment",
		GatewayName:      c.gateway.Name,
		GatewayType:      c.gateway.Type,
		OrganizationID:   uuid.NewSHA1(uuid.NameSpaceURL, []byte("organization")).String(),
		OrganizationName: "Organization",
	})
}

// bearerFor signs a new bearer for the application.
func (v *Vendor) bearerFor(a *account, now, expires time.Time) string {
	return v.sign(bearerClaims{
		ClientID:      a.ClientID,
		Issuer:        "https://auth.pingone.com/" + a.EnvironmentID + "/as",
		ID:            v.stage.NewUUID(),
		IssuedAt:      now.Unix(),
		Expires:       expires.Unix(),
		Audience:      "https://api.pingone.com",
		EnvironmentID: a.EnvironmentID,
	})
}

// signingKey is that of the vendor, which has one, however many simulators of it there are.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // it fails only without random numbers, which never happens
	}
	return key
})

// signatures are those that were made before, by the digest of the text, as many as mostSignatures at a time: simulators that are told the same
// sign the same, and each takes a millisecond.
var (
	signatures     = map[[sha256.Size]byte][]byte{}
	signaturesLock sync.Mutex
)

const mostSignatures = 10_000

// signatureOf is that of a text with this digest.
func signatureOf(digest [sha256.Size]byte) ([]byte, error) {
	signaturesLock.Lock()
	defer signaturesLock.Unlock()
	if known := signatures[digest]; known != nil {
		return known, nil
	}
	signature, err := rsa.SignPKCS1v15(nil, signingKey(), crypto.SHA256, digest[:])
	if err != nil {
		return nil, err //nolint:wrapcheck // it never happens
	}
	if len(signatures) >= mostSignatures {
		clear(signatures)
	}
	signatures[digest] = signature
	return signature, nil
}

// sign makes a JWT of the claims, which escapes slashes as the vendor's do.
func (v *Vendor) sign(claims any) string {
	text, err := json.Marshal(claims)
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(strings.ReplaceAll(string(text), "/", `\/`)))
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	if err == nil {
		signature, err = signatureOf(digest)
	}
	if err != nil {
		panic(err) // plain structs, and a key of our own making
	}
	return signed + "." + encode(signature)
}
