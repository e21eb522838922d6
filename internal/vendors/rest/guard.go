package rest

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
)

// ErrAddressRefused is what the guard answers for an address that must not be called.
var ErrAddressRefused = errors.New("the address is not allowed")

// Guard decides which addresses may be called. An issuer's URL is written by whoever may create issuers, and the operator
// calls it from inside the cluster, so that without a guard the URL would reach what its author cannot: the node, the
// cloud's metadata service, the cluster's own services.
//
// It judges resolved addresses, at the moment of the connection, never names: a name may resolve differently a second
// later. The zero value refuses loopback, link-local, unspecified, multicast, reserved and metadata addresses and plain
// http, and allows private ranges.
type Guard struct {
	// RefusePrivate also refuses RFC 1918, RFC 6598 (carrier NAT), RFC 2544 and unique local IPv6 addresses.
	RefusePrivate bool
	// AllowCIDRs are allowed whatever else is said here.
	AllowCIDRs []netip.Prefix
	// AllowPlainHTTP allows URLs without TLS.
	AllowPlainHTTP bool
}

// Check returns ErrAddressRefused for an address that must not be called.
func (g Guard) Check(address netip.Addr) error {
	address = address.WithZone("").Unmap()
	if !address.IsValid() {
		return ErrAddressRefused
	}
	target, readable := embedded(address)
	if g.allowed(address) || (readable && g.allowed(target)) {
		return nil
	}
	if !readable || never(address) || never(target) {
		return ErrAddressRefused
	}
	if g.RefusePrivate && (private(address) || private(target)) {
		return ErrAddressRefused
	}
	return nil
}

func (g Guard) allowed(address netip.Addr) bool { return within(g.AllowCIDRs, address) }

// control is a net.Dialer's Control: it sees every resolved address just before the connection is made.
func (g Guard) control(_, address string, _ syscall.RawConn) error {
	resolved, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrAddressRefused
	}
	return g.Check(resolved.Addr())
}

// checkHost resolves a host and checks every address of it. It is for hosts whose connection somebody else makes: a proxy.
func (g Guard) checkHost(ctx context.Context, resolve resolver, host string) error {
	if address, err := netip.ParseAddr(host); err == nil {
		return g.Check(address)
	}
	addresses, err := resolve(ctx, "ip", host)
	if err != nil {
		return err
	}
	for _, address := range addresses {
		if err := g.Check(address); err != nil {
			return err
		}
	}
	return nil
}

// resolver is net.Resolver.LookupNetIP.
type resolver func(ctx context.Context, network, host string) ([]netip.Addr, error)

// embedded gives the IPv4 address that a translating IPv6 address leads to (RFC 6052, RFC 2765, RFC 3056, RFC 4291), else the
// address itself. It is not readable where the position of the IPv4 address depends on the network (RFC 8215) or the
// address leads through a relay of a stranger's choice (RFC 4380).
func embedded(address netip.Addr) (target netip.Addr, readable bool) {
	if address.Is4() {
		return address, true
	}
	bytes := address.As16()
	switch {
	case nat64.Contains(address), compatible.Contains(address), stateless.Contains(address):
		return netip.AddrFrom4([4]byte(bytes[12:16])), true
	case sixToFour.Contains(address):
		return netip.AddrFrom4([4]byte(bytes[2:6])), true
	case localNAT64.Contains(address), teredo.Contains(address):
		return netip.Addr{}, false
	}
	return address, true
}

func never(address netip.Addr) bool {
	return address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsUnspecified() || address.IsMulticast() ||
		within(neverRanges, address)
}

func private(address netip.Addr) bool { return address.IsPrivate() || within(privateRanges, address) }

func within(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	teredo     = netip.MustParsePrefix("2001::/32")
	// stateless is ::ffff:0:0:0/96 of RFC 2765, which a stateless translator still may lead to IPv4.
	stateless = netip.MustParsePrefix("::ffff:0:0:0/96")
	// compatible is the deprecated ::/96, which has :: and ::1 in it.
	compatible = netip.MustParsePrefix("::/96")
)

// neverRanges are refused beside what net/netip can tell by itself. Link-local 169.254.0.0/16 has the metadata services of
// AWS, Azure, Google and most others in it already.
var neverRanges = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),              // this network
	netip.MustParsePrefix("192.0.0.0/24"),           // protocol assignments; 192.0.0.192 is Oracle's metadata service
	netip.MustParsePrefix("240.0.0.0/4"),            // reserved, broadcast included
	netip.MustParsePrefix("::1/128"),                // loopback, also where it reads as an embedded 0.0.0.1
	netip.MustParsePrefix("100.100.100.200/32"),     // Alibaba's metadata service
	netip.MustParsePrefix("168.63.129.16/32"),       // Azure's host agent
	netip.MustParsePrefix("fd00:ec2::/32"),          // AWS' metadata service and its neighbours
	netip.MustParsePrefix("fd20:ce::254/128"),       // Google's metadata service
	netip.MustParsePrefix("fd00:42::42/128"),        // Scaleway's metadata service
	netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), // Oracle's metadata service
	netip.MustParsePrefix("100::/64"),               // discard
}

// privateRanges are private beside what netip.Addr.IsPrivate knows (RFC 1918, RFC 4193).
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), // carrier NAT, which some clusters use for pods
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarks, which some meshes use for services
	netip.MustParsePrefix("fec0::/10"),     // site-local, deprecated
}
