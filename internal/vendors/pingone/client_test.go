package pingone

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

const (
	environment = "9ad15e9e-3ac6-43f7-a053-d46b87d6c4a7"
	gateway     = "87e73342-e7e9-479b-b6d1-186790c00faa"
	one         = "a10ed782-a6ff-4954-bb68-8d28b6fd3919"
	two         = "b20ed782-a6ff-4954-bb68-8d28b6fd3919"

	environmentPath = "/v1/environments/" + environment
	gatewayPath     = environmentPath + "/gateways/" + gateway
	listPath        = gatewayPath + "/credentials"
	onePath         = listPath + "/" + one
)

// noon is a clock that stands still.
func noon() time.Time { return time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC) }

// jwt makes a value with these claims and no signature to speak of.
func jwt(claims string) string {
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
}

// genuine is the value of a credential of the gateway.
func genuine(id string) string {
	return jwt(fmt.Sprintf(`{"jti":%q,"gatewayId":%q,"environmentId":%q,"iat":1585767941}`, id, gateway, environment))
}

// said is one answer; 200 when the status is 0.
type said struct {
	status int
	body   string
}

// scripted answers the login, and everything else by method and path: what is not scripted is not there.
type scripted struct {
	answers map[string]said
	bearer  string

	mu    sync.Mutex
	asked []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	call := r.Method + " " + r.URL.RequestURI()
	if len(body) > 0 {
		call += " " + string(body)
	}
	s.asked = append(s.asked, call)
	w.Header().Set("Content-Type", "application/hal+json;charset=utf-8")
	if strings.HasSuffix(r.URL.Path, "/as/token") {
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, s.bearer)
		return
	}
	answer, known := s.answers[r.Method+" "+r.URL.RequestURI()]
	if !known {
		answer = said{404, `{"id":"x","code":"NOT_FOUND","message":"canary"}`}
	}
	if answer.status == 0 {
		answer.status = 200
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

func start(t *testing.T, answers map[string]said) (vendors.Vendor, *scripted) {
	t.Helper()
	script := &scripted{answers: answers, bearer: "bearer"}
	return open(t, options(serve(t, script))), script
}

func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return server
}

// options are those of a client of a test's server.
func options(server *httptest.Server) Options {
	made := Options{
		URL: server.URL + "/v1", AuthURL: server.URL + "/" + environment + "/as/token",
		ClientID: token.NewValue("id"), ClientSecret: token.NewValue("secret"), Logins: login.NewCache(noon),
		HTTP: rest.Options{
			RootCAs: x509.NewCertPool(), Clock: noon,
			Guard: rest.Guard{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		},
	}
	made.HTTP.RootCAs.AddCert(server.Certificate())
	return made
}

// open gives the pool of the tests' gateway.
func open(t *testing.T, options Options) vendors.Vendor {
	t.Helper()
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := client.Pool(environment + "/" + gateway)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func rowsOf(t *testing.T, v vendors.Vendor) ([]token.Token, error) {
	t.Helper()
	var rows []token.Token
	_, err := v.List(t.Context(), func(row token.Token) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// The requests are the documented ones, to the letter.
func TestRequests(t *testing.T) {
	client, script := start(t, map[string]said{
		"POST " + listPath:  {201, fmt.Sprintf(`{"id":%q,"createdAt":"2020-04-01T19:05:41.970Z","credential":%q}`, one, genuine(one))},
		"GET " + listPath:   {200, fmt.Sprintf(`{"_embedded":{"credentials":[{"id":%q}]},"count":1,"size":1}`, one)},
		"GET " + onePath:    {200, fmt.Sprintf(`{"id":%q,"lastUsedAt":"2020-04-01T19:05:41.970Z"}`, one)},
		"DELETE " + onePath: {204, ``},
	})
	issued, err := client.Create(t.Context(), vendors.Request{Name: "ignored"})
	if err != nil || issued.ID != one || issued.Name != "" || issued.Value.Reveal() != genuine(one) {
		t.Errorf("issued %+v, %v", issued, err)
	}
	rows, err := rowsOf(t, client)
	if diff := cmp.Diff([]token.Token{{ID: one, State: token.Active, Account: environment}}, rows); err != nil || diff != "" {
		t.Errorf("%v, rows -want +got:\n%s", err, diff)
	}
	found, err := client.(vendors.Finder).Find(t.Context(), one)
	if err != nil || found.LastUsedAt.IsZero() {
		t.Errorf("found %+v, %v", found, err)
	}
	if err := client.Revoke(t.Context(), one); err != nil {
		t.Error(err)
	}
	want := []string{
		"POST /" + environment + "/as/token grant_type=client_credentials",
		"POST " + listPath, "GET " + listPath, "GET " + onePath, "DELETE " + onePath,
	}
	if diff := cmp.Diff(want, script.asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The create has no body, and says what it would be all the same.
func TestCreateHasNoBody(t *testing.T) {
	var length int64
	var header http.Header
	client := open(t, options(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == listPath {
			length, header = r.ContentLength, r.Header.Clone()
		}
		_, _ = io.WriteString(w, `{"access_token":"b"}`)
	}))))
	_, err := client.Create(t.Context(), vendors.Request{})
	if token.ClassOf(err) != token.Ambiguous {
		t.Errorf("200 in place of 201: %v", err)
	}
	if length != 0 || header.Get("Content-Type") != "application/json" || header.Get("Authorization") != "Bearer b" {
		t.Errorf("a body of %d bytes with the header %v", length, header)
	}
}

// What a login looks like on the wire, by either method.
func TestLoginOnTheWire(t *testing.T) {
	tests := map[string]struct {
		reason            string
		method            AuthMethod
		id, secret        string
		wantForm, wantKey string
	}{
		"Default": {reason: "what an application is set to at first", id: "id", secret: "secret", wantForm: "grant_type=client_credentials", wantKey: "Basic aWQ6c2VjcmV0"},
		"Basic":   {reason: "in the header", method: ClientSecretBasic, id: "id", secret: "secret", wantForm: "grant_type=client_credentials", wantKey: "Basic aWQ6c2VjcmV0"},
		"Encoded": {reason: "the colon separates", method: ClientSecretBasic, id: "i:d", secret: "s+e&c%", wantForm: "grant_type=client_credentials", wantKey: "Basic aSUzQWQ6cyUyQmUlMjZjJTI1"},
		"Post":    {reason: "in the form", method: ClientSecretPost, id: "i:d", secret: "s+e&c%", wantForm: "client_id=i%3Ad&client_secret=s%2Be%26c%25&grant_type=client_credentials"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var form, key, contentType string
			made := options(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				form, key, contentType = string(body), r.Header.Get("Authorization"), r.Header.Get("Content-Type")
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"access_token":"b","token_type":"Bearer"}`)
			})))
			made.AuthMethod, made.ClientID, made.ClientSecret = tc.method, token.NewValue(tc.id), token.NewValue(tc.secret)
			client, err := New(made)
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Check(t.Context()); err != nil {
				t.Errorf("%s: %v", tc.reason, err)
			}
			if form != tc.wantForm || key != tc.wantKey || contentType != rest.Form {
				t.Errorf("%s: form %q, authorization %q, type %q", tc.reason, form, key, contentType)
			}
		})
	}
}

// Each check is a login, and nothing else is called.
func TestCheck(t *testing.T) {
	script := &scripted{bearer: "bearer"}
	client, err := New(options(serve(t, script)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := client.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
	script.bearer = ""
	if failure := token.AsFailure(client.Check(t.Context())); failure.Class != token.Unavailable || failure.Cause != token.CauseUnexpected {
		t.Errorf("no bearer: %v", failure)
	}
	login := "POST /" + environment + "/as/token grant_type=client_credentials"
	if diff := cmp.Diff([]string{login, login, login}, script.asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

type expected struct {
	class token.Class
	cause token.Cause
	stray token.ID
}

// Answers that a simulator has no reason to give.
func TestOddAnswers(t *testing.T) {
	create := func(t *testing.T, v vendors.Vendor) error {
		_, err := v.Create(t.Context(), vendors.Request{})
		return err
	}
	revoke := func(t *testing.T, v vendors.Vendor) error { return v.Revoke(t.Context(), one) }
	list := func(t *testing.T, v vendors.Vendor) error {
		_, err := rowsOf(t, v)
		return err
	}
	find := func(t *testing.T, v vendors.Vendor) error {
		_, err := v.(vendors.Finder).Find(t.Context(), one)
		return err
	}
	good := fmt.Sprintf(`{"id":%q,"credential":%q}`, one, genuine(one))
	tests := map[string]struct {
		reason string
		status int
		body   string
		call   func(*testing.T, vendors.Vendor) error
		want   expected
	}{
		"CreateOK":       {"the document says 201", 200, good, create, expected{token.Ambiguous, token.CauseUnexpected, ""}},
		"CreateNoBody":   {"success without a credential", 204, ``, create, expected{token.Ambiguous, token.CauseUnexpected, ""}},
		"CreateNull":     {"success without a credential", 201, `null`, create, expected{token.Ambiguous, token.CauseUnexpected, ""}},
		"CreateTrailing": {"two answers in one", 201, good + `{}`, create, expected{token.Ambiguous, token.CauseUnexpected, ""}},
		"CreateOther":    {"another credential's value", 201, fmt.Sprintf(`{"id":%q,"credential":%q}`, two, genuine(one)), create, expected{token.Ambiguous, token.CauseUnexpected, two}},
		"CreateFull":     {"there are five", 400, `{"code":"INVALID_DATA","details":[{"code":"CONSTRAINT_VIOLATION"}]}`, create, expected{token.Quota, token.CauseStatus, ""}},
		"CreateFull409":  {"there are five", 409, `{"code":"INVALID_DATA","details":[{"code":"CONSTRAINT_VIOLATION"}]}`, create, expected{token.Quota, token.CauseStatus, ""}},
		"CreateLate":     {"a doubt stays one, whatever it says", 500, `{"details":[{"code":"CONSTRAINT_VIOLATION"}]}`, create, expected{token.Ambiguous, token.CauseStatus, ""}},
		"CreateTooMany":  {"a rate is no number", 429, `{"details":[{"code":"CONSTRAINT_VIOLATION"}]}`, create, expected{token.RateLimited, token.CauseStatus, ""}},
		"RevokeMade":     {"not an answer to a deletion", 201, `{}`, revoke, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"RevokeList":     {"another shape", 200, `[]`, revoke, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"RevokeShy":      {"roles may take a while to work", 403, `{"code":"ACCESS_FAILED"}`, revoke, expected{token.Forbidden, token.CauseStatus, ""}},
		"FindOther":      {"another credential", 200, fmt.Sprintf(`{"id":%q}`, two), find, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"FindNull":       {"nothing is not absence", 200, `null`, find, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"FindNoContent":  {"nothing is not absence", 204, ``, find, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"FindShy":        {"roles may take a while to work", 403, `{}`, find, expected{token.Forbidden, token.CauseStatus, ""}},
		"ListArray":      {"another envelope", 200, `[]`, list, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"ListEmpty":      {"no list and no word of being empty", 200, `{}`, list, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"ListNull":       {"no list and no word of being empty", 200, `null`, list, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"ListNoRows":     {"it says that there is one", 200, `{"count":1,"size":1}`, list, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"ListShort":      {"it says that there are two", 200, fmt.Sprintf(`{"_embedded":{"credentials":[{"id":%q}]},"count":2}`, one), list, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"ListBadRow":     {"a row without an ID", 200, `{"_embedded":{"credentials":[{}]}}`, list, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"ListError":      {"another resource of a gateway", 200, `{"_embedded":{"users":[]}}`, list, expected{token.Unavailable, token.CauseUnexpected, ""}},
		"ListShy":        {"an environment that cannot be seen", 403, `{"code":"ACCESS_FAILED"}`, list, expected{token.Forbidden, token.CauseStatus, ""}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, map[string]said{
				"POST " + listPath: {tc.status, tc.body}, "GET " + listPath: {tc.status, tc.body},
				"GET " + onePath: {tc.status, tc.body}, "DELETE " + onePath: {tc.status, tc.body},
			})
			err := tc.call(t, client)
			failure := token.AsFailure(err)
			if err == nil {
				t.Fatalf("%s: no error", tc.reason)
			}
			if got := (expected{failure.Class, failure.Cause, failure.Stray}); got != tc.want {
				t.Errorf("%s: %v, %+v, want %+v", tc.reason, err, got, tc.want)
			}
			if len(script.asked) != 2 {
				t.Errorf("%s: %q, want a login and one call", tc.reason, script.asked)
			}
		})
	}
}

// A refused create is one of quota if the gateway has five, whatever the refusal says.
func TestFull(t *testing.T) {
	rows := func(n int) said {
		return said{200, `{"_embedded":{"credentials":[` + strings.TrimPrefix(strings.Repeat(`,{"id":"`+one+`"}`, n), ",") + `]}}`}
	}
	tests := map[string]struct {
		reason string
		status int
		list   said
		want   token.Class
		calls  int
	}{
		"Invalid":      {reason: "there are five", status: 400, list: rows(5), want: token.Quota, calls: 3},
		"Conflict":     {reason: "there are five", status: 409, list: rows(5), want: token.Quota, calls: 3},
		"Forbidden":    {reason: "there are five", status: 403, list: rows(5), want: token.Quota, calls: 3},
		"Odd":          {reason: "there are five", status: 422, list: rows(6), want: token.Quota, calls: 3},
		"Free":         {reason: "there is room for one more", status: 409, list: rows(4), want: token.Conflict, calls: 3},
		"Empty":        {reason: "there is room", status: 400, list: rows(0), want: token.Invalid, calls: 3},
		"Shy":          {reason: "roles may take a while to work", status: 403, list: said{403, `{}`}, want: token.Forbidden, calls: 3},
		"Down":         {reason: "nobody can tell", status: 400, list: said{500, ``}, want: token.Invalid, calls: 3},
		"RateLimited":  {reason: "a rate is no number", status: 429, list: rows(5), want: token.RateLimited, calls: 2},
		"Ambiguous":    {reason: "it may be one of the five", status: 500, list: rows(5), want: token.Ambiguous, calls: 2},
		"Unauthorized": {reason: "twice with another bearer", status: 401, list: rows(5), want: token.Unauthorized, calls: 4},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client, script := start(t, map[string]said{"POST " + listPath: {tc.status, `{"code":"X"}`}, "GET " + listPath: tc.list})
			_, err := client.Create(t.Context(), vendors.Request{})
			failure := token.AsFailure(err)
			if err == nil || failure.Class != tc.want || failure.Cause != token.CauseStatus || failure.Status != tc.status || failure.Operation != "create token" {
				t.Errorf("%s: %v, want %s", tc.reason, err, tc.want)
			}
			if len(script.asked) != tc.calls {
				t.Errorf("%s: %q, want %d calls", tc.reason, script.asked, tc.calls)
			}
		})
	}
}

// A 404 may mean the credential, the gateway, the environment or the whole place.
func TestWhatIsMissing(t *testing.T) {
	there := func(id string) said { return said{200, fmt.Sprintf(`{"id":%q,"name":"n"}`, id)} }
	tests := map[string]struct {
		reason               string
		gateway, environment said
		want                 expected
		calls                int
	}{
		"Credential":        {"its gateway answers", there(gateway), said{}, expected{token.NotFound, token.CauseStatus, ""}, 3},
		"Gateway":           {"its environment answers", said{404, `{}`}, there(environment), expected{token.NotFound, token.CauseGone, ""}, 4},
		"Environment":       {"nothing is known of a gateway where its environment is not seen", said{404, `{}`}, said{404, `{}`}, expected{token.Forbidden, token.CauseStatus, ""}, 4},
		"EnvironmentHidden": {"nothing is known of a gateway where its environment is not seen", said{404, `{}`}, said{403, `{}`}, expected{token.Forbidden, token.CauseStatus, ""}, 4},
		"GatewayHidden":     {"it may be there", said{403, `{}`}, said{}, expected{token.Forbidden, token.CauseStatus, ""}, 3},
		"Down":              {"nobody can tell", said{503, ``}, said{}, expected{token.Unavailable, token.CauseStatus, ""}, 3},
		"EnvironmentDown":   {"nobody can tell", said{404, `{}`}, said{500, ``}, expected{token.Unavailable, token.CauseStatus, ""}, 4},
		"Elsewhere":         {"somebody answers in its place", said{200, `{"id":"x"}`}, said{}, expected{token.Unavailable, token.CauseUnexpected, ""}, 3},
		"ElsewhereTwice":    {"somebody answers in its place", said{404, `{}`}, there(gateway), expected{token.Unavailable, token.CauseUnexpected, ""}, 4},
		"Limited":           {"nobody can tell yet", said{429, `{}`}, said{}, expected{token.RateLimited, token.CauseStatus, ""}, 3},
	}
	for name, tc := range tests {
		for operation, call := range map[string]func(v vendors.Vendor) error{
			"create": func(v vendors.Vendor) error { _, err := v.Create(t.Context(), vendors.Request{}); return err },
			"list":   func(v vendors.Vendor) error { _, err := rowsOf(t, v); return err },
			"find":   func(v vendors.Vendor) error { _, err := v.(vendors.Finder).Find(t.Context(), one); return err },
			"revoke": func(v vendors.Vendor) error { return v.Revoke(t.Context(), one) },
		} {
			t.Run(name+"/"+operation, func(t *testing.T) {
				client, script := start(t, map[string]said{"GET " + gatewayPath: tc.gateway, "GET " + environmentPath: tc.environment})
				err := call(client)
				failure := token.AsFailure(err)
				if err == nil || (expected{failure.Class, failure.Cause, failure.Stray}) != tc.want {
					t.Errorf("%s: %v, want %+v", tc.reason, err, tc.want)
				}
				if len(script.asked) != tc.calls {
					t.Errorf("%s: %q, want %d calls", tc.reason, script.asked, tc.calls)
				}
				if err != nil && strings.Contains(err.Error(), "canary") {
					t.Errorf("%s: %v has the vendor's words in it", tc.reason, err)
				}
			})
		}
	}
}

// Pages are followed within the list, and to its end.
func TestPages(t *testing.T) {
	linked := func(id, next string) said {
		return said{200, fmt.Sprintf(`{"_links":{"self":{"href":"x"},"next":{"href":%q}},"_embedded":{"credentials":[{"id":%q}]},"size":1}`, next, id)}
	}
	last := said{200, fmt.Sprintf(`{"_links":{},"_embedded":{"credentials":[{"id":%q}]},"count":2,"size":1}`, two)}
	empty := said{200, `{"_links":{"next":null},"size":0}`}
	const second = listPath + "?cursor=x%3D%3D&limit=1"
	bad := expected{token.Unavailable, token.CauseUnexpected, ""}
	// HOST stands for the server's address.
	tests := map[string]struct {
		reason  string
		answers map[string]said
		want    []token.ID
		err     expected
	}{
		"Absolute":     {reason: "as PingOne links", answers: map[string]said{listPath: linked(one, "https://HOST"+second), second: last}, want: []token.ID{one, two}},
		"Relative":     {reason: "as HAL allows", answers: map[string]said{listPath: linked(one, second), second: last}, want: []token.ID{one, two}},
		"QueryAlone":   {reason: "as HAL allows", answers: map[string]said{listPath: linked(one, "?limit=1&cursor=x%3D%3D"), second: last}, want: []token.ID{one, two}},
		"LastIsEmpty":  {reason: "a full page may have none behind it", answers: map[string]said{listPath: linked(one, second), second: empty}, want: []token.ID{one}},
		"LastIsShort":  {reason: "it counts more than were shown", answers: map[string]said{listPath: linked(one, second), second: {200, `{"size":0,"count":2}`}}, want: []token.ID{one}, err: bad},
		"Circle":       {reason: "for ever", answers: map[string]said{listPath: linked(one, second), second: linked(two, second)}, want: []token.ID{one, two}, err: bad},
		"BackToBegin":  {reason: "for ever", answers: map[string]said{listPath: linked(one, listPath)}, want: []token.ID{one}, err: bad},
		"SameReversed": {reason: "the order of parameters changes nothing", answers: map[string]said{listPath: linked(one, second), second: linked(two, listPath+"?limit=1&cursor=x%3D%3D")}, want: []token.ID{one, two}, err: bad},
		"OtherHost":    {reason: "the bearer is not for others", answers: map[string]said{listPath: linked(one, "https://api.example.com"+second)}, want: []token.ID{one}, err: bad},
		"OtherPort":    {reason: "the bearer is not for others", answers: map[string]said{listPath: linked(one, "https://127.0.0.1:1"+second)}, want: []token.ID{one}, err: bad},
		"OtherScheme":  {reason: "the bearer does not travel in clear", answers: map[string]said{listPath: linked(one, "http://HOST"+second)}, want: []token.ID{one}, err: bad},
		"NoScheme":     {reason: "another host all the same", answers: map[string]said{listPath: linked(one, "//api.example.com"+second)}, want: []token.ID{one}, err: bad},
		"User":         {reason: "no such link is given", answers: map[string]said{listPath: linked(one, "https://u@HOST"+second)}, want: []token.ID{one}, err: bad},
		"OtherPath":    {reason: "another gateway's list", answers: map[string]said{listPath: linked(one, environmentPath+"/gateways/"+two+"/credentials?limit=1")}, want: []token.ID{one}, err: bad},
		"DotsInPath":   {reason: "another list", answers: map[string]said{listPath: linked(one, listPath+"/../../x?limit=1")}, want: []token.ID{one}, err: bad},
		"EscapedPath":  {reason: "another spelling may be another path", answers: map[string]said{listPath: linked(one, strings.Replace(listPath, "/credentials", "%2Fcredentials", 1)+"?limit=1")}, want: []token.ID{one}, err: bad},
		"Fragment":     {reason: "it would be lost", answers: map[string]said{listPath: linked(one, second+"#x")}, want: []token.ID{one}, err: bad},
		"NoLink":       {reason: "a page that cannot be found", answers: map[string]said{listPath: linked(one, "")}, want: []token.ID{one}, err: bad},
		"BadQuery":     {reason: "it would be lost", answers: map[string]said{listPath: linked(one, listPath+"?limit=%zz")}, want: []token.ID{one}, err: bad},
		"TooLong":      {reason: "bounded", answers: map[string]said{listPath: linked(one, second+strings.Repeat("x", maxLink))}, want: []token.ID{one}, err: bad},
		"SecondGone":   {reason: "half a list is none", answers: map[string]said{listPath: linked(one, second), gatewayPath: {200, fmt.Sprintf(`{"id":%q}`, gateway)}}, want: []token.ID{one}, err: expected{token.NotFound, token.CauseStatus, ""}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			script := &scripted{answers: map[string]said{}, bearer: "bearer"}
			server := serve(t, script)
			for path, answer := range tc.answers {
				answer.body = strings.ReplaceAll(answer.body, "HOST", strings.TrimPrefix(server.URL, "https://"))
				script.answers["GET "+path] = answer
			}
			rows, err := rowsOf(t, open(t, options(server)))
			var ids []token.ID
			for _, row := range rows {
				ids = append(ids, row.ID)
			}
			if diff := cmp.Diff(tc.want, ids); diff != "" {
				t.Errorf("%s: rows -want +got:\n%s", tc.reason, diff)
			}
			if err == nil {
				if tc.err.class != 0 {
					t.Errorf("%s: no error", tc.reason)
				}
				return
			}
			if failure := token.AsFailure(err); (expected{failure.Class, failure.Cause, failure.Stray}) != tc.err {
				t.Errorf("%s: %v, want %+v", tc.reason, err, tc.err)
			}
		})
	}
}

// A list without an end is given up.
func TestPagesWithoutEnd(t *testing.T) {
	calls := 0
	client := open(t, options(serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"b","_links":{"next":{"href":"?cursor=%d"}},"_embedded":{"credentials":[]}}`, calls)
	}))))
	_, err := rowsOf(t, client)
	if failure := token.AsFailure(err); failure.Class != token.Unavailable || failure.Cause != token.CauseTooLarge {
		t.Errorf("%v", err)
	}
	if calls != maxPages+1 {
		t.Errorf("%d calls, want a login and %d pages", calls, maxPages)
	}
}

// The caller ends a list with an error of its own.
func TestListStops(t *testing.T) {
	client, _ := start(t, map[string]said{
		"GET " + listPath: {200, fmt.Sprintf(`{"_embedded":{"credentials":[{"id":%q},{"id":%q}]}}`, one, two)},
	})
	enough, seen := errors.New("enough"), 0
	listing, err := client.List(t.Context(), func(token.Token) error { seen++; return enough })
	if !errors.Is(err, enough) || seen != 1 || listing.VendorTime.IsZero() {
		t.Errorf("%d rows, %v, %v", seen, listing, err)
	}
}

// An ID that is none makes no call, and the client itself makes none but logins.
func TestNoCall(t *testing.T) {
	script := &scripted{bearer: "bearer"}
	client, err := New(options(serve(t, script)))
	if err != nil {
		t.Fatal(err)
	}
	opened := open(t, options(serve(t, script)))
	_, createErr := client.Create(t.Context(), vendors.Request{})
	_, listErr := rowsOf(t, client)
	errs := []error{createErr, listErr, client.Revoke(t.Context(), one)}
	for _, id := range []token.ID{"", ".", "..", "a/b", one + "/..", "a10ed782-a6ff-4954-bb68-8d28b6fd391", one + "0", "a10ed782-a6ff-4954-bb68-8d28b6fd391g"} {
		_, findErr := opened.(vendors.Finder).Find(t.Context(), id)
		errs = append(errs, findErr, opened.Revoke(t.Context(), id))
	}
	for _, err := range errs {
		if token.ClassOf(err) != token.Invalid {
			t.Errorf("%v, want Invalid", err)
		}
	}
	if len(script.asked) != 0 {
		t.Errorf("calls: %q", script.asked)
	}
	if can := client.Capabilities(); can != (token.Capabilities{}) {
		t.Errorf("outside a pool: %+v", can)
	}
}

func TestNewRefuses(t *testing.T) {
	good := func() Options {
		url, authURL, err := Endpoints("EU", environment)
		if err != nil {
			t.Fatal(err)
		}
		made := Options{
			URL: url, AuthURL: authURL,
			ClientID: token.NewValue("id"), ClientSecret: token.NewValue("secret"), Logins: login.NewCache(noon),
		}
		made.HTTP.Clock = noon
		return made
	}
	tests := map[string]struct {
		reason string
		change func(*Options)
		want   error
	}{
		"Region":     {reason: "PingOne's own URLs", change: func(*Options) {}},
		"Post":       {reason: "the other method", change: func(o *Options) { o.AuthMethod = ClientSecretPost }},
		"NoID":       {reason: "a key is missing in the Secret", change: func(o *Options) { o.ClientID = token.Value{} }, want: ErrCredentials},
		"NewLine":    {reason: "echo put it there", change: func(o *Options) { o.ClientSecret = token.NewValue("secret\n") }, want: ErrCredentials},
		"JWT":        {reason: "keys are not spoken", change: func(o *Options) { o.AuthMethod = "private_key_jwt" }, want: ErrAuthMethod},
		"PlainHTTP":  {reason: "in clear", change: func(o *Options) { o.URL = "http://api.example.com" }, want: rest.ErrPlainHTTP},
		"PlainLogin": {reason: "in clear", change: func(o *Options) { o.AuthURL = "http://auth.example.com" }, want: rest.ErrPlainHTTP},
		"NoURL":      {reason: "neither region nor URL", change: func(o *Options) { o.URL = "" }, want: rest.ErrURL},
		"NoAuthURL":  {reason: "neither region nor URL", change: func(o *Options) { o.AuthURL = "" }, want: rest.ErrURL},
		"Garbage":    {reason: "no URL", change: func(o *Options) { o.URL = "https://x\n" }, want: rest.ErrURL},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			options := good()
			tc.change(&options)
			if _, err := New(options); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

// Secrets are not shown by printing what holds them, not even by a verb that does not fit.
func TestPrintingShowsNothing(t *testing.T) {
	const canary = "canary-0123456789abcdef"
	script := &scripted{bearer: canary, answers: map[string]said{"GET " + listPath: {200, `{"size":0}`}}}
	made := options(serve(t, script))
	made.ClientID, made.ClientSecret = token.NewValue(canary), token.NewValue(canary)
	for _, made.AuthMethod = range []AuthMethod{ClientSecretBasic, ClientSecretPost} {
		client, err := New(made)
		if err != nil {
			t.Fatal(err)
		}
		opened := open(t, made)
		if _, err := rowsOf(t, opened); err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			for _, of := range []any{client, *client, opened, made, made.Logins} {
				text := fmt.Sprintf(verb, of)
				if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
					t.Errorf("%s of a %T shows a secret", verb, of)
				}
			}
		}
	}
}
