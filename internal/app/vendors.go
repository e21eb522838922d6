package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
	"github.com/gatewaytoken/gateway-token-operator/internal/controller/issuer"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/causeloop"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/causely"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/login"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pacing"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/pingone"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rackgateway"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors/rest"
)

// connector makes vendors' clients. What is keyed by host and credential (pace, logins) is shared by all of them.
type connector struct {
	options Options
	now     func() time.Time
	pacing  *pacing.Limiter
	logins  *login.Cache
}

// Connect gives what makes vendors' clients, with what they share. Sleep is how a pace waits, by a timer when nil: a test has a clock
// of its own.
func Connect(options Options, now func() time.Time, sleep func(context.Context, time.Duration) error) issuer.Connect {
	shared := &connector{
		options: options, now: now,
		pacing: pacing.New(pacing.Options{Clock: now, Sleep: sleep, HostPerSecond: options.HostPerSecond}),
		logins: login.NewCache(now),
	}
	return shared.connect
}

// connect implements issuer.Connect.
func (c *connector) connect(to issuer.Connection) (vendors.Vendor, error) {
	http := rest.Options{
		RootCAs: to.RootCAs, Timeout: c.options.RequestTimeout, UserAgent: v1alpha1.OperatorName, Clock: c.now,
		Guard: rest.Guard{RefusePrivate: to.Namespaced, AllowCIDRs: c.options.AllowCIDRs, AllowPlainHTTP: c.options.AllowHTTP},
	}
	if http.RootCAs == nil {
		http.RootCAs = c.options.Authorities
	}
	made, err := c.client(to, http)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", to.Spec.Vendor().Title(), err)
	}
	return made, nil
}

// client makes the client of the vendor whose block is set.
func (c *connector) client(to issuer.Connection, http rest.Options) (vendors.Vendor, error) {
	rate := float64(to.Spec.RequestRate())
	switch to.Spec.Vendor() {
	case v1alpha1.VendorCausely:
		return orNone(causely.New(causely.Options{
			URL: to.Spec.Causely.APIURL(), AuthURL: to.Spec.Causely.LoginURL(),
			ClientID: to.Credentials[issuer.ClientID], ClientSecret: to.Credentials[issuer.ClientSecret],
			RequestsPerSecond: rate, HTTP: http, Logins: c.logins, Pacing: c.pacing,
		}))
	case v1alpha1.VendorCauseloop:
		return orNone(causeloop.New(causeloop.Options{
			URL: to.Spec.Causeloop.APIURL(), Token: to.Credentials[issuer.Token], RequestsPerSecond: rate, HTTP: http, Pacing: c.pacing,
		}))
	case v1alpha1.VendorRackGateway:
		return orNone(rackgateway.New(rackgateway.Options{
			URL: to.Spec.RackGateway.URL, Host: to.Spec.RackGateway.Host, APIToken: to.Credentials[issuer.Token],
			RequestsPerSecond: rate, HTTP: http, Pacing: c.pacing,
		}))
	case v1alpha1.VendorPingOne:
		return orNone(pingone.New(pingone.Options{
			URL: to.Spec.PingOne.APIURL(), AuthURL: to.Spec.PingOne.LoginURL(), AuthMethod: pingone.AuthMethod(to.Spec.PingOne.AuthMethod()),
			ClientID: to.Credentials[issuer.ClientID], ClientSecret: to.Credentials[issuer.ClientSecret],
			RequestsPerSecond: rate, HTTP: http, Logins: c.logins, Pacing: c.pacing,
		}))
	case v1alpha1.VendorNone:
		return nil, errors.New("the issuer names no vendor")
	default:
		return nil, errors.New("the vendor is not known")
	}
}

// orNone keeps a nil client from becoming an interface that is not nil.
func orNone[C vendors.Vendor](client C, err error) (vendors.Vendor, error) {
	if err != nil {
		return nil, err
	}
	return client, nil
}
