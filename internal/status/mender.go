package status

import (
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/gatewaytoken/gateway-token-operator/api/v1alpha1"
)

// Mender is who mends what keeps an object from being Ready.
type Mender string

// All menders. Where a person must act, the object is Stalled.
const (
	// Time: it mends itself, or the operator does.
	Time Mender = "time"
	// Arrival: another object that may be on its way into the cluster. Once it was there, its absence is a person's business.
	Arrival Mender = "arrival"
	// Person: nothing goes on until somebody has acted.
	Person Mender = "person"
)

// menders has every reason for which Ready may be False or Reconciling True.
var menders = map[string]Mender{
	v1alpha1.ReasonAccountChanged:         Person,
	v1alpha1.ReasonAddressRefused:         Person,
	v1alpha1.ReasonAnswerTooLarge:         Time,
	v1alpha1.ReasonCABundleInvalid:        Person,
	v1alpha1.ReasonCABundleNotFound:       Arrival,
	v1alpha1.ReasonCertificateNotTrusted:  Person,
	v1alpha1.ReasonChangeRefused:          Person,
	v1alpha1.ReasonClusterCloned:          Person,
	v1alpha1.ReasonCreateAmbiguous:        Time,
	v1alpha1.ReasonCreateRefused:          Person,
	v1alpha1.ReasonCredentialsKeyMissing:  Person,
	v1alpha1.ReasonCredentialsNotFound:    Arrival,
	v1alpha1.ReasonCredentialsRejected:    Person,
	v1alpha1.ReasonDeleting:               Time,
	v1alpha1.ReasonEmptyTokenValue:        Person,
	v1alpha1.ReasonEnvironmentNotFound:    Person,
	v1alpha1.ReasonExpired:                Person,
	v1alpha1.ReasonGatewayNotFound:        Person,
	v1alpha1.ReasonIdentityClash:          Person,
	v1alpha1.ReasonInsecureURL:            Person,
	v1alpha1.ReasonInvalidRole:            Person,
	v1alpha1.ReasonInvalidScope:           Person,
	v1alpha1.ReasonInvalidTemplate:        Person,
	v1alpha1.ReasonInvalidURL:             Person,
	v1alpha1.ReasonInvalidWindow:          Person,
	v1alpha1.ReasonIssuerNotFound:         Arrival,
	v1alpha1.ReasonIssuerNotReady:         Time,
	v1alpha1.ReasonIssuerOutOfReach:       Person,
	v1alpha1.ReasonIssuerTerminating:      Person,
	v1alpha1.ReasonIssuing:                Time,
	v1alpha1.ReasonMassDisappearance:      Person,
	v1alpha1.ReasonMintBudgetSpent:        Person,
	v1alpha1.ReasonNameAltered:            Person,
	v1alpha1.ReasonNameTaken:              Person,
	v1alpha1.ReasonNotGranted:             Person,
	v1alpha1.ReasonPermissionDenied:       Person,
	v1alpha1.ReasonPossibleOrphans:        Person,
	v1alpha1.ReasonProgressing:            Time,
	v1alpha1.ReasonQuotaExceeded:          Person,
	v1alpha1.ReasonRateLimited:            Time,
	v1alpha1.ReasonRepairPaced:            Time,
	v1alpha1.ReasonRevokedAtVendor:        Time,
	v1alpha1.ReasonRollAmbiguous:          Time,
	v1alpha1.ReasonSecretConflict:         Person,
	v1alpha1.ReasonServiceAccountNotFound: Person,
	v1alpha1.ReasonStrategyUnsupported:    Person,
	v1alpha1.ReasonSuspended:              Person,
	v1alpha1.ReasonTokenNotListed:         Time,
	v1alpha1.ReasonUnexpectedAnswer:       Time,
	v1alpha1.ReasonValueUnreadable:        Person,
	v1alpha1.ReasonVendorMismatch:         Person,
	v1alpha1.ReasonVendorUnavailable:      Time,
	v1alpha1.ReasonVendorUnreachable:      Time,
	v1alpha1.ReasonWriteFailed:            Time,
}

// MendedBy tells who mends what a reason says; empty for a reason for which nothing is ever not Ready.
func MendedBy(reason string) Mender { return menders[reason] }

// NeedsPerson tells whether nothing goes on until a person has acted. worked: it was Ready before, so that what it lacks is not on its way
// any more.
func NeedsPerson(reason string, worked bool) bool {
	by := menders[reason]
	return by == Person || (by == Arrival && worked)
}

// own are the reasons that say of a GatewayToken what is wrong with it alone: its spec, its name, or what it is allowed.
var own = sets.New(
	v1alpha1.ReasonIdentityClash, v1alpha1.ReasonInvalidRole, v1alpha1.ReasonInvalidScope, v1alpha1.ReasonInvalidTemplate,
	v1alpha1.ReasonInvalidWindow, v1alpha1.ReasonIssuerOutOfReach, v1alpha1.ReasonIssuerTerminating, v1alpha1.ReasonNotGranted,
	v1alpha1.ReasonPossibleOrphans, v1alpha1.ReasonRevokedAtVendor, v1alpha1.ReasonSecretConflict, v1alpha1.ReasonStrategyUnsupported,
	v1alpha1.ReasonSuspended, v1alpha1.ReasonVendorMismatch,
)

// OwnFault tells whether others of the issuer have nothing to do with what a GatewayToken is Stalled for.
func OwnFault(reason string) bool { return own.Has(reason) }
