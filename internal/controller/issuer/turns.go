package issuer

import "time"

// source names the credentials that a list is taken with.
type source int

const (
	// nobody: there are none to ask with.
	nobody source = iota
	// own are the user's.
	own
	// kept are the operator's copy of those that the vendor accepted last.
	kept
)

// turns decides with which credentials the vendor is asked next, and when. It is what an issuer's looks remember of its vendor
// calls, and makes none itself: whoever does tells it what came of them, and by that moves the next call into the future.
type turns struct {
	// serves names the credentials that the account is used with.
	serves source
	// fresh: the user's credentials are others than those that were tried last.
	fresh bool
	// refused: the vendor refused the user's credentials.
	refused bool
	// learned: the kept credentials told what they could about the account that they lead to. A list of theirs that begins before
	// calm does not tell it all: a create may have been under way.
	learned bool
	calm    time.Time
	// ownHeld and keptHeld are when the credentials may be tried again after a failure.
	ownHeld, keptHeld time.Time
	// paced is when the operator's own limits let the next call through.
	paced time.Time
}

// means is what there is to ask the vendor with, and for.
type means struct {
	// own: the user's credentials are there and well formed. kept: so are the kept ones, and they are others.
	own, kept bool
	// pinned: the vendor account of the issuer is known.
	pinned bool
	// due is when the list of whoever serves is due.
	due time.Time
}

// next tells whose turn it is, and from when on; nobody's where no call is to be made however long one waits.
func (t *turns) next(has means) (source, time.Time) {
	ownAt, ownEver := t.ownTurn(has)
	keptAt, keptEver := t.keptTurn(has)
	switch {
	case ownEver && (!keptEver || !keptAt.Before(ownAt)):
		return own, later(ownAt, t.paced)
	case keptEver:
		return kept, later(keptAt, t.paced)
	default:
		return nobody, time.Time{}
	}
}

func (t *turns) ownTurn(has means) (at time.Time, ever bool) {
	switch {
	case !has.own, t.mustLearn(has):
		return time.Time{}, false
	case t.fresh:
		// A person mended something: what was refused before does not hold it back.
		return time.Time{}, true
	case t.serves == own:
		return has.due, true
	default:
		return t.ownHeld, true
	}
}

func (t *turns) keptTurn(has means) (at time.Time, ever bool) {
	switch {
	case !has.kept:
		return time.Time{}, false
	case t.mustLearn(has):
		return t.keptHeld, true
	case has.own && !t.refused:
		// The user's own may serve yet.
		return time.Time{}, false
	case t.serves == kept:
		return has.due, true
	default:
		return t.keptHeld, true
	}
}

// mustLearn: tokens may have been made with the kept credentials in an account that nobody has noted, by a process that died
// too soon. The user's own, which may lead to another account, wait until that is known.
func (t *turns) mustLearn(has means) bool {
	return has.own && has.kept && !has.pinned && !t.learned
}

// renew: the user's credentials are others now. Whoever serves goes on until they were tried.
func (t *turns) renew() {
	t.fresh, t.refused, t.learned = true, false, false
	// The pace that the operator's own limits ask for is that of the credentials before.
	t.ownHeld, t.paced = time.Time{}, time.Time{}
}

// mayHaveCreated: until now, tokens could be created with whatever served. The last create has ended by calm.
func (t *turns) mayHaveCreated(calm time.Time) { t.calm = later(t.calm, calm) }

// lost: the credentials are gone, and serve no more.
func (t *turns) lost(which source) {
	if t.serves == which {
		t.serves = nobody
	}
}

// listed: the vendor answered a list, which began at an instant.
func (t *turns) listed(which source, began time.Time) {
	t.serves, t.paced = which, time.Time{}
	switch {
	case which == own:
		t.fresh, t.refused, t.ownHeld = false, false, time.Time{}
	case began.Before(t.calm):
		t.keptHeld = t.calm
	default:
		t.learned, t.keptHeld = true, time.Time{}
	}
}

// failed: no list came of it, and none is to be tried before until. An outage is nobody's credentials' fault; refused says that
// these will not do, however long one waits.
func (t *turns) failed(which source, refused bool, until time.Time) {
	switch {
	case which == kept:
		t.keptHeld, t.learned = until, t.learned || refused
	case refused:
		t.fresh, t.refused, t.ownHeld = false, true, until
	default:
		t.fresh, t.ownHeld, t.keptHeld = false, until, later(t.keptHeld, until)
	}
	if t.serves == which || !t.refused {
		t.serves = nobody
	}
}

// misled: the credentials lead to another account. Nothing is done in any until that is put right.
func (t *turns) misled(which source, until time.Time) {
	t.failed(which, false, until)
	t.refused = t.refused && which == kept
	t.serves = nobody
}

// wait: the operator's own limits let no call through before until. That is nobody's trouble.
func (t *turns) wait(until time.Time) { t.paced = until }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
