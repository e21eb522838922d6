package v1alpha1

import (
	"cmp"
	"slices"
	"strings"
)

// OperatorName names the operator wherever an object or a write says who made
// it: the managed-by label, the field manager, the source of events.
const OperatorName = "gateway-token-operator"

// Finalizers. They are set on objects of the operator's own making or kinds
// only, never on a Secret, ConfigMap or namespace of the user's.
const (
	// FinalizerRevoke keeps a GatewayToken until its tokens were seen revoked at
	// the vendor and its Secret is deleted (or both are retained).
	FinalizerRevoke = GroupName + "/revoke"
	// FinalizerProtect keeps an issuer while tokens still need it for their
	// revocation.
	FinalizerProtect = GroupName + "/protect"
	// FinalizerLastGood keeps the operator's own copy of an issuer's last
	// accepted credentials and CA bundle, so that a namespace deleted at once
	// with all that is in it can still have its tokens revoked.
	FinalizerLastGood = GroupName + "/last-good"
)

// Annotations.
const (
	// AnnotationLedger is written on every token Secret in the same write as the
	// value: what the operator must know about the token even when status is
	// lost. It carries digests and a MAC, never a value.
	AnnotationLedger = GroupName + "/ledger"
	// AnnotationIssuer on a copy of credentials names the issuer, Kind/name, that it is kept for.
	AnnotationIssuer = GroupName + "/issuer"
	// AnnotationSkipRevocation on a GatewayToken or issuer that is being deleted
	// releases it without revoking anything at the vendor. Its value must be the
	// UID of that very object, so that it cannot be templated and does not
	// survive a recreation.
	AnnotationSkipRevocation = GroupName + "/skip-revocation"
	// AnnotationRotateRequest on a GatewayToken asks for another token, once. Its
	// value is the time of the request, as in 2026-03-01T12:00:00Z; one that is not
	// after the current token's issue counts as answered.
	AnnotationRotateRequest = GroupName + "/rotate-requested-at"
	// AnnotationRevokeRequest beside it, with the same value, asks for the
	// revocation of what is replaced as soon as the successor is published, without
	// overlap: the answer to a leak.
	AnnotationRevokeRequest = GroupName + "/revoke-requested-at"
	// AnnotationAcknowledge on an issuer tells what a person has decided about:
	// one or more, separated by commas, of what AcknowledgeOrphan and
	// AcknowledgeCondition give.
	AnnotationAcknowledge = GroupName + "/acknowledge"
	// AnnotationRevokeOrphans on an issuer is a person's word that orphans are to be
	// revoked: the IDs from status.orphans, separated by commas, MaxRevokedOrphans at
	// most. There is no word for all of them.
	AnnotationRevokeOrphans = GroupName + "/revoke-orphans"
	// AnnotationCluster on the Secret with the ledger key is what the operator keeps
	// of the cluster: its identity, and digests that tell its control plane.
	AnnotationCluster = GroupName + "/cluster"
	// AnnotationClusterIdentity on that Secret is a person's answer when the control
	// plane is another one: keep or new, a slash, and the fingerprint that the message
	// names.
	AnnotationClusterIdentity = GroupName + "/cluster-identity"
)

// MaxRevokedOrphans is how many orphans one annotation may name.
const MaxRevokedOrphans = 20

// AcknowledgeOrphan is what AnnotationAcknowledge says of an entry of
// status.possibleOrphans: its ID or, where it has none, its name.
func AcknowledgeOrphan(idOrName string) string {
	return ReasonPossibleOrphans + "/" + idOrName
}

// AcknowledgedBy tells whether an issuer's annotations say that a person has
// decided about an entry of status.possibleOrphans.
func (o *PossibleOrphan) AcknowledgedBy(annotations map[string]string) bool {
	return acknowledged(annotations, AcknowledgeOrphan(cmp.Or(o.ID, o.Name)))
}

// AcknowledgeCondition is what AnnotationAcknowledge says of a condition, as its
// message has it: IdentityConflict or MassDisappearance, of the very tokens that
// the fingerprint stands for.
func AcknowledgeCondition(kind, fingerprint string) string { return kind + "/" + fingerprint }

// ConditionAcknowledged tells whether an issuer's annotations say that a person has
// decided about a condition.
func ConditionAcknowledged(annotations map[string]string, kind, fingerprint string) bool {
	return fingerprint != "" && acknowledged(annotations, AcknowledgeCondition(kind, fingerprint))
}

func acknowledged(annotations map[string]string, want string) bool {
	for said := range strings.SplitSeq(annotations[AnnotationAcknowledge], ",") {
		if strings.TrimSpace(said) == want {
			return true
		}
	}
	return false
}

// OrphansToRevoke are what AnnotationRevokeOrphans names, none twice: IDs or, where
// two pools have a token of the same ID, <pool>/<id>.
func OrphansToRevoke(annotations map[string]string) []string {
	var named []string
	for said := range strings.SplitSeq(annotations[AnnotationRevokeOrphans], ",") {
		if said = strings.TrimSpace(said); said != "" && !slices.Contains(named, said) {
			named = append(named, said)
		}
	}
	return named
}

// Labels.
const (
	// LabelManagedBy is app.kubernetes.io/managed-by; the operator's own objects
	// carry it with the value OperatorName.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// LabelGatewayToken on a token Secret names its GatewayToken. It is left out
	// where that name is longer than a label value may be (63 characters).
	LabelGatewayToken = GroupName + "/gatewaytoken"
	// LabelRetained marks the Secret of a GatewayToken that was deleted with
	// deletionPolicy Retain: its token is still active and accounted for.
	LabelRetained = GroupName + "/retained"
	// LabelRole says what a Secret of the operator is for: one of the Role values.
	LabelRole = GroupName + "/role"
)

// Values of LabelRole.
const (
	// RoleToken is a Secret that holds a token's value for its consumers.
	RoleToken = "token"
	// RoleLastGood is a copy of an issuer's last accepted credentials.
	RoleLastGood = "last-good"
	// RoleLedgerKey is the key that ledgers are authenticated with.
	RoleLedgerKey = "ledger-key"
)

// Names of the operator's own Secrets. A GatewayToken cannot ask for a Secret
// whose name begins with OperatorSecretPrefix.
const (
	// OperatorSecretPrefix begins the name of every Secret that the operator
	// makes for itself.
	OperatorSecretPrefix = OperatorName + "-"
	// LedgerKeySecretName is the Secret in the operator's own namespace that
	// holds the key of the ledgers' MACs.
	LedgerKeySecretName = OperatorSecretPrefix + "ledger-key"
	// LastGoodSecretPrefix begins the names of last-good copies.
	LastGoodSecretPrefix = OperatorSecretPrefix + "last-good-"
)
