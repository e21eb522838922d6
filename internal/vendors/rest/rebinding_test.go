package rest

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// names is a name server that answers every question of IPv4 addresses with what it has next, and the last for ever.
type names struct {
	mu      sync.Mutex
	answers [][]netip.Addr
}

func (n *names) next() []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	answer := n.answers[0]
	if len(n.answers) > 1 {
		n.answers = n.answers[1:]
	}
	return answer
}

// serve answers on a socket until it is closed.
func (n *names) serve(socket net.PacketConn) {
	question := make([]byte, 512)
	for {
		size, from, err := socket.ReadFrom(question)
		if err != nil {
			return
		}
		_, _ = socket.WriteTo(n.answer(question[:size]), from)
	}
}

// answer makes the answer to one question: the header, the question, and an A record for each address.
func (n *names) answer(question []byte) []byte {
	const header, ofA = 12, 1
	end := header
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	end++ // the root
	var addresses []netip.Addr
	if binary.BigEndian.Uint16(question[end:]) == ofA {
		addresses = n.next()
	}
	answer := slices.Clone(question[:end+4]) // type and class
	binary.BigEndian.PutUint16(answer[2:], 0x8180)
	binary.BigEndian.PutUint16(answer[6:], uint16(len(addresses)))
	binary.BigEndian.PutUint32(answer[8:], 0)
	for _, address := range addresses {
		// The name as in the question, A, IN, no time to live, four bytes.
		answer = append(answer, 0xc0, header, 0, ofA, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, address.AsSlice()...)
	}
	return answer
}

// asked lets the names of this process be answered by a name server.
func asked(t *testing.T, answers ...[]netip.Addr) {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := net.DefaultResolver
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = socket.Close()
	})
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
	go (&names{answers: answers}).serve(socket)
}

// pair listens at two addresses, at the same port.
func pair(t *testing.T, good, inner netip.Addr) (atGood, atInner net.Listener) {
	t.Helper()
	for range 10 {
		var err error
		if atGood, err = net.Listen("tcp", netip.AddrPortFrom(good, 0).String()); err != nil {
			t.Skipf("this machine has no second loopback address: %v", err)
		}
		if atInner, err = net.Listen("tcp", netip.AddrPortFrom(inner, portOf(atGood)).String()); err == nil {
			return atGood, atInner
		}
		_ = atGood.Close() // somebody else has that port there
	}
	t.Fatal("no port is free at both addresses")
	return nil, nil
}

func portOf(listener net.Listener) uint16 {
	return netip.MustParseAddrPort(listener.Addr().String()).Port()
}

// hearing serves at a listener, and counts the connections.
func hearing(t *testing.T, listener net.Listener) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	connections := new(atomic.Int32)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, connections
}

// TestRebinding holds that a name which leads to an allowed address when it is first looked up, and inside a moment later, reaches
// nothing inside: what is judged is the address that is connected to, each time.
func TestRebinding(t *testing.T) {
	good, inner := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")
	both := []netip.Addr{inner, good}
	tests := map[string]struct {
		reason  string
		answers [][]netip.Addr
		// refused are the calls of three that are.
		refused [3]bool
	}{
		"changed after a call":   {"the second call looks the name up again", [][]netip.Addr{{good}, {inner}}, [3]bool{false, true, true}},
		"changed back and forth": {"each call is judged by its own answer", [][]netip.Addr{{inner}, {good}, {inner}}, [3]bool{true, false, true}},
		"both at once":           {"only the one is connected to that may be", [][]netip.Addr{both}, [3]bool{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			atGood, atInner := pair(t, good, inner)
			vendor, reached := hearing(t, atGood)
			_, inside := hearing(t, atInner)
			asked(t, tc.answers...)
			roots := x509.NewCertPool()
			roots.AddCert(vendor.Certificate())
			client, err := New(Options{
				BaseURL: fmt.Sprintf("https://example.com:%d", portOf(atGood)), RootCAs: roots, Clock: clock,
				Guard: Guard{RefusePrivate: true, AllowCIDRs: []netip.Prefix{netip.PrefixFrom(good, 32)}},
				Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }, //nolint:nilnil // no proxy is not an error
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, refused := range tc.refused {
				_, _, err := Object[struct{}](t.Context(), client, Call{Operation: "call", Method: http.MethodGet, Want: http.StatusOK})
				if (err != nil) != refused || (err != nil && token.AsFailure(err).Cause != token.CauseAddressRefused) {
					t.Errorf("call %d: %v, want refused %t: %s", i+1, err, refused, tc.reason)
				}
			}
			if inside.Load() > 0 || reached.Load() == 0 {
				t.Errorf("%d connections to the vendor, %d inside", reached.Load(), inside.Load())
			}
		})
	}
}
