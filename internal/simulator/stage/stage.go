// Package stage is what every simulated vendor stands on: one mutex and one clock for all state, the faults, the
// counters and the transcript, and the way of a call through its fault. It knows no vendor; a vendor describes its
// routes (Route) and the stage serves them.
package stage

import (
	"errors"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// TranscriptLimit is how many of the last calls the transcript keeps.
const TranscriptLimit = 2000

// ErrNotFound says that an operation named something that does not exist.
var ErrNotFound = errors.New("not found")

// Entry is one call in the transcript. It never holds a body, a query or a header.
type Entry struct {
	Time   time.Time `json:"time"`
	Route  string    `json:"route"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	// Status is 0 while the call is under way, and stays 0 when it ended without an answer.
	Status int  `json:"status"`
	Fault  Kind `json:"fault,omitempty"`
}

// Stage holds the shared state of one simulator. All state, the vendors' included, changes under its one mutex, so
// that calls, commits and faults have a single order.
type Stage struct {
	clock  Clock
	random io.Reader
	faults *Faults
	// done is closed by Close; it releases everything that waits.
	done chan struct{}
	// running counts the calls and late commits under way.
	running sync.WaitGroup

	mu             sync.Mutex
	closed         bool
	last           time.Time
	routes         map[string]Route
	calls, refused map[string]int
	unheard        map[string]int
	transcript     []*Entry // a ring once it is full; oldest at next
	next           int
}

// New returns a stage whose time comes from the clock, and whose IDs and values come from what is random.
func New(clock Clock, random io.Reader) *Stage {
	s := &Stage{
		clock:   clock,
		random:  random,
		done:    make(chan struct{}),
		routes:  map[string]Route{},
		calls:   map[string]int{},
		refused: map[string]int{},
		unheard: map[string]int{},
	}
	s.faults = &Faults{stage: s}
	return s
}

// Random gives random bytes. It is for changes of state, which come one after the other.
func (s *Stage) Random(count int) []byte {
	random := make([]byte, count)
	if _, err := io.ReadFull(s.random, random); err != nil {
		panic(err) // neither crypto/rand nor a generator ever fails
	}
	return random
}

// NewUUID makes a random UUID, as Random makes bytes.
func (s *Stage) NewUUID() string { return uuid.Must(uuid.NewRandomFromReader(s.random)).String() }

// Faults is where faults are set.
func (s *Stage) Faults() *Faults { return s.faults }

// Do runs a change (or a reading) of state under the mutex. The change must not block and must not call the stage.
func (s *Stage) Do(change func(now time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.now())
}

// Calls says how often each route whose name begins with the prefix was called, faulty calls included, and how many
// of these calls were answered with a status of 300 or more and had changed nothing.
func (s *Stage) Calls(prefix string) (calls, refused map[string]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return withPrefix(s.calls, prefix), withPrefix(s.refused, prefix)
}

// Unheard says how often calls of each route were carried out and nobody got to know what came of it: the answer was held
// back, cut off, made unreadable or replaced by an error, or the client had left before it was sent.
func (s *Stage) Unheard() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.unheard)
}

// Transcript returns the last calls, oldest first.
func (s *Stage) Transcript() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make([]Entry, 0, len(s.transcript))
	for i := range s.transcript {
		entries = append(entries, *s.transcript[(s.next+i)%len(s.transcript)])
	}
	return entries
}

// Close releases what hangs, drops the commits that are still to come and waits until no call is left. The server's
// connections must be closed first, lest a call wait for its client.
func (s *Stage) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.done)
	}
	s.running.Wait()
}

// now is strictly increasing, so that two changes are never at the same instant, even on a clock that stands still.
// The mutex is held.
func (s *Stage) now() time.Time {
	now := s.clock.Now().UTC()
	if !now.After(s.last) {
		now = s.last.Add(1)
	}
	s.last = now
	return now
}

// record adds a call to the counters and the transcript. The mutex is held.
func (s *Stage) record(entry *Entry) {
	s.calls[entry.Route]++
	if len(s.transcript) < TranscriptLimit {
		s.transcript = append(s.transcript, entry)
		return
	}
	s.transcript[s.next] = entry
	s.next = (s.next + 1) % TranscriptLimit
}

func withPrefix(counts map[string]int, prefix string) map[string]int {
	kept := maps.Clone(counts)
	maps.DeleteFunc(kept, func(name string, _ int) bool { return !strings.HasPrefix(name, prefix) })
	return kept
}
