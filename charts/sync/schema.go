package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// schemaOfTokens is the schema of the values of the chart gateway-tokens, whose specs are those of the CRDs.
func schemaOfTokens(repository fs.FS, crds []string) ([]byte, error) {
	specs := map[string]any{}
	for _, source := range crds {
		content, err := fs.ReadFile(repository, source)
		if err != nil {
			return nil, err
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(content, &crd); err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		if specs[crd.Spec.Names.Kind], err = jsonSchema(specOf(crd)); err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
	}
	// What a GatewayToken must have may come from the defaults: the API server asks for it.
	token, ok := specs["GatewayToken"].(map[string]any)
	if !ok {
		return nil, errors.New("there is no CRD of GatewayTokens")
	}
	delete(token, "required")
	texts := func(of string) map[string]any {
		return map[string]any{"type": "object", "description": of, "additionalProperties": map[string]any{"type": "string"}}
	}
	entries := func(kind, description string, required ...string) map[string]any {
		entry := map[string]any{
			"type": "object", "description": "A " + kind + ".", "additionalProperties": false,
			"properties": map[string]any{
				"spec": map[string]any{"$ref": "#/definitions/" + kind}, "labels": texts("Its labels."), "annotations": texts("Its annotations."),
				"keep": map[string]any{"type": "boolean", "description": "It stays when the release is uninstalled or no longer names it."},
			},
		}
		if len(required) > 0 {
			entry["required"] = required
		}
		return map[string]any{
			"type": "object", "description": description, "additionalProperties": entry,
			"propertyNames": map[string]any{"pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", "maxLength": 253},
		}
	}
	schema := map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of the chart gateway-tokens",
		"type": "object", "additionalProperties": false, "definitions": specs,
		"properties": map[string]any{
			"global":               map[string]any{"type": "object", "description": "Values that a parent chart shares; none is used."},
			"gatewayTokens":        entries("GatewayToken", "GatewayTokens by name."),
			"tokenIssuers":         entries("TokenIssuer", "TokenIssuers by name.", "spec"),
			"clusterTokenIssuers":  entries("ClusterTokenIssuer", "ClusterTokenIssuers by name.", "spec"),
			"gatewayTokenDefaults": map[string]any{"$ref": "#/definitions/GatewayToken"},
			"commonLabels":         texts("Labels of all objects."),
			"commonAnnotations":    texts("Annotations of all objects."),
		},
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	return append(text, '\n'), err
}

// specOf is the schema of spec, which all our kinds have, in the only version that they have.
func specOf(crd apiextensionsv1.CustomResourceDefinition) apiextensionsv1.JSONSchemaProps {
	for _, version := range crd.Spec.Versions {
		if version.Schema != nil && version.Schema.OpenAPIV3Schema != nil {
			return version.Schema.OpenAPIV3Schema.Properties["spec"]
		}
	}
	return apiextensionsv1.JSONSchemaProps{}
}

// jsonSchema is what a JSON Schema says of what a CRD's schema says: a field that is not named is refused. Rules in CEL are the API
// server's alone.
func jsonSchema(of apiextensionsv1.JSONSchemaProps) (map[string]any, error) {
	text, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	translate(schema)
	return schema, nil
}

// translate changes a schema and all that are in it.
func translate(schema map[string]any) {
	if either, _ := schema["x-kubernetes-int-or-string"].(bool); either {
		schema["type"] = []string{"integer", "string"}
		delete(schema, "anyOf")
	}
	for _, key := range slices.Collect(maps.Keys(schema)) {
		if len(key) > 13 && key[:13] == "x-kubernetes-" || key == "format" || key == "default" {
			delete(schema, key)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, property := range properties {
		if inner, ok := property.(map[string]any); ok {
			translate(inner)
		}
	}
	if properties != nil && schema["additionalProperties"] == nil {
		schema["additionalProperties"] = false
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if inner, ok := schema[key].(map[string]any); ok {
			translate(inner)
		}
	}
}
