package status

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/lifecycle"
	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

func classes() []token.Class {
	var all []token.Class
	for class := token.NotFound; class.String() != ""; class++ {
		all = append(all, class)
	}
	return all
}

// What a failed list means, for every cause and every class: a reason that is documented, and what to do.
func TestVendorProblem(t *testing.T) {
	causes := map[token.Cause]struct{ reason, says string }{
		token.CauseConnect:        {v1alpha1.ReasonVendorUnreachable, "DNS"},
		token.CauseAddressRefused: {v1alpha1.ReasonAddressRefused, "--allow-cidrs"},
		token.CauseCertificate:    {v1alpha1.ReasonCertificateNotTrusted, "spec.caBundle"},
		token.CauseTimeout:        {v1alpha1.ReasonVendorUnreachable, "by itself"},
		token.CauseBroken:         {v1alpha1.ReasonVendorUnreachable, "by itself"},
		token.CauseRedirect:       {v1alpha1.ReasonUnexpectedAnswer, "URL"},
		token.CauseUnexpected:     {v1alpha1.ReasonUnexpectedAnswer, "URL"},
		token.CauseTooLarge:       {v1alpha1.ReasonAnswerTooLarge, "URL"},
		token.CauseEmptyValue:     {v1alpha1.ReasonUnexpectedAnswer, "URL"},
		token.CauseNameAltered:    {v1alpha1.ReasonNameAltered, "issuer's spec"},
	}
	byClass := map[token.Class]struct{ reason, says string }{
		token.NotFound:     {v1alpha1.ReasonUnexpectedAnswer, "URL"},
		token.Unauthorized: {v1alpha1.ReasonCredentialsRejected, "credentialsSecretRef"},
		token.Forbidden:    {v1alpha1.ReasonPermissionDenied, "role"},
		token.Invalid:      {v1alpha1.ReasonUnexpectedAnswer, "URL"},
		token.Conflict:     {v1alpha1.ReasonUnexpectedAnswer, "URL"},
		token.Quota:        {v1alpha1.ReasonVendorUnavailable, "by itself"},
		token.RateLimited:  {v1alpha1.ReasonRateLimited, "requestsPerSecond"},
		token.Unavailable:  {v1alpha1.ReasonVendorUnavailable, "by itself"},
		token.Ambiguous:    {v1alpha1.ReasonVendorUnavailable, "by itself"},
	}
	check := func(t *testing.T, f *token.Failure, reason, says string) {
		t.Helper()
		got := VendorProblem(f)
		if string(got.Reason) != reason || !strings.Contains(got.Message, says) {
			t.Errorf("class %s, cause %d: %q %q, want %q with %q", f.Class, f.Cause, got.Reason, got.Message, reason, says)
		}
		if !strings.HasPrefix(got.Message, "list tokens: ") || !strings.HasSuffix(got.Message, ".") {
			t.Errorf("message %q is no sentence that begins with what was tried", got.Message)
		}
	}
	for _, class := range classes() {
		want, known := byClass[class]
		if !known {
			t.Errorf("class %s is not in this table", class)
		}
		for _, cause := range []token.Cause{token.CauseStatus, token.CauseLogin, token.CausePaced, token.CauseGone} {
			check(t, &token.Failure{Operation: "list tokens", Class: class, Cause: cause, Status: 418}, want.reason, want.says)
		}
		for cause, want := range causes {
			check(t, &token.Failure{Operation: "list tokens", Class: class, Cause: cause}, want.reason, want.says)
		}
	}
}

// What came of a create, a reading, a revocation: of the object's own doing or of the issuer's trouble.
func TestProblems(t *testing.T) {
	for _, class := range classes() {
		f := &token.Failure{Operation: "call", Class: class, Cause: token.CauseStatus}
		ofIssuer := ConcernsIssuer(f)
		wantCreate, wantRead, wantRevoke := v1alpha1.ReasonCreateRefused, v1alpha1.ReasonValueUnreadable, v1alpha1.ReasonWaitingForVendor
		if own, told := map[token.Class]string{
			token.Ambiguous: v1alpha1.ReasonCreateAmbiguous, token.Quota: v1alpha1.ReasonQuotaExceeded, token.Conflict: v1alpha1.ReasonNameTaken,
		}[class]; told {
			wantCreate = own
		}
		if ofIssuer {
			issuers := string(VendorProblem(f).Reason)
			wantCreate, wantRead, wantRevoke = issuers, issuers, issuers
		}
		for what, got := range map[string]struct{ have, want string }{
			"create": {string(CreateProblem(f).Reason), wantCreate},
			"read":   {string(ReadProblem(f).Reason), wantRead},
			"revoke": {string(RevokeProblem(f).Reason), wantRevoke},
		} {
			if got.have != got.want {
				t.Errorf("%s, %s: %q, want %q", what, class, got.have, got.want)
			}
		}
	}
	empty := &token.Failure{Operation: "create token", Class: token.Ambiguous, Cause: token.CauseEmptyValue}
	if got := CreateProblem(empty).Reason; got != v1alpha1.ReasonEmptyTokenValue {
		t.Errorf("a create without a value: %q", got)
	}
	if got := WriteProblem("Forbidden"); got.Reason != v1alpha1.ReasonWriteFailed || !strings.Contains(got.Message, "Forbidden") || !strings.Contains(got.Message, "quotas") {
		t.Errorf("write: %+v", got)
	}
}

// What is wrong with one place of an account is told apart from what is wrong with the account.
func TestPoolProblems(t *testing.T) {
	for reason, f := range map[string]*token.Failure{
		v1alpha1.ReasonGatewayNotFound:     {Operation: "list credentials", Class: token.NotFound, Cause: token.CauseGone, Status: 404},
		v1alpha1.ReasonEnvironmentNotFound: {Operation: "list credentials", Class: token.Forbidden, Status: 404},
		v1alpha1.ReasonPermissionDenied:    {Operation: "list service accounts", Class: token.Forbidden, Status: 403},
	} {
		if got := PoolProblem(f); string(got.Reason) != reason {
			t.Errorf("%v: %q, want %q", f, got.Reason, reason)
		}
	}
}

// How long the vendor asked to wait is said.
func TestRetryAfterIsSaid(t *testing.T) {
	got := VendorProblem(&token.Failure{Operation: "list tokens", Class: token.RateLimited, Status: 429, RetryAfter: 90 * time.Second})
	if !strings.Contains(got.Message, "1m30s") {
		t.Errorf("message %q", got.Message)
	}
}

func TestBackOffKindOf(t *testing.T) {
	want := map[token.Class]BackOffKind{
		token.NotFound: Doubt, token.Unauthorized: VendorTrouble, token.Forbidden: Refusal, token.Invalid: Refusal, token.Conflict: Doubt,
		token.Quota: Refusal, token.RateLimited: VendorTrouble, token.Unavailable: VendorTrouble, token.Ambiguous: Doubt,
	}
	for _, class := range classes() {
		if got := BackOffKindOf(&token.Failure{Class: class}); got != want[class] {
			t.Errorf("%s: %d, want %d", class, got, want[class])
		}
	}
}

// Back-off grows, is bounded, the same for the same object, and never shorter than what the vendor asked for.
func TestBackOff(t *testing.T) {
	for _, kind := range []BackOffKind{VendorTrouble, Doubt, Refusal, Write} {
		first, most := pace[kind].first, pace[kind].most
		last := time.Duration(0)
		for count := range int32(80) {
			got := BackOff(kind, count, "uid", 0)
			switch {
			case got < last:
				t.Errorf("kind %d: %s after %d failures, %s after one less", kind, got, count, last)
			case got < first:
				t.Errorf("kind %d: %s after %d failures, want at least %s", kind, got, count, first)
			case got > most+most/10:
				t.Errorf("kind %d: %s after %d failures, want at most %s and a tenth", kind, got, count, most)
			case got != BackOff(kind, count, "uid", 0):
				t.Errorf("kind %d: not the same twice", kind)
			}
			last = got
		}
		if last < most {
			t.Errorf("kind %d: never longer than %s, want %s", kind, last, most)
		}
		if got := BackOff(kind, 1, "uid", 24*time.Hour); got != 24*time.Hour {
			t.Errorf("kind %d: %s although the vendor asked for a day", kind, got)
		}
		if got := BackOff(kind, 1<<30, "uid", 0); got > most+most/10 {
			t.Errorf("kind %d: %s after very many failures", kind, got)
		}
	}
	spread := map[time.Duration]bool{}
	for i := range 100 {
		spread[BackOff(Refusal, 1, "uid-"+strconv.Itoa(i), 0)] = true
	}
	if len(spread) < 50 {
		t.Errorf("100 objects wait for only %d different times", len(spread))
	}
}

// Every reason that the planner gives is a documented constant of the API, and every constant says what to do.
func TestReasonsAreDocumented(t *testing.T) {
	documented := constants(t, "../../api/v1alpha1/conditions.go")
	reasons := constants(t, "../lifecycle/reason.go")
	if len(documented) < 20 || len(reasons) < 10 {
		t.Fatalf("%d constants, %d reasons", len(documented), len(reasons))
	}
	comments := map[string]string{}
	for name, constant := range documented {
		if strings.HasPrefix(name, "Reason") {
			comments[constant.value] = constant.comment
			if name != "Reason"+constant.value {
				t.Errorf("%s has the value %q", name, constant.value)
			}
			if !strings.Contains(constant.comment, "What to do:") {
				t.Errorf("%s does not say what to do", name)
			}
		}
	}
	for name, reason := range reasons {
		if _, ok := comments[reason.value]; !ok {
			t.Errorf("lifecycle.%s (%q) is no documented constant of the API", name, reason.value)
		}
	}
	if string(lifecycle.ReasonSecretConflict) != v1alpha1.ReasonSecretConflict {
		t.Error("the same reason has two words")
	}
}

type constant struct{ value, comment string }

// constants reads the string constants of a file, with their comments.
func constants(t *testing.T, path string) map[string]constant {
	t.Helper()
	file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]constant{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok || literal.Kind != gotoken.STRING {
			return true
		}
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		found[spec.Names[0].Name] = constant{value: value, comment: strings.Join(strings.Fields(spec.Doc.Text()), " ")}
		return true
	})
	return found
}

// Not every vendor has a list that tells what a create has left, and after some of them another token is issued: nobody is told otherwise.
func TestAmbiguousCreatePromisesNoList(t *testing.T) {
	told := CreateProblem(&token.Failure{Operation: "create token", Class: token.Ambiguous, Cause: token.CauseBroken}).Message
	if strings.Contains(told, "issued twice") || !strings.Contains(told, "reported") {
		t.Errorf("told: %s", told)
	}
}
