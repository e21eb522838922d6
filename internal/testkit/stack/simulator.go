package stack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/stage"
)

const (
	simulatorPatience = 30 * time.Second
	// callTimeout bounds one call of the admin API, which takes milliseconds.
	callTimeout = 10 * time.Second
)

// Simulator is a vendorsim process and its admin API, which tells the truth of each vendor. It is safe for concurrent use. Its
// methods speak of Causely; Platform speaks of any vendor.
type Simulator struct {
	// URL is the base of all vendors' APIs, CA the authority that signed its certificate (PEM).
	URL, CA string
	// CAFile is the path of a file with the authority's certificate.
	CAFile string

	process *process
	client  *http.Client
}

// Fault is an order to let calls go wrong, or one that was given.
type Fault struct {
	ID    string     `json:"id,omitempty"`
	Route string     `json:"route"`
	Kind  stage.Kind `json:"kind"`
	// Times is how many calls are hit; 0 until the fault is removed.
	Times int `json:"times"`
	// After is how many calls are spared first.
	After      int    `json:"after,omitempty"`
	Delay      string `json:"delay,omitempty"`
	Status     int    `json:"status,omitempty"`
	RetryAfter string `json:"retryAfter,omitempty"`
	Hits       int    `json:"hits,omitempty"`
}

// Accounts are what a simulator knows at first: an account of Causely's, and for the demo accounts of the others their
// credentials. An empty credential leaves the account the one it has.
type Accounts struct {
	Causely causely.Account
	// RackGateway is the API token of a user, Causeloop that of a member, CauseloopMachine that of a service account, and
	// PingOne the secret of a worker application; each of them may do everything.
	RackGateway, Causeloop, CauseloopMachine, PingOne string
}

func (a Accounts) flags() []string {
	flags := []string{
		"--causely-client-id=" + a.Causely.ClientID, "--causely-client-secret=" + a.Causely.Secret, "--causely-project-id=" + a.Causely.ProjectID,
	}
	for flag, value := range map[string]string{
		"rackgateway-token": a.RackGateway, "causeloop-token": a.Causeloop, "causeloop-machine-token": a.CauseloopMachine,
		"pingone-client-secret": a.PingOne,
	} {
		if value != "" {
			flags = append(flags, "--"+flag+"="+value)
		}
	}
	return flags
}

// StartSimulator starts a vendorsim that knows the accounts, and returns when it serves. The name tells several of one
// stack apart.
func (s *Stack) StartSimulator(ctx context.Context, name string, accounts Accounts) (*Simulator, error) {
	state := filepath.Join(s.dir, name)
	args := append([]string{"--state-dir=" + state, "--reveal-secrets"}, accounts.flags()...)
	cmd := exec.Command(s.binaries.vendorsim, args...) //nolint:noctx // Stop ends it
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	running, err := start(cmd, s.Channel(name+".log"))
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, func() error { return running.stop(simulatorPatience) })
	simulator := &Simulator{process: running}
	err = Await(ctx, simulatorPatience, func(ctx context.Context) error {
		if err := running.ended(); err != nil {
			return errors.Join(ErrNever, err)
		}
		if err := simulator.readState(state); err != nil {
			return err
		}
		return simulator.call(ctx, http.MethodGet, "/sim/healthz", nil, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	return simulator, nil
}

func (s *Simulator) readState(dir string) error {
	url, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		return err
	}
	s.CAFile = filepath.Join(dir, "ca.crt")
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return errors.New("ca.crt has no certificate")
	}
	s.URL, s.CA = strings.TrimSpace(string(url)), string(ca)
	s.client = &http.Client{Timeout: callTimeout, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}}
	return nil
}

// AuthURL is where the vendor exchanges client credentials for a bearer.
func (s *Simulator) AuthURL() string { return s.URL + "/frontegg/identity/resources/auth/v2/api-token" }

// Truth is what the vendor knows.
func (s *Simulator) Truth(ctx context.Context) (causely.Truth, error) {
	var truth causely.Truth
	err := s.call(ctx, http.MethodGet, "/sim/causely/truth", nil, &truth)
	return truth, err
}

// Tokens are all tokens of all accounts.
func (s *Simulator) Tokens(ctx context.Context) ([]causely.TokenTruth, error) {
	truth, err := s.Truth(ctx)
	var tokens []causely.TokenTruth
	for _, account := range truth.Accounts {
		tokens = append(tokens, account.Tokens...)
	}
	return tokens, err
}

// Check says what the platform says to a mediator that connects with the value.
func (s *Simulator) Check(ctx context.Context, value string) (causely.Connection, error) {
	var connection causely.Connection
	err := s.call(ctx, http.MethodPost, "/sim/causely/check", map[string]string{"value": value}, &connection)
	return connection, err
}

// Revoke revokes a token as a person does in the vendor's console.
func (s *Simulator) Revoke(ctx context.Context, id string) error {
	return s.call(ctx, http.MethodPost, "/sim/causely/tokens/"+id+"/revoke", nil, nil)
}

// Create makes a token as a person does in the vendor's console.
func (s *Simulator) Create(ctx context.Context, clientID, name string) error {
	return s.call(ctx, http.MethodPost, "/sim/causely/tokens", map[string]string{"clientID": clientID, "name": name}, nil)
}

// AddAccount adds a credential.
func (s *Simulator) AddAccount(ctx context.Context, account causely.Account) error {
	return s.call(ctx, http.MethodPost, "/sim/causely/accounts", account, nil)
}

// SwitchProject lets a credential lead to another project.
func (s *Simulator) SwitchProject(ctx context.Context, clientID, projectID string) error {
	return s.call(ctx, http.MethodPost, "/sim/causely/accounts/"+clientID+"/project", map[string]string{"projectID": projectID}, nil)
}

// AddFaults sets faults.
func (s *Simulator) AddFaults(ctx context.Context, faults ...Fault) error {
	for _, fault := range faults {
		if err := s.call(ctx, http.MethodPost, "/sim/faults", fault, nil); err != nil {
			return err
		}
	}
	return nil
}

// Faults are the faults that were set, with how often each was hit.
func (s *Simulator) Faults(ctx context.Context) ([]Fault, error) {
	var faults []Fault
	err := s.call(ctx, http.MethodGet, "/sim/faults", nil, &faults)
	return faults, err
}

// ClearFaults removes all faults.
func (s *Simulator) ClearFaults(ctx context.Context) error {
	return s.call(ctx, http.MethodDelete, "/sim/faults", nil, nil)
}

// Calls counts the calls of all vendors by route.
type Calls struct {
	Calls map[string]int `json:"calls"`
	// Unheard were carried out, and the answer did not get through.
	Unheard map[string]int `json:"unheard"`
}

// Calls counts the calls so far. It costs little, however many tokens there are.
func (s *Simulator) Calls(ctx context.Context) (Calls, error) {
	var counted Calls
	err := s.call(ctx, http.MethodGet, "/sim/calls", nil, &counted)
	return counted, err
}

// Transcript is the vendor's own record of the last calls, as it prints it.
func (s *Simulator) Transcript(ctx context.Context) (string, error) {
	var transcript json.RawMessage
	err := s.call(ctx, http.MethodGet, "/sim/transcript", nil, &transcript)
	return string(transcript), err
}

// call makes a call of the admin API.
func (s *Simulator) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("simulator: %s %s: %s: %s", method, path, response.Status, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
