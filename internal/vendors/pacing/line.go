package pacing

import "time"

const (
	// maxUnderWay bounds the calls of one account that are under way at the same time.
	maxUnderWay = 10
	// maxFailures is how many calls in a row a vendor may leave without an answer before it is left alone.
	maxFailures = 5
	// firstRest is how long it is left alone then. Each time that it does not answer after a rest the next is twice as long, up to
	// maxRest.
	firstRest = 10 * time.Second
	maxRest   = 5 * time.Minute
)

// line is what is known of the way to one account: a circuit breaker. It is closed while the vendor answers. After maxFailures it
// is open and lets nothing pass for a time; then one harmless call tries, and all others wait for what comes of it.
type line struct {
	underWay int
	failures int
	rest     time.Duration
	// until is the end of the rest; zero where calls pass.
	until time.Time
	// tries: the one call is under way.
	tries bool
}

func (l *line) rests() bool { return l.underWay == 0 && l.failures == 0 && l.until.IsZero() }

// enter lets a call pass, or says when to come back. tries: it is the one call after a rest.
func (l *line) enter(now time.Time, harmless bool) (tries bool, comeBack time.Duration) {
	switch left := l.until.Sub(now); {
	case l.underWay >= maxUnderWay:
		return false, minComeBack
	case l.until.IsZero():
	case left > 0:
		return false, max(left, minComeBack)
	case l.tries || !harmless:
		return false, minComeBack
	default:
		l.tries, tries = true, true
	}
	l.underWay++
	return tries, 0
}

// leave takes back an entry: the call is not made.
func (l *line) leave(tries bool) {
	l.underWay--
	l.tries = l.tries && !tries
}

// done notes what came of a call.
func (l *line) done(now time.Time, outage bool) {
	l.underWay--
	if !outage {
		l.failures, l.rest, l.until, l.tries = 0, 0, time.Time{}, false
		return
	}
	if l.failures++; l.failures < maxFailures || l.until.After(now) {
		// Calls that were under way before the rest began do not make it longer.
		return
	}
	l.rest = min(max(2*l.rest, firstRest), maxRest)
	l.until, l.tries = now.Add(l.rest), false
}

// Enter admits a call whose turn was taken by Book before. It is never refused: something at the vendor waits for it.
func (g *Gate) Enter() {
	l := g.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lineTo(g.key.accountKey).underWay++
}

// Done implements rest.Limiter.
func (g *Gate) Done(outage bool) {
	l := g.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lineTo(g.key.accountKey).done(l.options.Clock(), outage)
}

func (l *Limiter) enter(account accountKey, harmless bool) (tries bool, comeBack time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lineTo(account).enter(l.options.Clock(), harmless)
}

func (l *Limiter) leave(account accountKey, tries bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lineTo(account).leave(tries)
}

// lineTo is called with the lock held.
func (l *Limiter) lineTo(account accountKey) *line {
	to := l.lines[account]
	if to == nil {
		to = &line{}
		l.lines[account] = to
	}
	return to
}
