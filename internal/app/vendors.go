package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// connector makes vendors' clients. What is keyed by host and credential (pace, logins) is shared by all of them.
type connector struct {
	options Options
	now     func() time.Time
	pacing  *pacing.Limiter
	logins  *causely.Logins
}

func newConnector(options Options, now func() time.Time) *connector {
	return &connector{
		options: options, now: now,
		pacing: pacing.New(pacing.Options{Clock: now, HostPerSecond: options.HostPerSecond}),
		logins: causely.NewLogins(now),
	}
}

// connect implements issuer.Connect.
func (c *connector) connect(to issuer.Connection) (vendors.Vendor, error) {
	http := rest.Options{
		RootCAs: to.RootCAs, Timeout: c.options.RequestTimeout, UserAgent: v1alpha1.OperatorName, Clock: c.now,
		Guard: rest.Guard{RefusePrivate: to.Namespaced, AllowCIDRs: c.options.AllowCIDRs, AllowPlainHTTP: c.options.AllowHTTP},
	}
	switch chosen := to.Spec.Vendor(); chosen {
	case v1alpha1.VendorCausely:
		client, err := causely.New(causely.Options{
			URL: to.Spec.Causely.APIURL(), AuthURL: to.Spec.Causely.LoginURL(),
			ClientID: to.Credentials[issuer.ClientID], ClientSecret: to.Credentials[issuer.ClientSecret],
			RequestsPerSecond: float64(to.Spec.RequestRate()), HTTP: http, Logins: c.logins, Pacing: c.pacing,
		})
		if err != nil {
			return nil, fmt.Errorf("connect to Causely: %w", err)
		}
		return client, nil
	case v1alpha1.VendorCauseloop, v1alpha1.VendorRackGateway, v1alpha1.VendorPingOne:
		return nil, fmt.Errorf("there is no adapter for %s", chosen.Title())
	case v1alpha1.VendorNone:
		return nil, errors.New("the issuer names no vendor")
	default:
		return nil, fmt.Errorf("the vendor %q is not known", chosen)
	}
}
