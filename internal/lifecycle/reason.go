package lifecycle

// Reason is a condition reason. Every one is documented with the API's constants, under the same word.
type Reason string

// What the rules and their observers say.
const (
	ReasonIdentityClash        Reason = "IdentityClash"
	ReasonSecretConflict       Reason = "SecretConflict"
	ReasonInvalidTemplate      Reason = "InvalidTemplate"
	ReasonSuspended            Reason = "Suspended"
	ReasonIssuerNotFound       Reason = "IssuerNotFound"
	ReasonIssuerOutOfReach     Reason = "IssuerOutOfReach"
	ReasonIssuerNotReady       Reason = "IssuerNotReady"
	ReasonIssuerTerminating    Reason = "IssuerTerminating"
	ReasonNotGranted           Reason = "NotGranted"
	ReasonRevokedAtVendor      Reason = "RevokedAtVendor"
	ReasonTokenNotListed       Reason = "TokenNotListed"
	ReasonMintBudgetSpent      Reason = "MintBudgetSpent"
	ReasonAccountChanged       Reason = "AccountChanged"
	ReasonIdentityConflict     Reason = "IdentityConflict"
	ReasonMassDisappearance    Reason = "MassDisappearance"
	ReasonRetiring             Reason = "Retiring"
	ReasonSecretTerminating    Reason = "SecretTerminating"
	ReasonRepairPaced          Reason = "RepairPaced"
	ReasonClockSkew            Reason = "ClockSkew"
	ReasonVendorMismatch       Reason = "VendorMismatch"
	ReasonRotationDue          Reason = "RotationDue"
	ReasonWaitingForWindow     Reason = "WaitingForWindow"
	ReasonWaitingForRetirement Reason = "WaitingForRetirement"
	ReasonWaitingForConsumers  Reason = "WaitingForConsumers"
	ReasonConsumersUnknown     Reason = "ConsumersUnknown"
	ReasonRestarting           Reason = "Restarting"
	ReasonRestartForbidden     Reason = "RestartForbidden"
	ReasonWaitingForSlot       Reason = "WaitingForSlot"
	ReasonInPlace              Reason = "InPlace"
	ReasonRevokeFirst          Reason = "RevokeFirst"
	ReasonWaitingForTurn       Reason = "WaitingForTurn"
	ReasonQuotaExceeded        Reason = "QuotaExceeded"
	ReasonPossibleOrphans      Reason = "PossibleOrphans"
	ReasonGatewayNotFound      Reason = "GatewayNotFound"
)
