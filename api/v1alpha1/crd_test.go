package v1alpha1_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// maxCRDBytes keeps a CRD far from the 256 KiB at which kubectl apply fails.
const maxCRDBytes = 100_000

// TestCRDs holds what the API promises of every CRD, in its generated form.
func TestCRDs(t *testing.T) {
	paths, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != 3 {
		t.Fatalf("%d CRDs were found, not the three kinds", len(paths))
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(content) > maxCRDBytes {
				t.Errorf("%d bytes; at most %d are allowed", len(content), maxCRDBytes)
			}
			var crd apiextensionsv1.CustomResourceDefinition
			if err := yaml.UnmarshalStrict(content, &crd); err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(crd.Spec.Names.Categories, "gwtokens") || len(crd.Spec.Names.ShortNames) != 1 {
				t.Errorf("names are %+v; a short name and the category gwtokens are needed", crd.Spec.Names)
			}
			version := crd.Spec.Versions[0]
			var columns []string
			for _, column := range version.AdditionalPrinterColumns {
				columns = append(columns, column.Name)
			}
			if !slices.Contains(columns, "Ready") || !slices.Contains(columns, "Reason") || !slices.Contains(columns, "Age") {
				t.Errorf("columns are %v", columns)
			}
			checkSchema(t, "", version.Schema.OpenAPIV3Schema)
		})
	}
}

// checkSchema walks a schema: lists and maps are bounded and lists say how they
// merge, everything is documented, and nothing is defaulted but status. Labels
// selectors are Kubernetes' own type, and a rule bounds them.
func checkSchema(t *testing.T, path string, schema *apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	if strings.HasSuffix(path, ".namespaces.selector") {
		return
	}
	if schema.Description == "" && path != "" && !strings.HasSuffix(path, "[]") && path != ".metadata" {
		t.Errorf("%s has no description", path)
	}
	if schema.Default != nil && path != ".status" {
		t.Errorf("%s has a default; a spec is stored as it was written", path)
	}
	if schema.Items != nil {
		if schema.MaxItems == nil || schema.XListType == nil {
			t.Errorf("%s is a list without a bound or a list type", path)
		}
		checkSchema(t, path+"[]", schema.Items.Schema)
	}
	if schema.AdditionalProperties != nil {
		if schema.MaxProperties == nil {
			t.Errorf("%s is a map without a bound", path)
		}
		checkSchema(t, path+"[]", schema.AdditionalProperties.Schema)
	}
	for name := range schema.Properties {
		property := schema.Properties[name]
		checkSchema(t, path+"."+name, &property)
	}
}
