// Package simulator serves simulated vendors over TLS on one loopback listener: their APIs at the root, at the paths
// where each vendor has them, and under /sim/ an admin API that sets faults and tells the truth. Tests judge by that
// truth and not by a client's claims. No two vendors have a path in common.
//
// The shared parts are in package stage. A vendor is a package beside causely with wire types of its own and the methods
// of the interface vendor; it is added to Server and NewServer. Nothing here is shared with a client of a vendor.
package simulator

import (
	cryptorand "crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

// Faults, Fault and Entry are part of this package's API; the kinds of faults are in package stage.
type (
	Faults = stage.Faults
	Fault  = stage.Fault
	Entry  = stage.Entry
)

// RouteUnknown is the name of calls to paths and methods that no vendor has; they get 404.
const RouteUnknown = "unknown"

// Server is a running simulator.
type Server struct {
	stage       *stage.Stage
	causely     *causely.Vendor
	rackGateway *rackgateway.Vendor
	causeloop   *causeloop.Vendor
	pingOne     *pingone.Vendor
	host        *Host
	// ownsHost: nobody else serves there.
	ownsHost bool
	http     *http.Server
	stopped  chan struct{}
}

// vendor is what the server wants of each vendor.
type vendor interface {
	// Register adds the vendor's API, RegisterAdmin its part of the admin API, RegisterSecrets the one admin route that
	// tells secrets.
	Register(mux *http.ServeMux)
	RegisterAdmin(mux *http.ServeMux)
	RegisterSecrets(mux *http.ServeMux)
}

type settings struct {
	listen      string
	host        *Host
	random      io.Reader
	clock       stage.Clock
	causely     []causely.Account
	rackGateway []rackgateway.Account
	causeloop   []causeloop.Account
	pingOne     []pingone.Account
	gateways    []pingone.Gateway
	reveal      bool
}

// Option changes what NewServer starts.
type Option func(*settings)

// WithListen sets the address, 127.0.0.1:0 when left out. Only loopback addresses are accepted.
func WithListen(address string) Option { return func(s *settings) { s.listen = address } }

// WithHost has the simulator serve where others did before it, one at a time: it has their address and authority.
func WithHost(host *Host) Option { return func(s *settings) { s.host = host } }

// WithSeed has IDs and values drawn from a seed, so that they can be foretold. Without it they are random.
func WithSeed(seed uint64) Option {
	return func(s *settings) {
		var key [32]byte
		binary.LittleEndian.PutUint64(key[:], seed)
		s.random = rand.NewChaCha8(key)
	}
}

// WithClock sets the clock that all of the simulator's times and delays come from, the real one when left out.
func WithClock(c stage.Clock) Option { return func(s *settings) { s.clock = c } }

// WithCauselyAccounts sets Causely's credentials, causely.DemoAccount when left out.
func WithCauselyAccounts(accounts ...causely.Account) Option {
	return func(s *settings) { s.causely = slices.Clone(accounts) }
}

// WithRackGatewayAccounts sets Rack Gateway's users, rackgateway.DemoAccount when left out.
func WithRackGatewayAccounts(accounts ...rackgateway.Account) Option {
	return func(s *settings) { s.rackGateway = slices.Clone(accounts) }
}

// WithCauseloopAccounts sets Causeloop's members and service accounts, causeloop.DemoAccount and causeloop.DemoMachine when
// left out.
func WithCauseloopAccounts(accounts ...causeloop.Account) Option {
	return func(s *settings) { s.causeloop = slices.Clone(accounts) }
}

// WithPingOneAccounts sets PingOne's worker applications, pingone.DemoAccount when left out.
func WithPingOneAccounts(accounts ...pingone.Account) Option {
	return func(s *settings) { s.pingOne = slices.Clone(accounts) }
}

// WithPingOneGateways sets PingOne's gateways, pingone.DemoGateway when left out.
func WithPingOneGateways(gateways ...pingone.Gateway) Option {
	return func(s *settings) { s.gateways = slices.Clone(gateways) }
}

// WithRevealedSecrets adds GET /sim/<vendor>/secrets: secrets, values and bearers in clear, so that somebody who searches
// logs for them knows what to search for. Without it no answer of the admin API has a secret in it.
func WithRevealedSecrets() Option { return func(s *settings) { s.reveal = true } }

// NewServer starts a simulator. The caller closes it.
func NewServer(options ...Option) (*Server, error) {
	set := settings{
		listen:      "127.0.0.1:0",
		random:      cryptorand.Reader,
		clock:       stage.SystemClock{},
		causely:     []causely.Account{causely.DemoAccount()},
		rackGateway: []rackgateway.Account{rackgateway.DemoAccount()},
		causeloop:   []causeloop.Account{causeloop.DemoAccount(), causeloop.DemoMachine()},
		pingOne:     []pingone.Account{pingone.DemoAccount()},
		gateways:    []pingone.Gateway{pingone.DemoGateway()},
	}
	for _, option := range options {
		option(&set)
	}
	s := &Server{stage: stage.New(set.clock, set.random), host: set.host, stopped: make(chan struct{})}
	if err := s.addVendors(set); err != nil {
		return nil, err
	}
	if s.host == nil {
		var err error
		if s.host, err = Listen(set.listen); err != nil {
			return nil, err
		}
		s.ownsHost = true
	}
	listener, err := s.host.lend()
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           s.mux(set.reveal),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{s.host.authority.server},
			MinVersion:   tls.VersionTLS12,
			// Nobody records these connections for a later day, and a test makes many.
			CurvePreferences: []tls.CurveID{tls.X25519},
		},
		// What clients do to their connections (a failed handshake, a kill) is not the simulator's to complain about.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(s.stopped)
		// It ends when the listener is closed, and always with an error.
		if s.host.plain {
			_ = s.http.Serve(listener)
		} else {
			_ = s.http.ServeTLS(listener, "", "")
		}
	}()
	return s, nil
}

func (s *Server) addVendors(set settings) (err error) {
	if s.causely, err = causely.New(s.stage, set.causely...); err != nil {
		return fmt.Errorf("causely: %w", err)
	}
	if s.rackGateway, err = rackgateway.New(s.stage, set.rackGateway...); err != nil {
		return fmt.Errorf("rack gateway: %w", err)
	}
	if s.causeloop, err = causeloop.New(s.stage, set.causeloop...); err != nil {
		return fmt.Errorf("causeloop: %w", err)
	}
	if s.pingOne, err = pingone.New(s.stage, set.gateways, set.pingOne...); err != nil {
		return fmt.Errorf("pingone: %w", err)
	}
	return nil
}

// URL is the base of all vendors' URLs: https, unless the host is without TLS, a loopback address and a port.
func (s *Server) URL() string { return s.host.url() }

// CAPEM is the certificate of the authority that signed the server's, for the names localhost, 127.0.0.1 and ::1.
func (s *Server) CAPEM() []byte { return slices.Clone(s.host.authority.pem) }

// Causely is the simulated vendor of this name.
func (s *Server) Causely() *causely.Vendor { return s.causely }

// RackGateway is the simulated vendor of this name.
func (s *Server) RackGateway() *rackgateway.Vendor { return s.rackGateway }

// Causeloop is the simulated vendor of this name.
func (s *Server) Causeloop() *causeloop.Vendor { return s.causeloop }

// PingOne is the simulated vendor of this name.
func (s *Server) PingOne() *pingone.Vendor { return s.pingOne }

// Faults is where faults are set.
func (s *Server) Faults() *Faults { return s.stage.Faults() }

// Transcript returns the last stage.TranscriptLimit calls to vendors, oldest first.
func (s *Server) Transcript() []Entry { return s.stage.Transcript() }

// Close cuts all connections, releases calls that hang, drops late commits and returns when nothing runs any more. It
// may be called again.
func (s *Server) Close() {
	_ = s.http.Close() // what it fails to close is closed already
	<-s.stopped
	s.stage.Close()
	if s.ownsHost {
		s.host.Close()
	}
}

// mux keeps the admin API apart from the vendors', whose paths may begin in any way.
func (s *Server) mux(reveal bool) *http.ServeMux {
	vendors, admin := http.NewServeMux(), http.NewServeMux()
	for _, v := range []vendor{s.causely, s.rackGateway, s.causeloop, s.pingOne} {
		v.Register(vendors)
		v.RegisterAdmin(admin)
		if reveal {
			v.RegisterSecrets(admin)
		}
	}
	s.registerAdmin(admin)
	notFound := func(status int, message string) stage.Answer {
		return stage.JSON(status, map[string]string{"error": message})
	}
	vendors.Handle("/", s.stage.Handler(stage.Route{
		Name:   RouteUnknown,
		Refuse: notFound,
		Prepare: func(stage.Call) stage.Commit {
			return func(time.Time) stage.Answer { return notFound(http.StatusNotFound, "no such route") }
		},
		Grows: "error",
	}))
	mux := http.NewServeMux()
	mux.Handle("/sim/", admin)
	mux.Handle("/", vendors)
	return mux
}
