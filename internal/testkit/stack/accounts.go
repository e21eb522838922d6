package stack

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/gatewaytoken/gateway-token-operator/internal/simulator/causely"
)

// NewCauselyAccount makes credentials that nothing else on this machine looks like, with characters that each encoding
// writes in another way, so that they are found wherever they are put out.
func NewCauselyAccount() causely.Account {
	return causely.Account{ClientID: "client-" + randomText(), Secret: awkward(), ProjectID: uuid.NewString(), Admin: true}
}

// NewAccounts makes such credentials of all vendors. Those of Rack Gateway end as real ones do, with what URLs must escape.
func NewAccounts() Accounts {
	return Accounts{
		Causely: NewCauselyAccount(), RackGateway: "rgw_" + randomText() + "+/" + randomText() + "=",
		Causeloop: "clp_pat_" + randomText() + randomText(), CauseloopMachine: "clp_sat_" + randomText() + randomText(), PingOne: awkward(),
	}
}

func randomText() string {
	random := make([]byte, 15)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)
}

func awkward() string {
	return strings.Join([]string{randomText()[:8], randomText()[:8], randomText()[:8], randomText()[:8]}, `"<\&/+%=`)
}
