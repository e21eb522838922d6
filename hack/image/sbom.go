package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

// sbom is the image's bill of materials in SPDX 2.3: the image, the operator in it, and the Go modules that its binary says it
// was built from, the standard library among them. It holds nothing that the next build would have otherwise.
func sbom(from source, platform v1.Platform, image v1.Image, info *debug.BuildInfo) ([]byte, error) {
	digest, err := image.Digest()
	if err != nil {
		return nil, err
	}
	const operator, container = common.ElementID("operator"), common.ElementID("image")
	document := &v2_3.Document{
		SPDXVersion:       v2_3.Version,
		DataLicense:       v2_3.DataLicense,
		SPDXIdentifier:    "DOCUMENT",
		DocumentName:      title + " " + from.version + " " + platform.String(),
		DocumentNamespace: repository + "/spdx/" + digest.Hex,
		CreationInfo: &v2_3.CreationInfo{
			Created:  from.created.UTC().Format("2006-01-02T15:04:05Z"),
			Creators: []common.Creator{{CreatorType: "Tool", Creator: "hack/image"}},
		},
		Packages: []*v2_3.Package{
			{
				PackageName: title, PackageSPDXIdentifier: container, PackageVersion: digest.String(),
				PackageDownloadLocation: noAssertion, PrimaryPackagePurpose: "CONTAINER",
				PackageLicenseConcluded: "Apache-2.0", PackageLicenseDeclared: "Apache-2.0", PackageCopyrightText: noAssertion,
				PackageChecksums:          []common.Checksum{{Algorithm: common.SHA256, Value: digest.Hex}},
				PackageExternalReferences: purl("pkg:oci/" + title + "@" + strings.ReplaceAll(digest.String(), ":", "%3A") + "?arch=" + platform.Architecture),
			},
			{
				PackageName: info.Main.Path, PackageSPDXIdentifier: operator, PackageVersion: from.version,
				PackageDownloadLocation: "git+" + repository + ".git@" + from.revision, PrimaryPackagePurpose: "APPLICATION",
				PackageLicenseConcluded: "Apache-2.0", PackageLicenseDeclared: "Apache-2.0", PackageCopyrightText: noAssertion,
				PackageExternalReferences: purl("pkg:golang/" + info.Main.Path + "@" + escape(from.version)),
			},
		},
		Relationships: []*v2_3.Relationship{relate("DOCUMENT", common.TypeRelationshipDescribe, container), relate(container, common.TypeRelationshipContains, operator)},
	}
	standard := &debug.Module{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}
	for number, module := range append([]*debug.Module{standard}, info.Deps...) {
		if module.Replace != nil {
			module = module.Replace
		}
		dependency := &v2_3.Package{
			PackageName: module.Path, PackageSPDXIdentifier: common.ElementID(fmt.Sprintf("module-%d", number)),
			PackageVersion: module.Version, PackageDownloadLocation: noAssertion, PrimaryPackagePurpose: "LIBRARY",
			PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: noAssertion, PackageCopyrightText: noAssertion,
			PackageExternalReferences: purl("pkg:golang/" + module.Path + "@" + escape(module.Version)),
		}
		if dependency.PackageChecksums, err = checksums(module.Sum); err != nil {
			return nil, fmt.Errorf("%s: %w", module.Path, err)
		}
		document.Packages = append(document.Packages, dependency)
		document.Relationships = append(document.Relationships, relate(operator, common.TypeRelationshipDependsOn, dependency.PackageSPDXIdentifier))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(document)
	return out.Bytes(), err
}

const noAssertion = "NOASSERTION"

func relate(a common.ElementID, kind string, b common.ElementID) *v2_3.Relationship {
	return &v2_3.Relationship{
		RefA: common.DocElementID{ElementRefID: a}, Relationship: kind, RefB: common.DocElementID{ElementRefID: b},
	}
}

func purl(locator string) []*v2_3.PackageExternalReference {
	return []*v2_3.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: locator}}
}

// escape is for a version in a package URL: of what is in versions only the plus means something else there.
func escape(version string) string { return strings.ReplaceAll(version, "+", "%2B") }

// checksums translates the h1 of go.sum, which is a SHA-256 of the module's files and their hashes. Other tools do the same.
func checksums(sum string) ([]common.Checksum, error) {
	encoded, ok := strings.CutPrefix(sum, "h1:")
	if !ok { // the standard library has none
		return nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	return []common.Checksum{{Algorithm: common.SHA256, Value: hex.EncodeToString(raw)}}, nil
}
