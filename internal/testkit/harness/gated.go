package harness

import (
	"context"
	"fmt"
	"sync"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
	"github.com/gatewaytoken/gateway-token-operator/internal/vendors"
)

// gatedVendor passes what changes something at the vendor through the gate.
type gatedVendor struct {
	vendors.Vendor
	gate *gate
}

// Create implements vendors.Vendor.
func (v *gatedVendor) Create(ctx context.Context, request vendors.Request) (issued token.Issued, err error) {
	err = v.gate.pass(Mint, VendorToken, request.Name, func() (err error) {
		issued, err = v.Vendor.Create(ctx, request)
		return err
	})
	if err != nil {
		issued = token.Issued{}
	}
	return issued, err
}

// Revoke implements vendors.Vendor.
func (v *gatedVendor) Revoke(ctx context.Context, id token.ID) error {
	return v.gate.pass(Revoke, VendorToken, string(id), func() error { return v.Vendor.Revoke(ctx, id) })
}

// List implements vendors.Vendor.
func (v *gatedVendor) List(ctx context.Context, yield func(token.Token) error) (vendors.Listing, error) {
	v.gate.alive()
	w := v.gate.world
	w.note("process %d lists", v.gate.process)
	if w.lists++; w.interference.List != nil {
		w.interference.List(w.lists)
	}
	v.gate.alive()
	return v.Vendor.List(ctx, func(row token.Token) error {
		if w.hidden[row.ID] {
			return nil
		}
		return yield(row)
	})
}

// The optional parts of the contract, one type each, so that a gated vendor has exactly those that the vendor has.

type gatedReader struct {
	inner vendors.ValueReader
	gate  *gate
}

// ReadValue implements vendors.ValueReader.
func (r gatedReader) ReadValue(ctx context.Context, id token.ID) (token.Value, error) {
	r.gate.alive()
	return r.inner.ReadValue(ctx, id)
}

type gatedFinder struct {
	inner vendors.Finder
	gate  *gate
}

// Find implements vendors.Finder.
func (f gatedFinder) Find(ctx context.Context, id token.ID) (token.Token, error) {
	f.gate.alive()
	f.gate.world.note("process %d asks for %s", f.gate.process, id)
	if f.gate.world.hidden[id] {
		return token.Token{}, &token.Failure{Operation: "find token", Class: token.NotFound}
	}
	return f.inner.Find(ctx, id)
}

type gatedUpdater struct {
	inner vendors.Updater
	gate  *gate
}

// Update implements vendors.Updater.
func (u gatedUpdater) Update(ctx context.Context, id token.ID, rights []string) error {
	return u.gate.pass(Update, VendorToken, string(id), func() error { return u.inner.Update(ctx, id, rights) })
}

type gatedRoller struct {
	inner vendors.Roller
	gate  *gate
}

// Roll implements vendors.Roller.
func (r gatedRoller) Roll(ctx context.Context, id token.ID, name string) (issued token.Issued, err error) {
	err = r.gate.pass(Roll, VendorToken, string(id), func() (err error) {
		issued, err = r.inner.Roll(ctx, id, name)
		return err
	})
	if err != nil {
		issued = token.Issued{}
	}
	return issued, err
}

type gatedCataloguer struct {
	inner vendors.Cataloguer
	gate  *gate
}

// Catalogue implements vendors.Cataloguer.
func (c gatedCataloguer) Catalogue(ctx context.Context) (vendors.Catalogue, error) {
	c.gate.alive()
	return c.inner.Catalogue(ctx)
}

// gatedPools gives the same wrapper each time for a pool, as long as the client lives: the controllers compare vendors.
type gatedPools struct {
	inner vendors.Pooled
	gate  *gate
	mu    sync.Mutex
	pools map[string]vendors.Vendor
}

// Check implements vendors.Pooled.
func (p *gatedPools) Check(ctx context.Context) error {
	p.gate.alive()
	p.gate.world.note("process %d checks the credentials", p.gate.process)
	return p.inner.Check(ctx)
}

// Holds implements vendors.Pooled.
func (p *gatedPools) Holds(ctx context.Context, name string) (bool, error) {
	p.gate.alive()
	p.gate.world.note("process %d asks whether %s is in the account", p.gate.process, name)
	return p.inner.Holds(ctx, name)
}

// Pool implements vendors.Pooled.
func (p *gatedPools) Pool(name string) (vendors.Vendor, error) {
	p.gate.alive()
	p.mu.Lock()
	defer p.mu.Unlock()
	if have := p.pools[name]; have != nil {
		return have, nil
	}
	inner, err := p.inner.Pool(name)
	if err != nil {
		return nil, err
	}
	wrapped, err := p.gate.around(inner)
	if err == nil {
		p.pools[name] = wrapped
	}
	return wrapped, err
}

// parts tells which optional parts of the contract a vendor has.
type parts struct{ reads, finds, updates, rolls, catalogues, pools bool }

func partsOf(vendor vendors.Vendor) (has parts) {
	_, has.reads = vendor.(vendors.ValueReader)
	_, has.finds = vendor.(vendors.Finder)
	_, has.updates = vendor.(vendors.Updater)
	_, has.rolls = vendor.(vendors.Roller)
	_, has.catalogues = vendor.(vendors.Cataloguer)
	_, has.pools = vendor.(vendors.Pooled)
	return has
}

// around puts the gate around a vendor. A combination of parts that no vendor has so far is an error, not a part that is missing.
func (g *gate) around(vendor vendors.Vendor) (vendors.Vendor, error) {
	gated := &gatedVendor{vendor, g}
	reader, _ := vendor.(vendors.ValueReader)
	finder, _ := vendor.(vendors.Finder)
	updater, _ := vendor.(vendors.Updater)
	roller, _ := vendor.(vendors.Roller)
	cataloguer, _ := vendor.(vendors.Cataloguer)
	pooled, _ := vendor.(vendors.Pooled)
	pools := &gatedPools{inner: pooled, gate: g, pools: map[string]vendors.Vendor{}}
	switch partsOf(vendor) {
	case parts{}:
		return gated, nil
	case parts{reads: true}:
		return &struct {
			*gatedVendor
			gatedReader
		}{gated, gatedReader{reader, g}}, nil
	case parts{finds: true}:
		return &struct {
			*gatedVendor
			gatedFinder
		}{gated, gatedFinder{finder, g}}, nil
	case parts{catalogues: true}:
		return &struct {
			*gatedVendor
			gatedCataloguer
		}{gated, gatedCataloguer{cataloguer, g}}, nil
	case parts{finds: true, updates: true, catalogues: true}:
		return &struct {
			*gatedVendor
			gatedFinder
			gatedUpdater
			gatedCataloguer
		}{gated, gatedFinder{finder, g}, gatedUpdater{updater, g}, gatedCataloguer{cataloguer, g}}, nil
	case parts{rolls: true, catalogues: true}:
		return &struct {
			*gatedVendor
			gatedRoller
			gatedCataloguer
		}{gated, gatedRoller{roller, g}, gatedCataloguer{cataloguer, g}}, nil
	case parts{pools: true}:
		return &struct {
			*gatedVendor
			*gatedPools
		}{gated, pools}, nil
	case parts{pools: true, catalogues: true}:
		return &struct {
			*gatedVendor
			*gatedPools
			gatedCataloguer
		}{gated, pools, gatedCataloguer{cataloguer, g}}, nil
	default:
		return nil, fmt.Errorf("the harness has no gate for a %T", vendor)
	}
}
