// Package secretdata turns a token and its ledger into a Secret, and a Secret back into what is known about it.
//
// It is pure: it talks to nobody and reads no clock.
package secretdata

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/gatewaytoken/gateway-token-operator/internal/token"
)

// Limits of what templates may produce.
const (
	// maxKeyBytes bounds one rendered key.
	maxKeyBytes = 256 << 10
	// maxTotalBytes bounds all rendered keys together (a Secret holds 1 MiB at most).
	maxTotalBytes = 768 << 10
	// maxCalls bounds the functions of one action: each may make the text longer, and sixty would fill any memory.
	maxCalls = 8
)

// input is what templates see.
type input struct {
	// Token is the value.
	Token token.Value
	// ID and Name are the vendor's identifier of the token and its name there.
	ID   token.ID
	Name string
	// URL is the issuer's.
	URL string
}

// functions are all that a template may call. text/template's own are refused while parsing. None takes more than a key may have: what
// is made on the way to a key is bounded like the key.
func functions() template.FuncMap {
	return template.FuncMap{
		"urlquery": bounded(url.QueryEscape),
		"b64enc":   bounded(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
		"json": bounded(func(s string) string {
			text, _ := json.Marshal(s) // every string has a JSON text
			return string(text)
		}),
		"quote": bounded(func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }),
	}
}

func bounded(of func(string) string) func(string) (string, error) {
	return func(s string) (string, error) {
		if len(s) > maxKeyBytes {
			return "", errTooLarge
		}
		return of(s), nil
	}
}

var fields = []string{"Token", "ID", "Name", "URL"}

// templates are the parsed templates of a Secret's keys.
type templates struct {
	keys   []string
	parsed map[string]*template.Template
	source map[string]string
}

// parseTemplates checks the templates of a Secret's keys. The error names the key and says what is allowed.
func parseTemplates(data map[string]string) (templates, error) {
	t := templates{parsed: map[string]*template.Template{}, source: data}
	for key, text := range data {
		parsed, err := parseOne(key, text)
		if err != nil {
			return templates{}, err
		}
		t.keys = append(t.keys, key)
		t.parsed[key] = parsed
	}
	slices.Sort(t.keys)
	if err := t.check(); err != nil {
		return templates{}, err
	}
	return t, nil
}

func parseOne(key, text string) (*template.Template, error) {
	parsed, err := template.New(key).Option("missingkey=error").Funcs(functions()).Parse(text)
	if err != nil {
		// The parser's own words name our template's line, never a value: none is known yet.
		return nil, fmt.Errorf("key %q: %w: %w", key, err, errDisallowed)
	}
	if len(parsed.Templates()) > 1 || parsed.Tree == nil {
		return nil, fmt.Errorf("key %q: %w", key, errDisallowed)
	}
	if err := allowed(parsed.Root); err != nil {
		return nil, fmt.Errorf("key %q: %w", key, err)
	}
	return parsed, nil
}

var errDisallowed = errors.New("only text, {{ .Token }}, {{ .ID }}, {{ .Name }}, {{ .URL }} and the functions urlquery, b64enc, json and quote may be used, as in {{ .Token | urlquery }}")

// allowed walks the parsed template and refuses whatever is not on the list.
func allowed(node parse.Node) error {
	switch n := node.(type) {
	case *parse.TextNode, *parse.CommentNode:
		return nil
	case *parse.ListNode:
		for _, child := range n.Nodes {
			if err := allowed(child); err != nil {
				return err
			}
		}
		return nil
	case *parse.ActionNode:
		if calls(n.Pipe) > maxCalls {
			return errTooManyCalls
		}
		return allowedPipe(n.Pipe)
	default:
		return errDisallowed
	}
}

var errTooManyCalls = fmt.Errorf("more than %d functions are called in one place", maxCalls)

// calls counts the functions that a pipe calls.
func calls(pipe *parse.PipeNode) int {
	count := 0
	for _, command := range pipe.Cmds {
		for _, arg := range command.Args {
			switch a := arg.(type) {
			case *parse.IdentifierNode:
				count++
			case *parse.PipeNode:
				count += calls(a)
			}
		}
	}
	return count
}

func allowedPipe(pipe *parse.PipeNode) error {
	if len(pipe.Decl) > 0 {
		return errDisallowed
	}
	for _, command := range pipe.Cmds {
		for _, arg := range command.Args {
			if err := allowedArgument(arg); err != nil {
				return err
			}
		}
	}
	return nil
}

func allowedArgument(arg parse.Node) error {
	switch a := arg.(type) {
	case *parse.FieldNode:
		if len(a.Ident) == 1 && slices.Contains(fields, a.Ident[0]) {
			return nil
		}
	case *parse.IdentifierNode:
		if _, known := functions()[a.Ident]; known {
			return nil
		}
	case *parse.PipeNode:
		return allowedPipe(a)
	}
	return errDisallowed
}

// check renders once with a value of the greatest length, so that nothing can be found too large after a mint.
func (t templates) check() error {
	_, err := t.render(placeholder())
	return err
}

// placeholder is an input as large as any that can come, for checks and dry runs. It is not secret.
func placeholder() input {
	return input{
		Token: token.NewValue(strings.Repeat("x", token.MaxValueBytes)),
		ID:    token.ID(strings.Repeat("0", 128)),
		Name:  strings.Repeat("n", 253),
		URL:   "https://" + strings.Repeat("u", 2040),
	}
}

// render gives the content of every key.
func (t templates) render(in input) (map[string][]byte, error) {
	values := map[string]string{"Token": in.Token.Reveal(), "ID": string(in.ID), "Name": in.Name, "URL": in.URL}
	data := make(map[string][]byte, len(t.keys))
	total := 0
	for _, key := range t.keys {
		out := capped{limit: maxKeyBytes}
		if err := t.parsed[key].Execute(&out, values); err != nil {
			// The error of a template may quote what it was rendering: it is not passed on.
			return nil, fmt.Errorf("key %q cannot be rendered, or is larger than %d bytes", key, maxKeyBytes)
		}
		total += len(out.content)
		data[key] = out.content
	}
	if total > maxTotalBytes {
		return nil, fmt.Errorf("the rendered keys have %d bytes together, more than %d", total, maxTotalBytes)
	}
	return data, nil
}

// capped collects at most limit bytes.
type capped struct {
	content []byte
	limit   int
}

var errTooLarge = errors.New("too large")

func (c *capped) Write(p []byte) (int, error) {
	if len(c.content)+len(p) > c.limit {
		return 0, errTooLarge
	}
	c.content = append(c.content, p...)
	return len(p), nil
}
