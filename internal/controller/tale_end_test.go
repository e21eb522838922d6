package controller_test

import (
	"maps"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/testkit/harness"
)

// end mends everything, and judges.
func (l *tale) end() {
	l.mend()
	l.judge()
}

// mend puts everything right that a person can put right, and waits.
func (l *tale) mend() {
	l.calm()
	l.pass(time.Minute)
	l.mendIssuer()
	l.pass(30 * time.Minute)
	l.want(theFirst)
	l.pass(30 * time.Minute)
	l.startOver()
	for _, name := range l.names() {
		l.want(name)
		harness.Change(l.World, l.objects[name], func(o *v1alpha1.GatewayToken) { o.Spec.Suspend, o.Spec.OnRemoteRevocation = false, "" })
	}
	l.pass(30 * time.Minute)
	for _, name := range l.names() {
		l.mendSecret(name)
	}
	l.pass(2 * time.Hour)
	if !l.named {
		l.decide()
	}
}

// calm ends what disturbs the operator, but for what people say.
func (l *tale) calm() {
	l.resume()
	l.Heal()
	l.commitLate()
	l.Interfere(harness.Interference{})
	l.SkewServer(0)
	l.thaw()
	if l.SecretIn(l.System, harness.CredentialsName) == nil {
		l.credentials()
	}
}

// mendIssuer: one that is being deleted goes with the last token, and is made anew for the next.
func (l *tale) mendIssuer() {
	if !l.Gone(l.issuer) {
		if l.Refresh(l.issuer); l.issuer.DeletionTimestamp != nil {
			for _, name := range l.names() {
				if object := l.have(name); object != nil && object.DeletionTimestamp == nil {
					l.Remove(object)
				}
			}
			l.pass(30 * time.Minute)
		}
	}
	if l.Gone(l.issuer) {
		l.deleteIssuer()
	}
	l.grant(l.ClusterIssuer().Spec.Grants)
}

// startOver is the way out where nothing that a backup tells of is at the vendor any more: that passes for another account, and what is of another
// account is not touched. A person takes all of it away, and makes it anew.
func (l *tale) startOver() {
	if !l.restored || l.Condition(l.issuer, v1alpha1.ConditionReady).Reason != v1alpha1.ReasonAccountChanged {
		return
	}
	for _, name := range l.names() {
		if secret := l.Secret(name); secret != nil {
			l.lose(1)
			l.Vanish(secret)
		}
		if object := l.have(name); object != nil {
			l.Vanish(object)
		}
	}
	l.Vanish(l.issuer)
	l.pass(time.Minute)
	l.deleteIssuer()
	l.want(theFirst)
	l.pass(30 * time.Minute)
}

// mendSecret removes a Secret that is in the way. A refusal may be backed off from for up to six hours; a changed spec is tried at once.
func (l *tale) mendSecret(name string) {
	object := l.objects[name]
	if condition := l.Condition(object, v1alpha1.ConditionStalled); condition.Reason == v1alpha1.ReasonSecretConflict {
		l.lose(1)
		l.Remove(l.Secret(name))
	}
	harness.Change(l.World, object, func(o *v1alpha1.GatewayToken) { o.Spec.TokenName = "last" })
}

// decide has a person look after what is reported, as often as something new is.
func (l *tale) decide() {
	for range 3 {
		l.acknowledgeAll()
		l.pass(time.Hour)
		l.CheckRest()
	}
	for _, name := range l.names() {
		l.want(name)
	}
	l.pass(time.Hour)
}

// judge judges a world that was mended.
func (l *tale) judge() {
	for _, name := range l.names() {
		l.WantReady(l.objects[name])
		l.WantNo(l.objects[name], v1alpha1.ConditionRevocationPending)
		l.judgeRights(name)
	}
	l.judgeActive()
	if made := len(l.Made()); made > l.causes {
		l.trial.Errorf("%d tokens were made, and there are causes for %d", made, l.causes)
	}
	if !l.overdue {
		l.CheckUndisputed()
	}
	l.judgeIdleness()
}

// judgeActive: each object has one active token of ours. Every other is counted as an orphan or, where tokens have no names, known to a person.
func (l *tale) judgeActive() {
	l.Refresh(l.issuer)
	orphaned := 0
	if inventory := l.issuer.Status.Inventory; inventory != nil {
		orphaned = int(inventory.Orphaned)
	}
	if !l.named {
		l.CheckRest()
		orphaned = 0
		open := slices.DeleteFunc(l.issuer.Status.PossibleOrphans, func(o v1alpha1.PossibleOrphan) bool { return o.Acknowledged })
		if len(open) > 0 {
			l.trial.Errorf("still reported: %+v", open)
		}
	}
	if lost := l.Unaccounted(); len(lost) != orphaned {
		l.trial.Errorf("%d tokens are orphans, %d are counted: %+v", len(lost), orphaned, lost)
	}
	if active, reported := len(l.ourActive()), len(l.Reported()); active-reported != len(l.names())+orphaned {
		l.trial.Errorf("%d tokens are active, want one for each of %d GatewayTokens, %d orphans, and %d that were reported",
			active, len(l.names()), orphaned, reported)
	}
}

// judgeRights: the token may do what the spec asks for, and nothing else.
func (l *tale) judgeRights(name string) {
	object := l.have(name)
	if object == nil || object.Status.Current == nil {
		return
	}
	var asked []string
	switch spec := object.Spec; {
	case spec.Causeloop != nil:
		asked = slices.Clone(spec.Causeloop.Scopes)
	case spec.RackGateway != nil && spec.RackGateway.Role == v1alpha1.RackGatewayViewer:
		asked = places()["Rack Gateway"].rights
	case spec.RackGateway != nil:
		for _, permission := range spec.RackGateway.Permissions {
			asked = append(asked, string(permission))
		}
	}
	slices.Sort(asked)
	if len(asked) == 0 {
		return
	}
	if diff := cmp.Diff(asked, l.TokenByID(object.Status.Current.ID).Rights); diff != "" {
		l.trial.Errorf("rights of %s at the vendor (-want +got):\n%s", name, diff)
	}
}

// judgeIdleness: an operator with nothing to do writes nothing.
func (l *tale) judgeIdleness() {
	before := l.Versions()
	l.pass(20 * time.Minute)
	after := l.Versions()
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] != after[name] {
			l.trial.Errorf("%s is written at rest", name)
		}
	}
}
