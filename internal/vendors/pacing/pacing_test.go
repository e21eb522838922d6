package pacing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// timeline is a clock that only sleeping moves.
type timeline struct {
	mu     sync.Mutex
	now    time.Time
	slept  []time.Duration
	during func()
}

func newTimeline() *timeline {
	return &timeline{now: time.Date(2026, 5, 26, 12, 0, 0, 0, time.UTC)}
}

func (c *timeline) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *timeline) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *timeline) sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.slept = append(c.slept, d)
	c.advance(d)
	if c.during != nil {
		c.during()
	}
	return nil
}

func (c *timeline) limiter(hostPerSecond float64) *Limiter {
	return New(Options{Clock: c.Now, Sleep: c.sleep, HostPerSecond: hostPerSecond})
}

var (
	alice = Fingerprint(token.NewValue("alice"), token.NewValue("secret"))
	bob   = Fingerprint(token.NewValue("bob"), token.NewValue("secret"))
)

func admit(t *testing.T, gate *Gate) time.Duration {
	t.Helper()
	comeBack, err := gate.Admit(t.Context(), true)
	if err != nil {
		t.Fatalf("Admit: %v", err)
	}
	if comeBack == 0 {
		gate.Done(false)
	}
	return comeBack
}

func TestPace(t *testing.T) {
	clock := newTimeline()
	gate := clock.limiter(0).Gate("api.example.com", alice, 2)
	for i := range 2 {
		if comeBack := admit(t, gate); comeBack != 0 {
			t.Fatalf("call %d of a second's worth: come back after %s", i, comeBack)
		}
	}
	if len(clock.slept) != 0 {
		t.Errorf("a second's worth of calls waited %v", clock.slept)
	}
	if comeBack := admit(t, gate); comeBack != 0 {
		t.Errorf("a call half a second early: come back after %s, want a wait", comeBack)
	}
	if diff := cmp.Diff([]time.Duration{500 * time.Millisecond}, clock.slept); diff != "" {
		t.Errorf("waits -want +got:\n%s", diff)
	}
	clock.advance(time.Second)
	admit(t, gate)
	if len(clock.slept) != 1 {
		t.Errorf("a call in time waited: %v", clock.slept)
	}
}

// No worker waits for longer than MaxWait, and who is sent away takes no place.
func TestSentAway(t *testing.T) {
	clock := newTimeline()
	gate := clock.limiter(0).Gate("api.example.com", alice, 0.5)
	if comeBack := admit(t, gate); comeBack != 0 {
		t.Fatalf("first call: %s", comeBack)
	}
	for range 100 {
		if comeBack := admit(t, gate); comeBack != 2*time.Second {
			t.Fatalf("come back after %s, want 2s: who was sent away has taken a place", comeBack)
		}
	}
	clock.advance(1500 * time.Millisecond)
	if comeBack := admit(t, gate); comeBack != 0 || len(clock.slept) != 1 {
		t.Errorf("half a second early: come back after %s, waits %v", comeBack, clock.slept)
	}
}

func TestSharing(t *testing.T) {
	tests := map[string]struct {
		reason      string
		host        string
		credential  Credential
		perSecond   float64
		sharesPace  bool
		sharesPause bool
	}{
		"Same":            {reason: "two issuers of one account", host: "api.example.com", credential: alice, perSecond: 1, sharesPace: true, sharesPause: true},
		"Case":            {reason: "names of hosts have no case", host: "API.example.com", credential: alice, perSecond: 1, sharesPace: true, sharesPause: true},
		"OtherRate":       {reason: "each issuer keeps its own rate, the vendor's word is for both", host: "api.example.com", credential: alice, perSecond: 3, sharesPause: true},
		"OtherCredential": {reason: "another account", host: "api.example.com", credential: bob, perSecond: 1},
		"OtherHost":       {reason: "another vendor", host: "auth.example.com", credential: alice, perSecond: 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			clock := newTimeline()
			limiter := clock.limiter(0)
			first, second := limiter.Gate("api.example.com", alice, 1), limiter.Gate(tc.host, tc.credential, tc.perSecond)
			admit(t, first)
			admit(t, second)
			if shared := len(clock.slept) > 0; shared != tc.sharesPace {
				t.Errorf("%s: pace shared %t, want %t", tc.reason, shared, tc.sharesPace)
			}
			clock.advance(time.Minute)
			first.Hold(7 * time.Second)
			if shared := admit(t, second) > 0; shared != tc.sharesPause {
				t.Errorf("%s: pause shared %t, want %t", tc.reason, shared, tc.sharesPause)
			}
		})
	}
}

func TestPause(t *testing.T) {
	clock := newTimeline()
	gate := clock.limiter(0).Gate("api.example.com", alice, 10)
	gate.Hold(7 * time.Second)
	gate.Hold(2 * time.Second)
	if comeBack := admit(t, gate); comeBack != 7*time.Second {
		t.Errorf("come back after %s, want 7s: a shorter pause does not end a longer one", comeBack)
	}
	clock.advance(6900 * time.Millisecond)
	if comeBack := admit(t, gate); comeBack != time.Second {
		t.Errorf("come back after %s, want a second at least", comeBack)
	}
	clock.advance(100 * time.Millisecond)
	if comeBack := admit(t, gate); comeBack != 0 {
		t.Errorf("come back after %s, want the pause to be over", comeBack)
	}
}

// A call that waits for its turn learns of a pause that another call was told of meanwhile.
func TestPauseWhileWaiting(t *testing.T) {
	clock := newTimeline()
	gate := clock.limiter(0).Gate("api.example.com", alice, 1)
	admit(t, gate)
	clock.during = func() { gate.Hold(30 * time.Second) }
	if comeBack := admit(t, gate); comeBack != 30*time.Second {
		t.Errorf("come back after %s, want 30s", comeBack)
	}
}

func TestGivenUpWhileWaiting(t *testing.T) {
	clock := newTimeline()
	gate := clock.limiter(0).Gate("api.example.com", alice, 1)
	admit(t, gate)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if _, err := gate.Admit(ctx, true); !errors.Is(err, context.Canceled) {
			t.Fatalf("Admit = %v, want the context's error: who gave up has kept a place", err)
		}
	}
}

func TestHostPace(t *testing.T) {
	clock := newTimeline()
	limiter := clock.limiter(2)
	for i, credential := range []Credential{alice, bob, alice} {
		if comeBack := admit(t, limiter.Gate("api.example.com", credential, 100)); comeBack != 0 {
			t.Errorf("call %d: come back after %s", i, comeBack)
		}
	}
	if diff := cmp.Diff([]time.Duration{500 * time.Millisecond}, clock.slept); diff != "" {
		t.Errorf("waits of the third call at the host -want +got:\n%s", diff)
	}
	admit(t, limiter.Gate("other.example.com", alice, 100))
	if len(clock.slept) != 1 {
		t.Errorf("another host waited: %v", clock.slept)
	}
}

func TestDefaultRate(t *testing.T) {
	clock := newTimeline()
	gate := clock.limiter(0).Gate("api.example.com", alice, 0)
	for range int(DefaultPerSecond) {
		admit(t, gate)
	}
	if len(clock.slept) != 0 {
		t.Errorf("waited %v within the default rate", clock.slept)
	}
	admit(t, gate)
	if len(clock.slept) != 1 {
		t.Errorf("did not wait above the default rate")
	}
}

// What is at rest is forgotten, so that issuers that come and go take no room for ever.
func TestForgets(t *testing.T) {
	clock := newTimeline()
	limiter := clock.limiter(1000)
	for i := range 5 * maxIdle {
		credential := Fingerprint(token.NewValue(fmt.Sprint(i)))
		gate := limiter.Gate(fmt.Sprintf("host-%d", i), credential, 1)
		admit(t, gate)
		gate.Hold(time.Second)
		clock.advance(10 * time.Millisecond)
	}
	if len(limiter.paces) > maxIdle+200 || len(limiter.hosts) > maxIdle+200 || len(limiter.pauses) > maxIdle+200 {
		t.Errorf("%d paces, %d hosts, %d pauses are kept", len(limiter.paces), len(limiter.hosts), len(limiter.pauses))
	}
}

func TestFingerprint(t *testing.T) {
	if Fingerprint(token.NewValue("ab"), token.NewValue("c")) == Fingerprint(token.NewValue("a"), token.NewValue("bc")) {
		t.Error("parts run into each other")
	}
	if again := Fingerprint(token.NewValue("alice"), token.NewValue("secret")); again != alice {
		t.Error("not stable")
	}
}

func TestConcurrentUse(t *testing.T) {
	clock := newTimeline()
	limiter := New(Options{Clock: clock.Now, Sleep: func(context.Context, time.Duration) error { return nil }})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			gate := limiter.Gate("api.example.com", alice, 5)
			for range 100 {
				comeBack, err := gate.Admit(context.Background(), true)
				if err != nil {
					t.Error(err)
				}
				if comeBack == 0 {
					gate.Done(true)
				}
				gate.Hold(time.Millisecond)
			}
		})
	}
	group.Wait()
}

func TestRealSleep(t *testing.T) {
	if err := sleep(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("sleep: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("sleep of a cancelled context: %v", err)
	}
}

// A vendor that answers 429 without saying for how long is asked ever less often.
func TestPausesGrow(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	gate := New(Options{Clock: func() time.Time { return now }}).Gate("host", Credential{}, 100)
	var lengths []time.Duration
	for range 11 {
		gate.Hold(time.Second)
		gate.Hold(time.Second)
		left := gate.limiter.pausedFor(gate.key.accountKey, now)
		lengths = append(lengths, left)
		now = now.Add(left)
	}
	var want []time.Duration
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		want = append(want, time.Duration(seconds)*time.Second)
	}
	if diff := cmp.Diff(want, lengths); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	now = now.Add(time.Hour)
	gate.Hold(time.Second)
	if left := gate.limiter.pausedFor(gate.key.accountKey, now); left != time.Second {
		t.Errorf("after an hour without trouble the pause is %s, want 1s", left)
	}
}
