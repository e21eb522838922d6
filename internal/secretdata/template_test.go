package secretdata

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

func example() input {
	return input{
		Token: token.NewValue(`eyJ.a+b/c=`), ID: "id-1", Name: "mediator-gwt-x", URL: "https://api.example.com",
	}
}

// What templates may do is on a list; everything else that the parser knows is refused.
func TestTemplates(t *testing.T) {
	tests := map[string]struct {
		reason   string
		template string
		// want is what comes out; refused templates have none.
		want    string
		refused bool
	}{
		"the token":           {reason: "the one key that must be there", template: "{{ .Token }}", want: `eyJ.a+b/c=`},
		"without spaces":      {reason: "the same", template: "{{.Token}}", want: `eyJ.a+b/c=`},
		"trimmed":             {reason: "a way to write it", template: "  {{- .Token -}}  ", want: `eyJ.a+b/c=`},
		"plain text":          {reason: "a key need not have the token in it", template: "wss://gateway", want: "wss://gateway"},
		"nothing":             {reason: "an empty key is a key", template: "", want: ""},
		"all fields":          {reason: "they are documented", template: "{{ .ID }} {{ .Name }} {{ .URL }}", want: "id-1 mediator-gwt-x https://api.example.com"},
		"urlquery":            {reason: "for URLs", template: "{{ .Token | urlquery }}", want: "eyJ.a%2Bb%2Fc%3D"},
		"urlquery as a call":  {reason: "the same", template: "{{ urlquery .Token }}", want: "eyJ.a%2Bb%2Fc%3D"},
		"b64enc":              {reason: "for basic auth", template: "{{ b64enc .Token }}", want: base64.StdEncoding.EncodeToString([]byte("eyJ.a+b/c="))},
		"json":                {reason: "for JSON", template: `{"token":{{ json .Token }}}`, want: `{"token":"eyJ.a+b/c="}`},
		"quote":               {reason: "for YAML and shells", template: "token: {{ quote .Token }}", want: `token: "eyJ.a+b/c="`},
		"one after the other": {reason: "pipes may be longer", template: "{{ .Token | urlquery | b64enc | quote }}", want: `"` + base64.StdEncoding.EncodeToString([]byte("eyJ.a%2Bb%2Fc%3D")) + `"`},
		"in brackets":         {reason: "the same", template: "{{ b64enc (urlquery .Token) }}", want: base64.StdEncoding.EncodeToString([]byte("eyJ.a%2Bb%2Fc%3D"))},
		"a comment":           {reason: "it says nothing", template: "{{/* for the mediator */}}{{ .Token }}", want: `eyJ.a+b/c=`},
		"braces as text":      {reason: "shells have them", template: "${TOKEN} { } }}", want: "${TOKEN} { } }}"},

		"unknown field":             {reason: "there is none", template: "{{ .Secret }}", refused: true},
		"field of a field":          {reason: "fields have no fields", template: "{{ .Token.Reveal }}", refused: true},
		"the whole input":           {reason: "it would show everything", template: "{{ . }}", refused: true},
		"root variable":             {reason: "it would show everything", template: "{{ $ }}", refused: true},
		"field of the root":         {reason: "variables are not on the list", template: "{{ $.Token }}", refused: true},
		"variable":                  {reason: "variables are not on the list", template: "{{ $x := .Token }}{{ $x }}", refused: true},
		"if":                        {reason: "no conditions", template: "{{ if .Token }}x{{ end }}", refused: true},
		"with":                      {reason: "no scopes", template: "{{ with .Token }}{{ . }}{{ end }}", refused: true},
		"range":                     {reason: "no loops", template: "{{ range .Token }}x{{ end }}", refused: true},
		"range over a number":       {reason: "no loops", template: "{{ range 1000000000 }}x{{ end }}", refused: true},
		"break":                     {reason: "no loops", template: "{{ break }}", refused: true},
		"define":                    {reason: "no templates in templates", template: `{{ define "x" }}{{ end }}{{ .Token }}`, refused: true},
		"define of itself":          {reason: "no templates in templates", template: `{{ define "key" }}y{{ end }}{{ .Token }}`, refused: true},
		"block":                     {reason: "no templates in templates", template: `{{ block "x" . }}{{ end }}`, refused: true},
		"template":                  {reason: "no templates in templates", template: `{{ template "key" . }}`, refused: true},
		"string literal":            {reason: "it is not needed", template: `{{ "x" }}`, refused: true},
		"number":                    {reason: "it is not needed", template: `{{ 1 }}`, refused: true},
		"bool":                      {reason: "it is not needed", template: `{{ true }}`, refused: true},
		"nil":                       {reason: "it is not needed", template: `{{ quote nil }}`, refused: true},
		"chain":                     {reason: "fields have no fields", template: `{{ (.Token).String }}`, refused: true},
		"too many arguments":        {reason: "it could not be rendered", template: "{{ quote .Token .ID }}", refused: true},
		"function without argument": {reason: "it could not be rendered", template: "{{ quote }}", refused: true},
		"field as a function":       {reason: "it could not be rendered", template: "{{ .Token .ID }}", refused: true},
		"unclosed":                  {reason: "it cannot be parsed", template: "{{ .Token ", refused: true},
		"html":                      {reason: "text/template's own are not on the list", template: "{{ html .Token }}", refused: true},
		"js":                        {reason: "text/template's own are not on the list", template: "{{ js .Token }}", refused: true},
		"print":                     {reason: "text/template's own are not on the list", template: "{{ print .Token }}", refused: true},
		"printf":                    {reason: "a width makes it as large as one likes", template: `{{ printf "%99999999d" 1 }}`, refused: true},
		"index":                     {reason: "text/template's own are not on the list", template: `{{ index .Token 0 }}`, refused: true},
		"slice":                     {reason: "text/template's own are not on the list", template: `{{ slice .Token 1 2 }}`, refused: true},
		"len":                       {reason: "text/template's own are not on the list", template: `{{ len .Token }}`, refused: true},
		"call":                      {reason: "text/template's own are not on the list", template: `{{ call .Token }}`, refused: true},
		"and":                       {reason: "text/template's own are not on the list", template: `{{ and .Token .ID }}`, refused: true},
		"eq":                        {reason: "text/template's own are not on the list", template: `{{ eq .Token .ID }}`, refused: true},
		"env":                       {reason: "Sprig reads the operator's environment with it", template: `{{ env "HOME" }}`, refused: true},
		"expandenv":                 {reason: "Sprig reads the operator's environment with it", template: `{{ expandenv "$HOME" }}`, refused: true},
		"getHostByName":             {reason: "Sprig calls out with it", template: `{{ getHostByName .Token }}`, refused: true},
		"genPrivateKey":             {reason: "Sprig burns time with it", template: `{{ genPrivateKey "rsa" }}`, refused: true},
		"repeat":                    {reason: "Sprig fills the memory with it", template: `{{ repeat 1000000000 .Token }}`, refused: true},
		"lookup":                    {reason: "Helm reads the cluster with it", template: `{{ lookup "v1" "Secret" "" "" }}`, refused: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			parsed, err := parseTemplates(map[string]string{"key": tc.template})
			if tc.refused {
				if err == nil {
					t.Fatalf("it was taken, although %s", tc.reason)
				}
				for _, says := range []string{`"key"`, "urlquery"} {
					if !strings.Contains(err.Error(), says) && !strings.Contains(err.Error(), "rendered") {
						t.Errorf("the message %q does not name %s", err, says)
					}
				}
				return
			}
			if err != nil {
				t.Fatalf("it was refused: %v", err)
			}
			rendered, err := parsed.render(example())
			if err != nil {
				t.Fatal(err)
			}
			if got := string(rendered["key"]); got != tc.want {
				t.Errorf("rendered %q, want %q", got, tc.want)
			}
		})
	}
}

// What a function makes is what others read.
func TestFunctionsAreReadBack(t *testing.T) {
	nasty := `a"b\c` + "'$`" + `<&>`
	parsed, err := parseTemplates(map[string]string{"json": "{{ json .Token }}", "quote": "{{ quote .Token }}", "b64": "{{ b64enc .Token }}"})
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := parsed.render(input{Token: token.NewValue(nasty)})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"json", "quote"} {
		var got string
		if err := json.Unmarshal(rendered[key], &got); err != nil || got != nasty {
			t.Errorf("%s: %s is read as %q, %v", key, rendered[key], got, err)
		}
	}
	if got, err := base64.StdEncoding.DecodeString(string(rendered["b64"])); err != nil || string(got) != nasty {
		t.Errorf("b64enc: read as %q, %v", got, err)
	}
}

// Too much is refused when the spec is read, before anything is minted: the greatest value that can come is tried.
func TestRenderCaps(t *testing.T) {
	tokens := func(n int) string { return strings.Repeat("{{ .Token }}", n) }
	many := func(keys, times int) map[string]string {
		data := map[string]string{}
		for i := range keys {
			data[fmt.Sprintf("key-%d", i)] = tokens(times)
		}
		return data
	}
	tests := map[string]struct {
		reason string
		data   map[string]string
		fits   bool
	}{
		"one token":               {"16 KiB at most", many(1, 1), true},
		"as many as fit a key":    {"256 KiB", many(1, maxKeyBytes/token.MaxValueBytes), true},
		"one more":                {"more than 256 KiB", many(1, maxKeyBytes/token.MaxValueBytes+1), false},
		"as many as fit a Secret": {"32 keys with a token each are 512 KiB", many(32, 1), true},
		"more than fit a Secret":  {"more than 768 KiB", many(32, 2), false},
		"blown up by functions":   {"b64enc adds a third each time", map[string]string{"key": "{{ .Token | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc }}"}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parseTemplates(tc.data)
			if (err == nil) != tc.fits {
				t.Errorf("error %v, want fits %t: %s", err, tc.fits, tc.reason)
			}
			if err != nil && strings.Contains(err.Error(), "xxxx") {
				t.Error("the message quotes what was rendered")
			}
		})
	}
}

// Functions make texts longer, and functions of functions many times longer: what is made on the way is bounded, too. Sixty in a row
// would else ask for half a terabyte.
func TestFunctionsAreBounded(t *testing.T) {
	piped := func(function string, n int) string { return "{{ .Token" + strings.Repeat(" | "+function, n) + " }}" }
	nested := func(function string, n int) string {
		return "{{ " + strings.Repeat(function+" (", n) + ".Token" + strings.Repeat(")", n) + " }}"
	}
	tests := map[string]struct {
		reason, template string
		says             string
	}{
		"eight":             {"as many as are allowed, of those that fit", piped("b64enc", maxCalls), ""},
		"nine":              {"one more", piped("b64enc", maxCalls+1), "more than 8 functions"},
		"sixty":             {"any memory would be full", piped("b64enc", 60), "more than 8 functions"},
		"sixty in brackets": {"the same", nested("b64enc", 60), "more than 8 functions"},
		"some of each":      {"they count together", "{{ quote (json (json (json (json .Token)))) | b64enc | b64enc | b64enc | b64enc }}", "more than 8 functions"},
		"eight twice":       {"each place has its own, and the key its bound", piped("urlquery", maxCalls) + piped("quote", maxCalls), ""},
		"too long":          {"eight that do not fit", "{{ .Token | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc }}{{ .Token | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc | b64enc }}", "larger than"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parseTemplates(map[string]string{"key": tc.template})
			if (err == nil) != (tc.says == "") || (err != nil && !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v, want %q: %s", err, tc.says, tc.reason)
			}
		})
	}
	for name, function := range functions() {
		bounded, ok := function.(func(string) (string, error))
		if !ok {
			t.Errorf("%s is not bounded", name)
			continue
		}
		if _, err := bounded(strings.Repeat("x", maxKeyBytes)); err != nil {
			t.Errorf("%s of the longest text: %v", name, err)
		}
		if _, err := bounded(strings.Repeat("x", maxKeyBytes+1)); err == nil {
			t.Errorf("%s takes more than a key may have", name)
		}
	}
}

// The error of a template never quotes what it was rendering.
func TestRenderErrorsShowNoValue(t *testing.T) {
	parsed, err := parseTemplates(map[string]string{"key": "{{ .Token }}"})
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Repeat("s3cr3t", maxKeyBytes)
	_, err = parsed.render(input{Token: token.NewValue(secret)})
	if err == nil {
		t.Fatal("it was rendered")
	}
	if strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("the message shows the value: %.80s", err)
	}
}

func TestEveryKeyIsRendered(t *testing.T) {
	data := map[string]string{"a": "{{ .Token }}", "b": "{{ .ID }}", "c": "text"}
	parsed, err := parseTemplates(data)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := parsed.render(example())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(data)), slices.Sorted(maps.Keys(rendered))); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// Whatever is written as a template: no crash, nothing larger than the caps, and whatever is taken can be rendered with
// every value that can come.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"{{ .Token }}", "{{ .Token | urlquery }}", "{{ b64enc (quote .ID) }}", "{{ range . }}{{ end }}", "{{ define \"x\" }}", "a{{/* c */}}b", "{{- .URL -}}"} {
		f.Add(seed, "eyJ.a+b/c=")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		parsed, err := parseTemplates(map[string]string{"key": text})
		if err != nil {
			return
		}
		in := example()
		if token.NewValue(value).Usable() {
			in.Token = token.NewValue(value)
		}
		first, err := parsed.render(in)
		if err != nil {
			t.Fatalf("%q was taken and cannot be rendered: %v", text, err)
		}
		if len(first["key"]) > maxKeyBytes {
			t.Errorf("%q gives %d bytes", text, len(first["key"]))
		}
		second, err := parsed.render(in)
		if err != nil || !bytes.Equal(first["key"], second["key"]) {
			t.Errorf("%q is not rendered the same twice: %v", text, err)
		}
	})
}
