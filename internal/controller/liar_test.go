package controller_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// liar is a server of a tenant's own that speaks as Causely does, and says what the tenant wants it to say: whoever may create a
// TokenIssuer may name it.
type liar struct {
	server *httptest.Server
	mu     sync.Mutex
	// row is what it answers to a create, beside the name and what is not said here.
	row map[string]any
	// rows are what it lists.
	rows []map[string]any
	// answers replace what it would answer, by method and path; "" stands for all.
	answers map[string]func(http.ResponseWriter)
	// heard are the requests that came, with their headers and bodies.
	heard []string
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	l := &liar{row: map[string]any{}, rows: []map[string]any{}, answers: map[string]func(http.ResponseWriter){}}
	l.server = httptest.NewTLSServer(l)
	t.Cleanup(l.server.Close)
	return l
}

// ServeHTTP implements http.Handler.
func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	l.heard = append(l.heard, fmt.Sprint(r.Method, " ", r.URL, " ", r.Header, " ", string(body)))
	route := r.Method + " " + r.URL.Path
	for _, of := range []string{route, ""} {
		if answer := l.answers[of]; answer != nil {
			answer(w)
			return
		}
	}
	switch {
	case route == "POST /login":
		l.say(w, http.StatusOK, map[string]any{"access_token": "bearer-of-the-liar-0123456789", "expires_in": 3600})
	case route == "GET /api/tokens":
		l.say(w, http.StatusOK, l.rows)
	case route == "POST /api/tokens":
		l.create(w, body)
	case strings.HasSuffix(route, "/revoke"):
		l.revoke(w, strings.Split(r.URL.Path, "/")[3])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (l *liar) create(w http.ResponseWriter, body []byte) {
	var asked struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	row := map[string]any{
		"id": "11111111-2222-4333-8444-555555555555", "projectId": "project-of-the-liar", "state": "active", "name": asked.Name,
		"tokenValue": "value-of-the-liar-0123456789",
	}
	for field, said := range l.row {
		row[field] = said
	}
	l.rows = append(l.rows, row)
	l.say(w, http.StatusCreated, row)
}

func (l *liar) revoke(w http.ResponseWriter, id string) {
	for _, row := range l.rows {
		if row["id"] == id {
			row["state"] = "revoked"
			delete(row, "tokenValue")
			l.say(w, http.StatusOK, row)
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

func (*liar) say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// calls counts the requests that came.
func (l *liar) calls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.heard)
}

// text is all that the server was told.
func (l *liar) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.heard, "\n")
}

// lies has it answer a route with a status and a body; "" is every route.
func (l *liar) lies(route string, status int, contentType, body string, headers ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[route] = func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// issuer is a TokenIssuer that names the server, with what it needs.
func (l *liar) issuer(namespace, name string) (*v1alpha1.TokenIssuer, *corev1.Secret, *corev1.ConfigMap) {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.server.Certificate().Raw})
	return &v1alpha1.TokenIssuer{
			ObjectMeta: meta,
			Spec: v1alpha1.TokenIssuerSpec{
				Causely: &v1alpha1.CauselyIssuer{
					URL: l.server.URL, AuthURL: l.server.URL + "/login", CredentialsSecretRef: v1alpha1.ClientCredentialsReference{Name: name},
				},
				CABundle: &v1alpha1.CABundle{ConfigMapRef: v1alpha1.ConfigMapKeyReference{Name: name}},
			},
		}, &corev1.Secret{
			ObjectMeta: *meta.DeepCopy(),
			StringData: map[string]string{"clientId": "client-of-the-tenant", "clientSecret": "credential-of-the-tenant-0123456789"},
		}, &corev1.ConfigMap{ObjectMeta: *meta.DeepCopy(), Data: map[string]string{"ca.crt": string(ca)}}
}
