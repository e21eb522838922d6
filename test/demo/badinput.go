package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/stack"
)

const (
	badNamespace = "bad-input"
	// badCreates is how many tokens the tour has its simulator asked for: it ends with that many GatewayTokens that are Ready.
	badCreates = 9
	// memoryLimit is the chart's, in bytes.
	memoryLimit = 256 << 20
)

// mistake is one thing that people or vendors get wrong, and what the operator is expected to say of it.
type mistake struct {
	// name of the GatewayToken and, where there is one, of its issuer.
	name, what string
	// change makes the issuer wrong; nil for no issuer at all.
	change func(*issuer)
	// issuer is a ClusterTokenIssuer that is there already.
	issuer string
	// spec is added to the GatewayToken's.
	spec string
	// more is applied beside.
	more func() (string, error)
	// reason and says are what Ready must tell; says is the advice.
	reason, says string
	// stalled: a person must act.
	stalled bool
}

// badInput is the tour of bad input, against a simulated vendor of its own: what goes wrong there disturbs nobody else.
func (d *demo) badInput() []chapter {
	tour := &tour{demo: d, limited: stack.NewCauselyAccount()}
	tour.limited.Admin = false
	chapters := []chapter{{Title: "A tour of bad input: each has a reason of its own, and says what to do", Steps: []step{
		do("a second simulated vendor starts", func(ctx context.Context) (err error) {
			tour.pid, tour.began = d.operator.PID(), time.Now()
			if d.misfit, err = d.stack.StartSimulator(ctx, "vendorsim-misfit", d.accounts); err != nil {
				return err
			}
			return d.misfit.AddAccount(ctx, tour.limited)
		}),
		do("kubectl apply: all that can be wrong in manifests", tour.applyMistakes),
	}}}
	for _, wrong := range tour.mistakes() {
		chapters = append(chapters, chapter{Aside: true, Steps: []step{check(wrong.what+": "+wrong.reason, tour.isSaid(wrong))}})
	}
	return append(chapters,
		chapter{Aside: true, Steps: []step{
			check("for none of it the vendor was asked for a token", wereCreates(tour.vendor, 0)),
			check("the Secret whose name was taken is untouched", tour.foreignUntouched),
		}},
		tour.otherAccount(), tour.emptyValue(), tour.answers(), tour.repaired(), tour.left())
}

// tour is the state of the tour.
type tour struct {
	*demo
	limited causely.Account
	// foreign is the version of the Secret whose name is taken.
	foreign string
	pid     int
	began   time.Time
	// switched is the value of the token whose issuer was switched.
	switched string
	// before is a number of creates.
	before int
}

func (t *tour) vendor() stack.Platform { return t.misfit.Platform(stack.Causely) }

func badToken(name string) object {
	return object{kind: v1alpha1.KindGatewayToken, namespace: badNamespace, name: name}
}

func (t *tour) issuer(name string) issuer {
	return issuerAt(t.misfit, v1alpha1.KindTokenIssuer, badNamespace, name)
}

func (t *tour) mistakes() []mistake {
	right := func(*issuer) {}
	return []mistake{
		{name: "no-issuer", what: "a missing issuer", reason: v1alpha1.ReasonIssuerNotFound, says: "Create it"},
		{name: "no-credentials", what: "a missing credentials Secret", reason: v1alpha1.ReasonCredentialsNotFound, says: "Create it with the keys",
			change: func(i *issuer) { i.credentials = "missing" }},
		{name: "wrong-key", what: "a credentials Secret without the key", reason: v1alpha1.ReasonCredentialsKeyMissing, says: "Add it, or name another key",
			change: func(i *issuer) { i.clientIDKey = "username" }},
		{name: "wrong-credentials", what: "credentials that the vendor answers 401", reason: v1alpha1.ReasonCredentialsRejected, says: "Put valid credentials into the Secret",
			change: func(i *issuer) { i.credentials = "rejected" },
			more: func() (string, error) {
				return credentialsManifest(badNamespace, "rejected", t.accounts.Causely.ClientID, stack.NewCauselyAccount().Secret)
			}},
		{name: "forbidden", what: "credentials that the vendor answers 403", reason: v1alpha1.ReasonPermissionDenied, says: "Give these credentials the rights",
			change: func(i *issuer) { i.credentials = "limited" },
			more: func() (string, error) {
				return credentialsManifest(badNamespace, "limited", t.limited.ClientID, t.limited.Secret)
			}},
		{name: "not-granted", what: "a namespace that the ClusterTokenIssuer does not grant", reason: v1alpha1.ReasonNotGranted, says: "add the namespace to spec.grants", stalled: true,
			issuer: storyIssuer},
		{name: "name-taken", what: "a Secret name that is taken", reason: v1alpha1.ReasonSecretConflict, says: "choose another", stalled: true, change: right,
			more: func() (string, error) {
				return "apiVersion: v1\nkind: Secret\nmetadata:\n  name: name-taken\n  namespace: " + badNamespace + "\nstringData:\n  password: somebody-elses\n", nil
			}},
		{name: "bad-template", what: "a template that cannot be read", reason: v1alpha1.ReasonInvalidTemplate, says: "spec.secret.data", stalled: true, change: right,
			spec: "  secret:\n    data:\n      token: \"{{ .Token }}\"\n      url: \"{{ .Token | shout }}\"\n"},
		{name: "plain-http", what: "an http URL", reason: v1alpha1.ReasonInsecureURL, says: "Use https",
			change: func(i *issuer) { i.url = regexp.MustCompile("^https").ReplaceAllString(i.url, "http") }},
		{name: "unreachable", what: "a host that nobody can reach", reason: v1alpha1.ReasonVendorUnreachable, says: "Check the issuer's URL, DNS",
			change: func(i *issuer) { i.url = "https://" + deaf(); i.authURL = i.url + "/login" }},
		{name: "metadata", what: "an address that the operator must not call", reason: v1alpha1.ReasonAddressRefused, says: "--allow-cidrs",
			change: func(i *issuer) { i.url, i.authURL = "https://169.254.169.254", "https://169.254.169.254/login" }},
		{name: "wrong-ca", what: "a certificate of another authority", reason: v1alpha1.ReasonCertificateNotTrusted, says: "spec.caBundle",
			change: func(i *issuer) { i.ca = "other-ca" },
			more:   func() (string, error) { return caManifest(badNamespace, "other-ca", t.demo.vendor.CA) }},
		{name: "no-ca", what: "a missing CA bundle", reason: v1alpha1.ReasonCABundleNotFound, says: "Create it with the certificates",
			change: func(i *issuer) { i.ca = "missing" }},
	}
}

// deaf is an address on which nobody listens.
func deaf() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return "127.0.0.1:1"
	}
	_ = listener.Close()
	return listener.Addr().String()
}

// applyMistakes applies all of it at once.
func (t *tour) applyMistakes(ctx context.Context) error {
	login, err := credentialsManifest(badNamespace, storyLogin, t.accounts.Causely.ClientID, t.accounts.Causely.Secret)
	if err != nil {
		return err
	}
	ca, err := caManifest(badNamespace, caConfigMap, t.misfit.CA)
	if err != nil {
		return err
	}
	first, then := []string{namespaceManifest(badNamespace), login, ca}, []string(nil)
	for _, wrong := range t.mistakes() {
		issuers, token, err := t.manifests(wrong)
		if err != nil {
			return err
		}
		first, then = append(first, issuers...), append(then, token)
	}
	if err := t.apply(first...)(ctx); err != nil {
		return err
	}
	taken, err := t.secret(ctx, badNamespace, "name-taken")
	if err != nil {
		return err
	}
	t.foreign = taken.ResourceVersion
	return t.apply(then...)(ctx)
}

// manifests are what is to be there before the GatewayToken, and the GatewayToken.
func (t *tour) manifests(wrong mistake) (before []string, token string, err error) {
	if wrong.change != nil {
		made := t.issuer(wrong.name)
		wrong.change(&made)
		before = append(before, made.manifest())
	}
	if wrong.more != nil {
		more, err := wrong.more()
		if err != nil {
			return nil, "", err
		}
		before = append(before, more)
	}
	kind, name := v1alpha1.KindTokenIssuer, wrong.name
	if wrong.issuer != "" {
		kind, name = v1alpha1.KindClusterTokenIssuer, wrong.issuer
	}
	return before, tokenManifest(badNamespace, wrong.name, kind, name, wrong.spec), nil
}

// isSaid holds when the GatewayToken's conditions tell what is wrong and what to do, and there is no Secret.
func (t *tour) isSaid(wrong mistake) func(context.Context) error {
	wants := []expectation{{kind: v1alpha1.ConditionReady, status: "False", reason: wrong.reason, says: wrong.says}}
	if wrong.stalled {
		wants = append(wants, expectation{kind: v1alpha1.ConditionStalled, status: "True", reason: wrong.reason})
	}
	said := soon(t.tells(badToken(wrong.name), wants...))
	if wrong.reason == v1alpha1.ReasonSecretConflict {
		return said
	}
	return both(said, t.noSecret(badNamespace, wrong.name))
}

func (t *tour) foreignUntouched(ctx context.Context) error {
	taken, err := t.secret(ctx, badNamespace, "name-taken")
	if err == nil && taken.ResourceVersion != t.foreign {
		err = fmt.Errorf("expected nobody to have written the Secret, found another version of it")
	}
	return err
}

// otherAccount lets credentials lead to another project after their first use.
func (t *tour) otherAccount() chapter {
	const name = "switched"
	account := stack.NewCauselyAccount()
	it := object{kind: v1alpha1.KindTokenIssuer, namespace: badNamespace, name: name}
	changed := func(kind, status string) expectation {
		return expectation{kind: kind, status: status, reason: v1alpha1.ReasonAccountChanged, says: "Nothing is created or revoked"}
	}
	return chapter{Aside: true, Steps: []step{
		do("a token is issued", func(ctx context.Context) error { return t.issueFrom(ctx, name, account) }),
		do("then its credentials lead to another project, with a token of somebody else's", func(ctx context.Context) error {
			return errors.Join(t.misfit.SwitchProject(ctx, account.ClientID, uuid.NewString()), t.misfit.Create(ctx, account.ClientID, "somebody-elses"))
		}),
		check("a list that shows another account: AccountChanged", soon(both(
			t.tells(it, changed(v1alpha1.ConditionReady, "False")),
			t.tells(badToken(name), changed(v1alpha1.ConditionVendorReachable, "False"), ready())))),
		do("kubectl apply: another GatewayToken for that issuer", t.apply(tokenManifest(badNamespace, "newcomer", v1alpha1.KindTokenIssuer, name, ""))),
		check("nothing new is issued there", both(
			soon(t.tells(badToken("newcomer"), changed(v1alpha1.ConditionReady, "False"))), haveRows(t.vendor, "newcomer", 0, 0))),
		check("nothing is revoked, and the Secret is untouched", both(t.noneRevoked, func(ctx context.Context) error {
			found, err := t.secretValue(ctx, badNamespace, name, tokenKey)
			if err == nil && found != t.switched {
				err = errors.New("expected the value that was there, found another one")
			}
			return err
		})),
		do("the credentials lead to the first project again, and somebody touches the issuer", func(ctx context.Context) error {
			return errors.Join(t.misfit.SwitchProject(ctx, account.ClientID, account.ProjectID),
				t.kubectl("--namespace", badNamespace, "annotate", "tokenissuer", name, "example.com/look=again")(ctx))
		}),
		check("all heals: the newcomer gets its token, too", t.becomesReady(badNamespace, "newcomer")),
	}}
}

// issueFrom has a token issued with an account of its own, and takes note of its value.
func (t *tour) issueFrom(ctx context.Context, name string, account causely.Account) error {
	if err := t.misfit.AddAccount(ctx, account); err != nil {
		return err
	}
	made := t.issuer(name)
	made.credentials, made.interval = name+"-login", "1s"
	login, err := credentialsManifest(badNamespace, made.credentials, account.ClientID, account.Secret)
	if err != nil {
		return err
	}
	if err := t.apply(login, made.manifest(), tokenManifest(badNamespace, name, v1alpha1.KindTokenIssuer, name, ""))(ctx); err != nil {
		return err
	}
	if err := t.becomesReady(badNamespace, name)(ctx); err != nil {
		return err
	}
	t.switched, err = t.secretValue(ctx, badNamespace, name, tokenKey)
	return err
}

// noneRevoked holds when every token of the tour is active.
func (t *tour) noneRevoked(ctx context.Context) error {
	tokens, err := t.vendor().Tokens(ctx)
	for _, token := range tokens {
		if !token.Active {
			err = errors.Join(err, fmt.Errorf("expected no revoked token, found %+v", token))
		}
	}
	return err
}

// emptyValue lets the vendor answer a create without a value.
func (t *tour) emptyValue() chapter {
	const name = "empty-value"
	return chapter{Aside: true, Steps: []step{
		do("the vendor answers the next create with 201 and an empty tokenValue", func(ctx context.Context) (err error) {
			if t.before, err = t.vendor().Creates(ctx); err != nil {
				return err
			}
			if err := t.misfit.AddFaults(ctx, stack.Fault{Route: causely.RouteCreate, Kind: stage.EmptyValue, Times: 1}); err != nil {
				return err
			}
			return t.apply(t.issuer(name).manifest(), tokenManifest(badNamespace, name, v1alpha1.KindTokenIssuer, name, ""))(ctx)
		}),
		check("an empty tokenValue in a 201: EmptyTokenValue, and no Secret", both(
			soon(t.tells(badToken(name), expectation{kind: v1alpha1.ConditionReady, status: "False", reason: v1alpha1.ReasonEmptyTokenValue, says: "Give the issuer credentials that may read token values"})),
			t.noSecret(badNamespace, name))),
		do("the spec is edited, so that it is tried again at once", t.kubectl("--namespace", badNamespace, "patch", "gatewaytoken", name,
			"--type=merge", "--patch", `{"spec":{"secret":{"labels":{"try":"again"}}}}`)),
		check("the token that was made is used, and no other: one create", both(
			t.becomesReady(badNamespace, name), haveRows(t.vendor, name, 1, 1),
			func(ctx context.Context) error { return wereCreates(t.vendor, t.before+1)(ctx) })),
	}}
}

// answers lets lists be answered with what is no list.
func (t *tour) answers() chapter {
	bad := func(name string, kind stage.Kind) step {
		return do("every list is answered so: "+string(kind), func(ctx context.Context) error {
			if err := t.misfit.ClearFaults(ctx); err != nil {
				return err
			}
			if err := t.misfit.AddFaults(ctx, stack.Fault{Route: causely.RouteList, Kind: kind}); err != nil {
				return err
			}
			return t.apply(t.issuer(name).manifest(), tokenManifest(badNamespace, name, v1alpha1.KindTokenIssuer, name, ""))(ctx)
		})
	}
	said := func(name, reason, says string) func(context.Context) error {
		return both(soon(t.tells(badToken(name), expectation{kind: v1alpha1.ConditionReady, status: "False", reason: reason, says: says})),
			t.noSecret(badNamespace, name))
	}
	return chapter{Aside: true, Steps: []step{
		bad("huge-row", stage.HugeRow),
		check("a row of 100 MB: AnswerTooLarge", said("huge-row", v1alpha1.ReasonAnswerTooLarge, "an answer of that size is not read")),
		check("the operator's memory stays below the chart's limit", t.memory),
		bad("web-page", stage.HTML),
		check("HTML instead of JSON: UnexpectedAnswer", said("web-page", v1alpha1.ReasonUnexpectedAnswer, "not a login page")),
		do("the vendor answers as it should", func(ctx context.Context) error { return t.misfit.ClearFaults(ctx) }),
		check("both heal by themselves", both(t.becomesReady(badNamespace, "huge-row"), t.becomesReady(badNamespace, "web-page"))),
	}}
}

var residentMemory = regexp.MustCompile(`(?m)^process_resident_memory_bytes ([0-9.e+]+)$`)

// memory asks the operator's metrics; there are systems where they do not tell.
func (t *tour) memory(ctx context.Context) error {
	text, err := t.operator.Metrics(ctx)
	if err != nil {
		return err
	}
	found := residentMemory.FindStringSubmatch(text)
	if found == nil {
		return nil
	}
	bytes, err := strconv.ParseFloat(found[1], 64)
	if err == nil && bytes > memoryLimit {
		err = fmt.Errorf("expected at most %d bytes of memory, found %.0f", memoryLimit, bytes)
	}
	return err
}

// repaired puts things right.
func (t *tour) repaired() chapter {
	return chapter{Aside: true, Steps: []step{
		do("the missing issuer is created, the rejected credentials are replaced, the URL is https, the authority the right one", func(ctx context.Context) error {
			login, err := credentialsManifest(badNamespace, "rejected", t.accounts.Causely.ClientID, t.accounts.Causely.Secret)
			if err != nil {
				return err
			}
			ca, err := caManifest(badNamespace, "other-ca", t.misfit.CA)
			if err != nil {
				return err
			}
			return t.apply(login, ca, t.issuer("no-issuer").manifest(), t.issuer("plain-http").manifest())(ctx)
		}),
		check("each heals by itself", both(t.becomesReady(badNamespace, "no-issuer"), t.becomesReady(badNamespace, "wrong-credentials"),
			t.becomesReady(badNamespace, "plain-http"), t.becomesReady(badNamespace, "wrong-ca"))),
	}}
}

// left judges the tour as a whole.
func (t *tour) left() chapter {
	return chapter{Steps: []step{
		check("the operator is still the same process", func(context.Context) error {
			if err := t.operator.Ended(); err != nil {
				return err
			}
			if t.operator.PID() != t.pid {
				return fmt.Errorf("expected process %d, found %d", t.pid, t.operator.PID())
			}
			return nil
		}),
		check("the vendor was not hammered", func(ctx context.Context) error {
			// One list a second of the issuer that asks for it, and for each of the others a few calls and then a
			// back-off that begins with ten seconds.
			allowed := 100 + int(2*time.Since(t.began).Seconds())
			found, err := t.vendor().Calls(ctx)
			if err == nil && found > allowed {
				err = fmt.Errorf("expected at most %d calls in %.0f s, found %d", allowed, time.Since(t.began).Seconds(), found)
			}
			return err
		}),
		check("the story's token was not disturbed", both(t.stillHolds, t.tells(theToken(), ready()))),
	}}
}
