//go:build !sabotage

package sabotage

// See on.go for what each of them does.
const (
	BelieveHints       = false
	ForgetPredecessors = false
	BelieveAbsence     = false
	MintUnseen         = false
	WriteBlindly       = false
	RevokeUnlisted     = false
	LeaveStrays        = false
	ReleaseAtOnce      = false
	TrustEverybody     = false

	MintAgain        = false
	RevokeFirst      = false
	DropFinalizer    = false
	SkipOverlap      = false
	IgnorePods       = false
	BelieveStatus    = false
	TellValues       = false
	RepeatCreates    = false
	OverwriteForeign = false
)
