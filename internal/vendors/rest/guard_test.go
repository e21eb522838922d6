package rest

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

func TestGuardCheck(t *testing.T) {
	tests := map[string]struct {
		reason  string
		guard   Guard
		address string
		refused bool
	}{
		"Public":            {reason: "vendors are on public addresses", address: "93.184.216.34"},
		"PublicSix":         {reason: "vendors are on public addresses", address: "2606:2800:220:1::1"},
		"Loopback":          {reason: "the node's own services", address: "127.0.0.1", refused: true},
		"LoopbackElsewhere": {reason: "all of 127.0.0.0/8 is loopback", address: "127.8.9.1", refused: true},
		"LoopbackSix":       {reason: "the node's own services", address: "::1", refused: true},
		"Unspecified":       {reason: "0.0.0.0 connects to the own host", address: "0.0.0.0", refused: true},
		"ThisNetwork":       {reason: "0.0.0.0/8 is this network", address: "0.1.2.3", refused: true},
		"UnspecifiedSix":    {reason: ":: connects to the own host", address: "::", refused: true},
		"LinkLocal":         {reason: "neighbours of the node", address: "169.254.1.1", refused: true},
		"LinkLocalZone":     {reason: "a zone does not hide it", address: "fe80::1%eth0", refused: true},
		"Metadata":          {reason: "most clouds' credentials", address: "169.254.169.254", refused: true},
		"MetadataAWS6":      {reason: "unique local, but not private property", address: "fd00:ec2::254", refused: true},
		"MetadataGCP6":      {reason: "unique local, but not private property", address: "fd20:ce::254", refused: true},
		"MetadataAlibaba":   {reason: "within carrier NAT, which is allowed", address: "100.100.100.200", refused: true},
		"MetadataAzure":     {reason: "a public address with a host agent behind it", address: "168.63.129.16", refused: true},
		"MetadataOracle":    {reason: "within 192.0.0.0/24", address: "192.0.0.192", refused: true},
		"Multicast":         {reason: "no host", address: "224.0.0.251", refused: true},
		"MulticastSix":      {reason: "no host", address: "ff02::1", refused: true},
		"Broadcast":         {reason: "no host", address: "255.255.255.255", refused: true},
		"Mapped":            {reason: "IPv4 in IPv6 clothes", address: "::ffff:127.0.0.1", refused: true},
		"MappedPublic":      {reason: "IPv4 in IPv6 clothes", address: "::ffff:93.184.216.34"},
		"Compatible":        {reason: "IPv4 in older clothes", address: "::127.0.0.1", refused: true},
		"Stateless":         {reason: "translated to loopback", address: "::ffff:0:127.0.0.1", refused: true},
		"StatelessPrivate":  {reason: "a tenant may not", guard: Guard{RefusePrivate: true}, address: "::ffff:0:10.0.0.1", refused: true},
		"NAT64":             {reason: "translated to loopback", address: "64:ff9b::127.0.0.1", refused: true},
		"NAT64Metadata":     {reason: "translated to metadata", address: "64:ff9b::169.254.169.254", refused: true},
		"NAT64Public":       {reason: "how an IPv6-only cluster reaches a vendor", address: "64:ff9b::93.184.216.34"},
		"NAT64Private":      {reason: "private ranges are allowed by default", address: "64:ff9b::10.0.0.1"},
		"LocalNAT64":        {reason: "nobody knows where it leads", address: "64:ff9b:1::1", refused: true},
		"SixToFour":         {reason: "2002:7f00:1:: leads to 127.0.0.1", address: "2002:7f00:1::", refused: true},
		"Teredo":            {reason: "leads through a stranger's relay", address: "2001:0:1::1", refused: true},
		"PrivateAllowed":    {reason: "a cluster issuer may name an inner address", address: "10.1.2.3"},
		"Private10":         {reason: "a tenant may not", guard: Guard{RefusePrivate: true}, address: "10.1.2.3", refused: true},
		"Private172":        {reason: "a tenant may not", guard: Guard{RefusePrivate: true}, address: "172.31.0.1", refused: true},
		"Private192":        {reason: "a tenant may not", guard: Guard{RefusePrivate: true}, address: "192.168.0.1", refused: true},
		"PrivateULA":        {reason: "a tenant may not", guard: Guard{RefusePrivate: true}, address: "fd12::1", refused: true},
		"PrivateCGNAT":      {reason: "some clusters use it for pods", guard: Guard{RefusePrivate: true}, address: "100.64.0.1", refused: true},
		"PrivateBenchmark":  {reason: "some meshes use it for services", guard: Guard{RefusePrivate: true}, address: "198.18.0.1", refused: true},
		"PrivateMapped":     {reason: "a tenant may not", guard: Guard{RefusePrivate: true}, address: "::ffff:10.0.0.1", refused: true},
		"PrivateNAT64":      {reason: "a tenant may not", guard: Guard{RefusePrivate: true}, address: "64:ff9b::10.0.0.1", refused: true},
		"PublicForTenant":   {reason: "a tenant's vendor is on a public address", guard: Guard{RefusePrivate: true}, address: "93.184.216.34"},
		"AllowedLoopback":   {reason: "the demo names loopback", guard: allow("127.0.0.0/8"), address: "127.0.0.1"},
		"AllowedMapped":     {reason: "the same address", guard: allow("127.0.0.0/8"), address: "::ffff:127.0.0.1"},
		"AllowedThroughSix": {reason: "the same host, translated", guard: allow("10.0.0.0/8"), address: "64:ff9b::10.0.0.1"},
		"AllowedElsewhere":  {reason: "another range is named", guard: allow("10.0.0.0/8"), address: "127.0.0.1", refused: true},
		"AllowedUnreadable": {reason: "named as it is", guard: allow("64:ff9b:1::/48"), address: "64:ff9b:1::1"},
		"AllowedZone":       {reason: "a zone does not hide it", guard: allow("fe80::/10"), address: "fe80::1%eth0"},
		"AllowedForTheTenant": {
			reason: "the administrator's word", guard: Guard{RefusePrivate: true, AllowCIDRs: allow("10.0.0.0/8").AllowCIDRs},
			address: "10.1.2.3",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := tc.guard.Check(netip.MustParseAddr(tc.address))
			if got := errors.Is(err, ErrAddressRefused); got != tc.refused || (err != nil) != tc.refused {
				t.Errorf("%s: Check(%s) = %v, want refused %t", tc.reason, tc.address, err, tc.refused)
			}
		})
	}
	if err := (Guard{}).Check(netip.Addr{}); !errors.Is(err, ErrAddressRefused) {
		t.Errorf("no address at all: %v", err)
	}
}

func TestGuardControl(t *testing.T) {
	tests := map[string]struct {
		reason, address string
		refused         bool
	}{
		"Public":     {reason: "what a dialer passes", address: "93.184.216.34:443"},
		"PublicSix":  {reason: "what a dialer passes", address: "[2606:2800:220:1::1]:443"},
		"Loopback":   {reason: "judged", address: "127.0.0.1:443", refused: true},
		"Name":       {reason: "a name is not resolved, so it cannot be judged", address: "localhost:443", refused: true},
		"Unreadable": {reason: "cannot be judged", address: "/var/run/socket", refused: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if err := (Guard{}).control("tcp", tc.address, nil); (err != nil) != tc.refused {
				t.Errorf("%s: control(%s) = %v, want refused %t", tc.reason, tc.address, err, tc.refused)
			}
		})
	}
}

func TestGuardCheckHost(t *testing.T) {
	noName := errors.New("no such host")
	names := map[string][]netip.Addr{
		"good.example":  {netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("2606:2800:220:1::1")},
		"mixed.example": {netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("127.0.0.1")},
	}
	resolve := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if found, ok := names[host]; ok {
			return found, nil
		}
		return nil, noName
	}
	tests := map[string]struct {
		reason, host string
		want         error
	}{
		"Good":    {reason: "all addresses are allowed", host: "good.example"},
		"Mixed":   {reason: "nobody knows which one the proxy takes", host: "mixed.example", want: ErrAddressRefused},
		"Unknown": {reason: "what cannot be resolved cannot be judged", host: "other.example", want: noName},
		"Address": {reason: "an address needs no resolver", host: "169.254.169.254", want: ErrAddressRefused},
		"Public":  {reason: "an address needs no resolver", host: "93.184.216.34"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if err := (Guard{}).checkHost(t.Context(), resolve, tc.host); !errors.Is(err, tc.want) {
				t.Errorf("%s: checkHost(%s) = %v, want %v", tc.reason, tc.host, err, tc.want)
			}
		})
	}
}

func FuzzGuard(f *testing.F) {
	for _, seed := range []string{"127.0.0.1", "::1", "64:ff9b::a00:1", "fe80::1%x", "2002:7f00:1::", "8.8.8.8"} {
		address := netip.MustParseAddr(seed)
		f.Add(address.AsSlice(), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, refusePrivate bool) {
		address, ok := netip.AddrFromSlice(raw)
		if !ok {
			t.Skip("not an address")
		}
		err := Guard{RefusePrivate: refusePrivate}.Check(address)
		plain := address.Unmap()
		if err == nil && (plain.IsLoopback() || plain.IsLinkLocalUnicast() || plain.IsUnspecified() || plain.IsMulticast()) {
			t.Errorf("%s is allowed", address)
		}
		if err == nil && refusePrivate && plain.IsPrivate() {
			t.Errorf("%s is allowed although private addresses are refused", address)
		}
		if plain.Is4() {
			four := plain.As4()
			translated := netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: four[0], 13: four[1], 14: four[2], 15: four[3]})
			if through := (Guard{RefusePrivate: refusePrivate}).Check(translated); (through == nil) != (err == nil) {
				t.Errorf("%s: %v, but as %s: %v", plain, err, translated, through)
			}
		}
	})
}

func allow(cidr string) Guard { return Guard{AllowCIDRs: []netip.Prefix{netip.MustParsePrefix(cidr)}} }
