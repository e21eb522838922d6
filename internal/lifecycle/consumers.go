package lifecycle

import (
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/ledger"
)

// Once the Secret has another value, those who use it are to take it up. No vendor is needed for that, and none is waited for: also after
// somebody else has revoked a token, the pods that hold it need its successor.

// WatchesPods tells whether pods are looked at: while a token that was published waits for its revocation and, where the spec says how
// values are taken up, until every pod has the one that the Secret has.
func (o Observation) WatchesPods() bool {
	v := newView(o)
	return (!o.Object.Suspended || o.Object.Deleting) && (len(o.PublishedBefore()) > 0 || v.awaitsConsumers())
}

// Restarting tells whether workloads are to be restarted for the value that the Secret has, or were and roll out.
func (o Observation) Restarting() bool {
	v := newView(o)
	return v.Object.Consumers == RestartConsumers && v.awaitsConsumers() && !v.Stale.Gone
}

// AllRestarted tells whether all were restarted that were to be.
func (o Observation) AllRestarted() bool {
	v := newView(o)
	return v.awaitsConsumers() && (v.restarts().Done || v.proof.RestartedFor >= v.proof.Current.Sequence)
}

// awaitsConsumers tells whether pods may still have to take up the value that the Secret has. That holds for the first one, too: pods may have
// started with what the Secret had of somebody else, such as a GatewayToken of the same name that was deleted.
func (v *view) awaitsConsumers() bool {
	if v.Object.Consumers == NoConsumersAction || v.Object.Deleting || !v.usable() || v.firstAgain() {
		return false
	}
	return !v.Object.HintConsumersReady || v.Object.HintSequence != v.proof.Current.Sequence
}

// consumersProblem tells why there are pods with an older value; nil where there are none.
func (v *view) consumersProblem() *Problem {
	switch {
	case v.Object.Suspended, !v.awaitsConsumers(), v.Stale.Gone:
		return nil
	case v.Stale.Unknown:
		return &Problem{ReasonConsumersUnknown, "Nobody knows which pods hold an older value than the Secret's: " + v.Stale.Text + ". Nothing is restarted, and a replaced token stays active."}
	case v.Object.Consumers == AwaitConsumers:
		return &Problem{ReasonWaitingForConsumers, "Pods hold an older value than the Secret's. They are not restarted by the operator, since spec.consumers says that they take it up by themselves or that somebody else restarts them."}
	}
	known := v.restarts()
	problem := &Problem{ReasonRestarting, "Workloads whose pods hold an older value than the Secret's are restarted."}
	if known.Refused {
		problem.Reason = ReasonRestartForbidden
	}
	if known.Text != "" {
		problem.Message += " Beside that, " + known.Text + "."
	}
	return problem
}

// restarts is what this process knows of the restarts for the token in use.
func (v *view) restarts() RestartProgress {
	if known := v.Memory.Restarts; known.Sequence == v.proof.Current.Sequence {
		return known
	}
	return RestartProgress{}
}

// toRestart tells whether workloads may have to be restarted for the token in use.
func (v *view) toRestart() bool {
	return v.Object.Consumers == RestartConsumers && v.awaitsConsumers() && v.proof.RestartedFor < v.proof.Current.Sequence &&
		!v.restarts().Done && !v.Stale.Gone && !v.Stale.Unknown
}

// FirstValue tells whether the GatewayToken has had no value before the one in the Secret.
func (o Observation) FirstValue() bool { return newView(o).hasFirst() }

func (v *view) hasFirst() bool { return v.proof != nil && v.proof.Current.Sequence == firstSequence }

// firstAgain: the Secret was lost and has the first value again. Since when pods have had that went with it.
func (v *view) firstAgain() bool { return v.hasFirst() && v.proof.Current.Published }

// consumersUnseen tells whether nobody has looked late enough which pods had started before the first value. Most have waited for it.
func (v *view) consumersUnseen() bool {
	return v.awaitsConsumers() && v.hasFirst() && (v.Stale.Early || v.Object.Suspended)
}

// restartConsumers: what the ledger says was done for a token is never done again, whatever became of it since: who takes the
// annotation of a restart away does not bring about another.
func restartConsumers(v *view) Decision {
	if !v.toRestart() || v.restartAt().After(v.Now) {
		return nil
	}
	return Restart{Sequence: v.proof.Current.Sequence, Pause: v.nextWatch(v.since(v.proof.Current)).Sub(v.ServerNow)}
}

// restartAt is when workloads are restarted next, by the operator's clock: not before every new pod has the new value.
func (v *view) restartAt() time.Time {
	delay := v.since(v.proof.Current).Add(v.Settings.RestartDelay).Sub(v.ServerNow)
	return later(v.Now.Add(max(delay, 0)), v.restarts().Next)
}

// noteRestarts: from then on the ledger says so.
func noteRestarts(v *view) Decision {
	if !v.usable() || v.heldBack() != nil || !v.restarts().Done || v.proof.RestartedFor >= v.proof.Current.Sequence {
		return nil
	}
	record := v.nextLedger(v.proof.Current)
	record.RestartedFor = v.proof.Current.Sequence
	return rewrite(record, "its consumers were restarted")
}

// nextConsumersLook is when restarts, or pods where nothing retires, are looked at next; zero for never.
func (v *view) nextConsumersLook() time.Time {
	switch {
	case !v.usable() || v.Object.Suspended || !v.awaitsConsumers() || v.Stale.Gone:
		return time.Time{}
	case v.toRestart():
		return v.restartAt()
	default:
		watch := v.nextWatch(v.since(v.proof.Current))
		return v.Now.Add(max(watch.Sub(v.ServerNow), 0))
	}
}

// meanwhile is when something is due that needs no vendor.
func (v *view) meanwhile() time.Time {
	next := v.endsAt()
	if look := v.nextConsumersLook(); look.After(v.Now) {
		next = earlier(next, look)
	}
	return next
}

// rewrite writes the Secret with the value it holds, for what the operator alone has to know.
func rewrite(record ledger.Ledger, why string) Publish {
	return Publish{Source: FromSecret, Ledger: record, Why: why, Silent: true}
}

// KeepsPrevious tells whether a Secret that is written with this ledger has the value before, too, where the spec asks for that: while
// the token that was replaced last waits for its revocation, and is not known to somebody who should not know it.
func (o Observation) KeepsPrevious(record ledger.Ledger) bool {
	if record.Current.Cut != "" {
		return false
	}
	after := newView(o)
	after.proof = &record
	var latest ledger.Entry
	for _, entry := range record.Retiring {
		if entry.Published && entry.Sequence > latest.Sequence {
			latest = entry
		}
	}
	return latest.Published && !after.leaked(latest)
}

// previousOver tells whether the Secret has the value of a token that waits for nothing any more.
func (v *view) previousOver() bool {
	return v.Secret.HoldsPrevious && v.heldBack() == nil && !v.KeepsPrevious(v.nextLedger(v.proof.Current))
}
