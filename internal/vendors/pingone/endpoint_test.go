package pingone

import (
	"errors"
	"strings"
	"testing"
)

func TestEndpoints(t *testing.T) {
	for region, host := range map[string]string{
		"NA": "pingone.com", "EU": "pingone.eu", "AP": "pingone.asia", "AU": "pingone.com.au", "CA": "pingone.ca", "SG": "pingone.sg",
	} {
		url, authURL, err := Endpoints(region, environment)
		if err != nil || url != "https://api."+host+"/v1" || authURL != "https://auth."+host+"/"+environment+"/as/token" {
			t.Errorf("Endpoints(%s) = %s, %s, %v", region, url, authURL, err)
		}
	}
	for region, want := range map[string]error{"": ErrRegion, "eu": ErrRegion, "US": ErrRegion} {
		if _, _, err := Endpoints(region, environment); !errors.Is(err, want) {
			t.Errorf("Endpoints(%q) = %v, want %v", region, err, want)
		}
	}
	for _, id := range []string{"", "x", "../" + environment, strings.ToUpper(environment)} {
		if _, _, err := Endpoints("EU", id); !errors.Is(err, ErrEnvironment) {
			t.Errorf("Endpoints(EU, %q) = %v, want %v", id, err, ErrEnvironment)
		}
	}
}

func TestPool(t *testing.T) {
	tests := map[string]struct {
		reason, name string
		ok           bool
	}{
		"Both":         {reason: "a gateway of an environment", name: environment + "/" + gateway, ok: true},
		"Environment":  {reason: "no gateway", name: environment},
		"EmptyGateway": {reason: "no gateway", name: environment + "/"},
		"NoEnv":        {reason: "no environment", name: "/" + gateway},
		"Empty":        {reason: "nothing", name: ""},
		"Three":        {reason: "more than both", name: environment + "/" + gateway + "/" + one},
		"UpperCase":    {reason: "a second name of one gateway", name: environment + "/" + strings.ToUpper(gateway)},
		"Dots":         {reason: "a path of its own", name: environment + "/../" + gateway},
		"NotHex":       {reason: "no UUID", name: environment + "/" + strings.Replace(gateway, "f", "g", 1)},
		"Shifted":      {reason: "no UUID", name: environment + "/" + strings.Replace(gateway, "-e", "e-", 1)},
		"NewLine":      {reason: "nothing may follow", name: environment + "/" + gateway + "\n"},
		"Braces":       {reason: "another form of a UUID would be a second name", name: environment + "/{" + gateway + "}"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pool, err := (&Client{}).Pool(tc.name)
			if (err == nil) != tc.ok || (err != nil && (!errors.Is(err, ErrPool) || pool != nil)) {
				t.Errorf("%s: %v, %v", tc.reason, pool, err)
			}
		})
	}
}

func FuzzPool(f *testing.F) {
	f.Add(environment + "/" + gateway)
	f.Add(environment + "/" + gateway + "/")
	f.Fuzz(func(t *testing.T, name string) {
		environment, gateway, err := splitPool(name)
		if err == nil && (environment+"/"+gateway != name || len(name) != 73 || strings.Trim(name, "0123456789abcdef-/") != "") {
			t.Errorf("%q is taken for a pool", name)
		}
	})
}
