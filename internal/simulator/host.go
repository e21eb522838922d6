package simulator

import (
	"fmt"
	"net"
	"time"
)

// Host is an address of this machine's loopback, and the authority for its certificate. Simulators can serve there one after the other.
type Host struct {
	listener  *net.TCPListener
	authority *authority
	plain     bool
}

// Listen makes a host of an address, with a port that is free where it says 0. Nobody outside this machine is to reach the admin API, so that only
// loopback addresses are accepted.
func Listen(address string) (*Host, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen address: %w", err)
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("listen address %q is not a loopback address", address)
	}
	authority, err := newAuthority()
	if err != nil {
		return nil, err
	}
	listener, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return &Host{listener: listener, authority: authority}, nil
}

// WithoutTLS has simulators serve plain HTTP there.
func (h *Host) WithoutTLS() *Host {
	h.plain = true
	return h
}

// url is the base of all that is served there.
func (h *Host) url() string {
	if h.plain {
		return "http://" + h.listener.Addr().String()
	}
	return "https://" + h.listener.Addr().String()
}

// Close ends it.
func (h *Host) Close() { _ = h.listener.Close() } // nothing can be done about it

// lend gives the listener to one simulator, until that closes it.
func (h *Host) lend() (net.Listener, error) {
	if err := h.listener.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return lent{h.listener}, nil
}

// lent is a listener that goes on listening when it is closed, and lets go of whoever waits for a connection.
type lent struct{ *net.TCPListener }

// Close implements net.Listener.
func (l lent) Close() error { return l.SetDeadline(time.Unix(1, 0)) }
