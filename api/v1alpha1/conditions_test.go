package v1alpha1_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestConditionsAreDocumented holds that every condition type and reason is named
// like its value, is said once, and tells what it means and, for reasons, where it
// is seen and what to do.
func TestConditionsAreDocumented(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "conditions.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	// The form that the API server asks of a condition's reason.
	valid := regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	where := regexp.MustCompile(`^Reason[A-Za-z0-9]+ \([^)]+\): `)
	seen := map[string]bool{}
	for _, spec := range constants(file) {
		name, comment := spec.Names[0].Name, strings.ReplaceAll(spec.Doc.Text(), "\n", " ")
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		kind := strings.TrimSuffix(name, value)
		if kind != "Condition" && kind != "Reason" {
			t.Errorf("%s has the value %q; the name is Condition or Reason and the value", name, value)
		}
		if !valid.MatchString(value) || seen[kind+value] {
			t.Errorf("%s: %q is no valid value or is there twice", name, value)
		}
		seen[kind+value] = true
		if !strings.HasPrefix(comment, name+" ") {
			t.Errorf("%s is not documented", name)
		}
		if kind == "Reason" && (!where.MatchString(comment) || !strings.Contains(comment, " What to do: ")) {
			t.Errorf("%s does not say on which condition it is seen, or what to do: %s", name, comment)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d constants were found", len(seen))
	}
}

// constants returns the constants of a file.
func constants(file *ast.File) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.CONST {
			continue
		}
		for _, spec := range general.Specs {
			specs = append(specs, spec.(*ast.ValueSpec))
		}
	}
	return specs
}
