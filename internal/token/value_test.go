package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestValueNeverShows(t *testing.T) {
	const secret = "canary-0123456789"
	value := NewValue(secret)
	issued := Issued{Token: Token{ID: "1"}, Value: value}
	text, err := json.Marshal(map[string]any{"v": value, "p": &value, "i": issued})
	if err != nil {
		t.Fatal(err)
	}
	type holder struct{ hidden Value }
	held := holder{hidden: value}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value, "issued", issued)
	shown := []string{
		string(text), log.String(), value.String(),
		fmt.Sprint(value), fmt.Sprintf("%s %v %+v %#v %q %x %X %d", value, value, value, value, value, value, value, value),
		fmt.Sprintf("%v %+v %#v", issued, issued, issued), fmt.Sprintf("%v %+v %#v", &value, &issued, []Value{value}),
		fmt.Sprintf("%v %+v %#v %v", held, held, held, &held), fmt.Sprintf("%v %+v", []holder{held}, map[string]*holder{"x": &held}),
		fmt.Errorf("wrapped %v", value).Error(),
	}
	for _, one := range shown {
		if strings.Contains(one, "canary") || strings.Contains(one, fmt.Sprintf("%x", secret)) {
			t.Errorf("the value shows in %q", one)
		}
	}
	if value.Reveal() != secret {
		t.Error("Reveal does not give the content")
	}
}

func TestValueUsable(t *testing.T) {
	tests := map[string]struct {
		reason, content string
		want            bool
	}{
		"jwt":           {"what Causely gives", "eyJhbGciOiJSUzI1NiJ9.eyJ4IjoxfQ.abc-_=", true},
		"longest":       {"up to the bound", strings.Repeat("x", MaxValueBytes), true},
		"empty":         {"never written into a Secret", "", false},
		"too long":      {"no token is", strings.Repeat("x", MaxValueBytes+1), false},
		"newline":       {"not fit for a header", "abc\n", false},
		"space":         {"not fit for a header", "a b", false},
		"non-ASCII":     {"not fit for a header", "tökén", false},
		"NUL":           {"not printable", "a\x00b", false},
		"delete (0x7f)": {"not printable", "a\x7fb", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := NewValue(tc.content).Usable(); got != tc.want {
				t.Errorf("Usable = %t, want %t: %s", got, tc.want, tc.reason)
			}
		})
	}
}

func TestFailureSaysNothingOfTheVendor(t *testing.T) {
	underlying := errors.New("body: canary")
	f := &Failure{Operation: "create token", Class: Ambiguous, Cause: CauseTimeout, Status: 504, Err: underlying}
	wrapped := fmt.Errorf("outer: %w", f)
	if got := wrapped.Error(); strings.Contains(got, "canary") || !strings.Contains(got, "HTTP 504") {
		t.Errorf("Error = %q", got)
	}
	if !errors.Is(wrapped, underlying) || ClassOf(wrapped) != Ambiguous {
		t.Error("the class or the underlying error got lost")
	}
	if got := ClassOf(errors.New("whatever")); got != Ambiguous {
		t.Errorf("an error that is no Failure has the class %s, want Ambiguous: nothing is known of what happened", got)
	}
	if ClassOf(nil) != 0 || AsFailure(nil) != nil {
		t.Error("no error is no failure")
	}
}

func TestSnapshotBegunAfter(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if (Snapshot{}).BegunAfter(time.Time{}) {
		t.Error("no snapshot began after anything")
	}
	if (Snapshot{StartedAt: at}).BegunAfter(at) {
		t.Error("a list that began at the same instant may have missed what ended at it")
	}
	if !(Snapshot{StartedAt: at}).BegunAfter(at.Add(-1)) {
		t.Error("a list that began later counts")
	}
}

func TestInputsDigest(t *testing.T) {
	a := InputsDigest(map[string][]string{"scopes": {"b", "a", "a"}, "kind": {"dedicated"}})
	b := InputsDigest(map[string][]string{"kind": {"dedicated"}, "scopes": {"a", "b"}})
	if a != b {
		t.Error("order and repetition must not matter: an upgrade would replace tokens")
	}
	if a == InputsDigest(map[string][]string{"scopes": {"ab"}, "kind": {"dedicated"}}) {
		t.Error("different inputs have one digest")
	}
	if got, want := InputsDigest(nil), "6b86b273ff34fce1"; got != want {
		t.Errorf("InputsDigest(nil) = %s, want %s: it must never change", got, want)
	}
}
