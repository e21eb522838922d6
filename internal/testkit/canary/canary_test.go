package canary

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	password  = `kT4"7w<Zq\9+Lm/2&Xc=Rv%5Jn>Hs`
	signature = "Qm9sUjN4VnBLd0h5VGZHc0NhWmVOdUptT2lMa0RxWHI"
	jwt       = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJwcm9qZWN0In0." + signature
)

func TestText(t *testing.T) {
	quoted, err := json.Marshal(password)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	tests := map[string]struct {
		reason, text string
		want         string // the secret that is found
	}{
		"Silence":       {reason: "nothing is there", text: strings.Repeat("all is well ", 100)},
		"Plain":         {reason: "as it is", text: "x " + password + " y", want: "password"},
		"Fragment":      {reason: "sixteen characters out of the middle", text: "..." + password[5:21] + "...", want: "password"},
		"ShortFragment": {reason: "fifteen are too few to be sure", text: "..." + password[5:20] + "..."},
		"JSON":          {reason: "as a JSON log has it", text: `{"msg":` + string(quoted) + `}`, want: "password"},
		"URL":           {reason: "as a query has it", text: "?secret=" + url.QueryEscape(password), want: "password"},
		"Base64":        {reason: "as a Secret's data has it", text: encode([]byte(password)), want: "password"},
		"Base64Shifted": {reason: "in an Authorization of the kind Basic", text: encode([]byte("user:" + password)), want: "password"},
		"Base64Inside":  {reason: "in a text that goes on", text: encode([]byte("user1:" + password + " and more")), want: "password"},
		"Hex":           {reason: "as a dump has it", text: hex.EncodeToString([]byte(password)), want: "password"},
		"UpperHex":      {reason: "as another dump has it", text: strings.ToUpper(hex.EncodeToString([]byte(password))), want: "password"},
		"Bytes":         {reason: "as bytes are printed that nobody made a text of", text: fmt.Sprintf("%d", []byte(password)), want: "password"},
		"Token":         {reason: "a token that is cut", text: jwt[:len(jwt)-20], want: "token"},
		"TokenHeader":   {reason: "header and claims are no secret", text: strings.TrimSuffix(jwt, signature)},
		"End":           {reason: "at the very end", text: "x" + signature[len(signature)-16:], want: "token"},
	}
	search := New(Secret{Name: "password", Value: password}, Secret{Name: "token", Value: jwt})
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			hits := search.Text("log", []byte(tc.text))
			var got string
			for _, hit := range hits {
				got = hit.Secret
			}
			if got != tc.want {
				t.Errorf("%s: found %q, want %q: %v", tc.reason, got, tc.want, hits)
			}
		})
	}
}

// A search for many finds longer pieces only, wherever they are cut.
func TestOf(t *testing.T) {
	values := make([]string, 1000)
	for i := range values {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		values[i] = hex.EncodeToString(sum[:])
	}
	for _, some := range [][]string{values, values[:2]} {
		search := Of(some...)
		for cut := range FragmentLength {
			planted := "text" + values[1][cut:cut+2*FragmentLength-1] + "more text"
			if hits := search.Text("log", []byte(planted)); len(hits) == 0 || hits[0].Secret != "secret 2" {
				t.Errorf("of %d, cut at %d: %+v", len(some), cut, hits)
			}
		}
		if hits := search.Text("log", []byte(strings.Repeat("all is well ", 100))); len(hits) > 0 {
			t.Errorf("of %d: %+v in a text without secrets", len(some), hits)
		}
	}
	if hits := Of().Text("log", []byte("there is no secret to be found here")); len(hits) > 0 {
		t.Errorf("%+v, without secrets", hits)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	clean, dirty := filepath.Join(dir, "clean"), filepath.Join(dir, "dirty")
	for path, text := range map[string]string{clean: "nothing", dirty: "12345" + password} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	search := New(Secret{Name: "password", Value: password})
	hits, size, err := search.Files(clean, dirty)
	if err != nil {
		t.Fatal(err)
	}
	if len(hits) == 0 || hits[0].File != dirty || hits[0].Offset != 5 || size != len("nothing12345"+password) {
		t.Errorf("hits %+v in %d bytes", hits, size)
	}
	if _, _, err := search.Files(filepath.Join(dir, "missing")); err == nil {
		t.Error("a file that is not there was searched")
	}
}
