package v1alpha1

// Condition types. All are positive statements: a GatewayToken or issuer in good
// order has Ready True and Stalled and Reconciling absent or False.
const (
	// ConditionReady on a GatewayToken: the Secret holds a token last known
	// active. A vendor outage, a pending revocation or a suspension does not lower
	// it. On an issuer: the vendor accepts the credentials and shows the account
	// that was pinned.
	ConditionReady = "Ready"
	// ConditionReconciling on a GatewayToken: a new generation of the spec is not
	// yet published. Neither an outage nor a retirement raises it; where it gave way to
	// Stalled, it is back when a person has acted.
	ConditionReconciling = "Reconciling"
	// ConditionStalled on a GatewayToken or issuer: a person must act. Before this
	// generation of a GatewayToken can become Ready; before an issuer is Ready, or
	// tokens are replaced and revoked again (MassDisappearance, IdentityConflict). Its
	// reason is that of what keeps it. Absent otherwise, and while the object is being
	// deleted.
	ConditionStalled = "Stalled"
	// ConditionVendorReachable on a GatewayToken or issuer: the vendor answered
	// when it was last asked. On an issuer whose credentials Secret is gone or
	// refused, it tells whether the last-good copy still works.
	ConditionVendorReachable = "VendorReachable"
	// ConditionRevocationPending on a GatewayToken: a token that is no longer
	// current is still active at the vendor, on purpose or because the vendor does
	// not answer.
	ConditionRevocationPending = "RevocationPending"
	// ConditionRotating on a GatewayToken: its token is to be replaced, and that
	// waits for something. False where a request for it cannot be understood.
	// Absent where nothing is due.
	ConditionRotating = "Rotating"
	// ConditionConsumersReady on a GatewayToken with spec.consumers: no pod holds the
	// value of a token that was replaced. False tells what is done about those that
	// do, and what a person may have to do. Absent without spec.consumers, while the
	// Secret holds no usable token, and after the first publication until it can be
	// told which pods had started before it.
	ConditionConsumersReady = "ConsumersReady"
	// ConditionInUse on an issuer: GatewayTokens still need it, so that it stays
	// when it is deleted.
	ConditionInUse = "InUse"
	// ConditionOrphaned on an issuer: tokens that this installation issued have been
	// active for a day, and nothing in the cluster accounts for them. It also tells
	// what became of a person's word about them. Absent where there is nothing to say.
	ConditionOrphaned = "Orphaned"
	// ConditionIdentityConflict on an issuer: the vendor lists tokens with this
	// installation's marker that another operator made: one with the same cluster ID and
	// instance, or a copy of the cluster. Nothing is revoked that might be its own. Absent
	// where nothing is known of such tokens, and once a person has acknowledged them.
	ConditionIdentityConflict = "IdentityConflict"
	// ConditionMassDisappearance on an issuer: many of its tokens in use are gone at
	// once, and not by the operator. None is replaced. Absent where that is not so, once
	// they are there again, and once a person has acknowledged it.
	ConditionMassDisappearance = "MassDisappearance"
)

// Reasons of a GatewayToken's conditions. Each comment says which condition the
// reason belongs to, what it means, and what to do.
const (
	// ReasonPublished (Ready True): the Secret holds the current token.
	// What to do: nothing.
	ReasonPublished = "Published"
	// ReasonProgressing (Ready False, Reconciling True): work on this generation
	// has begun and nothing is known to be wrong.
	// What to do: wait.
	ReasonProgressing = "Progressing"
	// ReasonIssuing (Ready False, Reconciling True): a token is being asked for at
	// the vendor or written to the Secret.
	// What to do: wait.
	ReasonIssuing = "Issuing"
	// ReasonSuspended (Ready False, Stalled True): spec.suspend is set and the
	// Secret holds no usable token. A usable one stays Ready.
	// What to do: unset spec.suspend when work shall go on.
	ReasonSuspended = "Suspended"
	// ReasonIssuerNotFound (Ready False, Stalled True once it has worked): the
	// issuer that spec.issuerRef names does not exist.
	// What to do: create it; work goes on by itself. Check kind (TokenIssuer when
	// left out) and, for a TokenIssuer, that it is in the same namespace.
	ReasonIssuerNotFound = "IssuerNotFound"
	// ReasonIssuerOutOfReach (Ready False, Stalled True; VendorReachable False;
	// RevocationPending True): spec.issuerRef names a ClusterTokenIssuer, and the
	// operator was started with --watch-namespaces, so that it reads none. A Secret
	// that was published before stays. An object that may have a token stays in
	// deletion.
	// What to do: use a TokenIssuer of the same namespace, in a new GatewayToken. To
	// have a token revoked that a ClusterTokenIssuer issued, run the operator for
	// the whole cluster until it is done.
	ReasonIssuerOutOfReach = "IssuerOutOfReach"
	// ReasonIssuerNotReady (Ready False): the issuer is being prepared for its first
	// token, or released after its last. Where an issuer is in trouble, its
	// GatewayTokens show its own reason instead.
	// What to do: wait a moment; if it lasts, read the conditions of the issuer.
	ReasonIssuerNotReady = "IssuerNotReady"
	// ReasonIssuerTerminating (Ready False, Stalled True): the issuer is being
	// deleted and issues nothing new; it stays only to revoke.
	// What to do: create another issuer and a GatewayToken that names it.
	ReasonIssuerTerminating = "IssuerTerminating"
	// ReasonNotGranted (Ready False, Stalled True; VendorReachable False): the ClusterTokenIssuer does not
	// grant this namespace, or not the role, permissions, scopes, kind of token or
	// gateway that the spec asks for. The vendor was not asked. A Secret published
	// before the grant was taken away stays.
	// What to do: ask whoever owns the issuer to add to spec.grants what the message
	// names.
	ReasonNotGranted = "NotGranted"
	// ReasonSecretConflict (Ready False, Stalled True): a Secret of that name
	// exists and is not this GatewayToken's. It is not touched, and no token was
	// issued.
	// What to do: choose another spec.secret.name in a new GatewayToken, remove the
	// Secret, or set spec.secret.adopt to IfUnowned.
	ReasonSecretConflict = "SecretConflict"
	// ReasonInvalidTemplate (Ready False, Stalled True): a template in
	// spec.secret.data cannot be read or rendered, or its result is too large. No
	// token was issued.
	// What to do: correct the key that the message names.
	ReasonInvalidTemplate = "InvalidTemplate"
	// ReasonRevokedAtVendor (Ready False): somebody revoked the token at the
	// vendor. With onRemoteRevocation Report it stays so (Stalled True), else a new
	// token follows.
	// What to do: with Report, find out who and why; then set onRemoteRevocation to
	// Reissue for a new token, or delete the GatewayToken.
	ReasonRevokedAtVendor = "RevokedAtVendor"
	// ReasonMintBudgetSpent (Ready False, Stalled True): more tokens were issued for
	// this object within an hour or a day than its spec is a cause for. Somebody or
	// something makes them useless; issuing more would not help.
	// What to do: find what revokes the tokens or removes the Secret. Work goes on
	// by itself when the budget allows.
	ReasonMintBudgetSpent = "MintBudgetSpent"
	// ReasonCreateAmbiguous (Ready False, Reconciling True): a create was sent and
	// no answer says whether it happened. What it may have left is looked for in the
	// vendor's list, or reported where there is none, before another is issued.
	// What to do: wait. If it lasts, read VendorReachable.
	ReasonCreateAmbiguous = "CreateAmbiguous"
	// ReasonCreateRefused (Ready False, Stalled True; VendorReachable False where a
	// token is in use): the vendor refused to create the token.
	// What to do: the message gives the class of the refusal; correct the spec or
	// the rights and quota of the account. It is tried again after a change, else
	// rarely.
	ReasonCreateRefused = "CreateRefused"
	// ReasonEmptyTokenValue (Ready False, Stalled True): the vendor created a token
	// and gave no value for it, as Causely does for credentials without the Admin
	// role. The Secret is not written.
	// What to do: give the issuer credentials that may read token values.
	ReasonEmptyTokenValue = "EmptyTokenValue"
	// ReasonValueUnreadable (Ready False, Stalled True): the value of an active
	// token is needed and the vendor does not show it, or what it shows cannot be a
	// token.
	// What to do: check that the issuer's credentials may read values. Where the
	// vendor never shows values, the next token follows by itself.
	ReasonValueUnreadable = "ValueUnreadable"
	// ReasonTokenNotListed (VendorReachable False; Ready False where the Secret was
	// lost, too): the current token is missing from the vendor's list, which alone
	// proves nothing.
	// What to do: wait for further lists. If it lasts, ask the vendor.
	ReasonTokenNotListed = "TokenNotListed"
	// ReasonClockSkew (VendorReachable False): the operator's clock
	// and the API server's are more than five minutes apart; nothing
	// is done because of a time.
	// What to do: correct the clock of the operator's node.
	ReasonClockSkew = "ClockSkew"
	// ReasonWriteFailed (Ready False): the Kubernetes API refused a write of the
	// Secret. The token is kept in memory and only the write is tried again.
	// What to do: read the message: a quota, an admission policy, missing rights of
	// the operator, a terminating namespace.
	ReasonWriteFailed = "WriteFailed"
	// ReasonSecretTerminating (RevocationPending True): the tokens are revoked, and
	// the Secret is deleted but stays for a finalizer that is not the operator's.
	// What to do: have whoever put the finalizer on the Secret remove it.
	ReasonSecretTerminating = "SecretTerminating"
	// ReasonRepairPaced (Ready False): the Secret had to be restored from the
	// vendor several times within minutes. The next time waits, so that the vendor
	// is not called in a loop.
	// What to do: find who deletes or edits the Secret.
	ReasonRepairPaced = "RepairPaced"
	// ReasonIdentityClash (Ready False, Stalled True): another object has the same
	// marker as this one, so that their tokens cannot be told apart.
	// What to do: recreate one of the two under another name.
	ReasonIdentityClash = "IdentityClash"
	// ReasonRetiring (RevocationPending True): a replaced token is still active
	// because its overlap has not passed; status.retiring says since when.
	// What to do: nothing.
	ReasonRetiring = "Retiring"
	// ReasonRevoking (RevocationPending True): a revocation was sent, and the
	// vendor's list has not yet shown it.
	// What to do: wait.
	ReasonRevoking = "Revoking"
	// ReasonWaitingForVendor (RevocationPending True): a revocation was tried and
	// the vendor did not carry it out. Where the issuer is in trouble, its own
	// reason is shown instead.
	// What to do: read the conditions of the issuer. If the vendor is gone for ever,
	// gatewaytoken.io/skip-revocation releases an object that is being deleted.
	ReasonWaitingForVendor = "WaitingForVendor"
	// ReasonVendorMismatch (Ready False, Stalled True): the spec lacks the block of
	// the issuer's vendor (causeloop, rackGateway or pingOne), or has that of
	// another vendor. The vendor was not asked.
	// What to do: neither the issuer nor the block can be changed. Delete the
	// GatewayToken and create it with the block that the message names, or with
	// another issuer.
	ReasonVendorMismatch = "VendorMismatch"
	// ReasonWaitingForConsumers (RevocationPending True; ConsumersReady False where
	// nothing is to be restarted): pods hold the value of a token that was replaced.
	// It stays active until they are gone.
	// What to do: restart what the message names, or finish its rollout. A pod that
	// nobody needs can be deleted.
	ReasonWaitingForConsumers = "WaitingForConsumers"
	// ReasonConsumersUnknown (RevocationPending True, ConsumersReady False): the
	// operator may not list the pods of the namespace, so that nobody knows whether
	// one holds the value of a token that was replaced. It stays active.
	// What to do: give the operator the right to list pods.
	ReasonConsumersUnknown = "ConsumersUnknown"
	// ReasonConsumersCurrent (ConsumersReady True): no pod holds the value of a token
	// that was replaced.
	// What to do: nothing.
	ReasonConsumersCurrent = "ConsumersCurrent"
	// ReasonFilesReloaded (ConsumersReady True): the same where spec.consumers.action
	// is ReloadsFile. Pods that have the Secret in a volume alone count as served three
	// minutes after a publication.
	// What to do: nothing, if their programs do read files again.
	ReasonFilesReloaded = "FilesReloaded"
	// ReasonRestarting (ConsumersReady False): workloads are restarted, or were and
	// roll out; the message names those that take more than that.
	// What to do: wait. If it lasts, look at the rollouts that RevocationPending
	// names; resume what is paused, and delete the pods of what waits for that.
	ReasonRestarting = "Restarting"
	// ReasonRestartForbidden (ConsumersReady False): the operator may not list or
	// restart workloads, or something refuses the restart. The replaced token stays
	// active until their pods are gone.
	// What to do: give the operator the rights (restartConsumers.enabled in the
	// chart), or restart what the message names yourself.
	ReasonRestartForbidden = "RestartForbidden"
	// ReasonInvalidWindow (Ready False, Stalled True): spec.rotation.window cannot be
	// read, never opens, or opens too rarely for spec.rotation.interval. A Secret in
	// use stays as it is, and nothing is issued or replaced.
	// What to do: correct what the message names.
	ReasonInvalidWindow = "InvalidWindow"
	// ReasonInvalidRotateRequest (Rotating False): an annotation that asks for a
	// rotation or revocation cannot be understood. Nothing was done.
	// What to do: set both, if both are meant, to the same time, as in
	// 2026-03-01T12:00:00Z.
	ReasonInvalidRotateRequest = "InvalidRotateRequest"
	// ReasonRotationDue (Rotating True): the token is to be replaced now, and what
	// keeps that from happening is told by VendorReachable or by status.failure.
	// What to do: see there.
	ReasonRotationDue = "RotationDue"
	// ReasonWaitingForWindow (Rotating True): the token is to be replaced once the
	// maintenance window opens.
	// What to do: nothing; to have it now, request it by annotation.
	ReasonWaitingForWindow = "WaitingForWindow"
	// ReasonWaitingForRetirement (Rotating True): the token is to be replaced once
	// its predecessor is revoked: at most one replaced token may be in use at a time.
	// What to do: see RevocationPending for what that waits for.
	ReasonWaitingForRetirement = "WaitingForRetirement"
	// ReasonWaitingForSlot (Rotating True): the token is to be replaced, and the
	// vendor has no room for its successor beside it: five credentials are the most that
	// a gateway of PingOne has. It goes on working.
	// What to do: delete one at the vendor that nobody uses, or set
	// spec.rotation.strategy to RevokeFirst, which cuts consumers off for a moment.
	ReasonWaitingForSlot = "WaitingForSlot"
	// ReasonInPlace (Rotating True): the token is given another value in place, as
	// spec.rotation.strategy asks for. Whatever holds the value before it is cut off until
	// it has the new one. Where the vendor's answer was lost, another token is issued.
	// What to do: restart what holds the old value. Read VendorReachable if it lasts.
	ReasonInPlace = "InPlace"
	// ReasonRevokeFirst (Rotating True): the token is revoked before its successor is
	// made, for want of room, as spec.rotation.strategy asks for. Whatever holds its value
	// is cut off until it has the new one.
	// What to do: restart what holds the old value. Read VendorReachable if it lasts.
	ReasonRevokeFirst = "RevokeFirst"
	// ReasonRollRefused (VendorReachable False): the vendor refuses to give the
	// token another value. It keeps the one it has, and works.
	// What to do: the message gives the class of the refusal; correct the rights of the
	// issuer's credentials, or set spec.rotation.strategy to Overlap.
	ReasonRollRefused = "RollRefused"
	// ReasonRollAmbiguous (Ready False): the vendor was asked to give the token
	// another value, and no answer says whether it has. It is not asked again: the next
	// token is issued and published.
	// What to do: restart what holds the old value. If it lasts, read VendorReachable.
	ReasonRollAmbiguous = "RollAmbiguous"
	// ReasonStrategyUnsupported (Ready False, Stalled True): spec.rotation.strategy
	// is InPlace, and the issuer's vendor gives no token of this kind another value. The
	// vendor was not asked. A Secret in use stays as it is, and nothing is replaced.
	// What to do: set spec.rotation.strategy to Overlap.
	ReasonStrategyUnsupported = "StrategyUnsupported"
	// ReasonWaitingForTurn (Rotating True): many tokens of the issuer or of the
	// namespace have reached their age, and they are replaced one after the other.
	// What to do: nothing; to have it now, request it by annotation.
	ReasonWaitingForTurn = "WaitingForTurn"
	// ReasonInvalidScope (Ready False, Stalled True; VendorReachable False where a
	// token is in use): the vendor does not know a scope or permission that the spec
	// asks for, or does not let the issuer's credentials give it away. No token was
	// issued, and one that is in use keeps what it may do.
	// What to do: correct the scopes or permissions that the message names, or give
	// the issuer credentials that have them.
	ReasonInvalidScope = "InvalidScope"
	// ReasonInvalidRole (Ready False, Stalled True; VendorReachable False where a
	// token is in use): the vendor does not know the role that the spec asks for. No
	// token was issued, and one that is in use keeps what it may do.
	// What to do: ask for another role, or for the permissions themselves; look
	// whether the vendor's version knows the role.
	ReasonInvalidRole = "InvalidRole"
	// ReasonChangeRefused (VendorReachable False, Stalled True): the vendor refuses
	// to give the token the rights that the spec asks for now. The token keeps those
	// it has, and its value.
	// What to do: correct the role or permissions, or give the issuer credentials
	// that may grant them.
	ReasonChangeRefused = "ChangeRefused"
	// ReasonGatewayNotFound (Ready False, Stalled True): the vendor does not know
	// the gateway, or does not show it to the issuer's credentials. A gateway that
	// is deleted takes its credentials with it.
	// What to do: check spec.pingOne.gatewayID, and that the gateway is in that
	// environment. For another gateway, create another GatewayToken.
	ReasonGatewayNotFound = "GatewayNotFound"
	// ReasonEnvironmentNotFound (Ready False, Stalled True): the vendor does not
	// know the environment, or does not show it to the issuer's credentials.
	// What to do: check environmentID of the GatewayToken and of the issuer, the
	// issuer's region, and the roles of its worker application in that environment.
	ReasonEnvironmentNotFound = "EnvironmentNotFound"
	// ReasonServiceAccountNotFound (Ready False, Stalled True): the vendor does not
	// know the existing service account. A service account that is deleted takes its
	// tokens with it.
	// What to do: check spec.causeloop.serviceAccount.id. For another account,
	// create another GatewayToken.
	ReasonServiceAccountNotFound = "ServiceAccountNotFound"
	// ReasonQuotaExceeded (Ready False, Stalled True): the vendor issues no further
	// token: five credentials are the most that a gateway of PingOne has. None is
	// revoked to make room, but this GatewayToken's own with spec.rotation.strategy
	// RevokeFirst.
	// What to do: delete one at the vendor that nobody uses. Work goes on by itself.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonNameTaken (Ready False, Stalled True): the vendor has a token, or a
	// service account, of the name that the new one would have, and it is not of
	// this GatewayToken. It is left alone.
	// What to do: find out at the vendor whose it is. Rename or delete it, or set
	// another spec.tokenName.
	ReasonNameTaken = "NameTaken"
	// ReasonPossibleOrphans (Ready False, Stalled True): creates whose answers were
	// lost may have left tokens that cannot be told from those of others. Nothing is
	// issued until a person has looked.
	// What to do: look at status.possibleOrphans of the issuer, delete at the vendor
	// what nobody uses, and acknowledge what stays or what nothing lists.
	ReasonPossibleOrphans = "PossibleOrphans"
	// ReasonExpiring (Ready True): the token expires soon, and its successor could
	// not be issued yet.
	// What to do: read VendorReachable and status.failure: what keeps the successor
	// from being issued must end before status.current.expiresAt.
	ReasonExpiring = "Expiring"
	// ReasonExpired (Ready False, Stalled True): the token has expired at the
	// vendor, and its successor could not be issued.
	// What to do: read VendorReachable and status.failure. Work goes on by itself
	// once the vendor can be used.
	ReasonExpired = "Expired"
	// ReasonDeleting (Ready False): the object is being deleted; its tokens are
	// revoked first.
	// What to do: wait. RevocationPending says what it waits for.
	ReasonDeleting = "Deleting"
)

// Reasons that GatewayTokens and issuers share.
const (
	// ReasonVendorAnswered (VendorReachable True): the vendor answered when it was
	// last asked.
	// What to do: nothing.
	ReasonVendorAnswered = "VendorAnswered"
	// ReasonAccountChanged (issuer: Ready False, Stalled True; GatewayToken: Ready
	// keeps its status): the credentials lead to another account than at first use.
	// Nothing is created or revoked and no Secret is touched.
	// What to do: restore the credentials of the account in status.account. For
	// another account, create another issuer.
	ReasonAccountChanged = "AccountChanged"
	// ReasonClusterCloned (issuer: Ready and VendorReachable False, Stalled True;
	// GatewayToken: VendorReachable False, Ready keeps its status): the control
	// plane is another one than the operator knew under this identity: the cluster
	// was copied or restored elsewhere. Nothing is issued, changed or revoked, and
	// the vendor is not asked.
	// What to do: say whether this cluster takes the place of the earlier one, by
	// the annotation that the message gives.
	ReasonClusterCloned = "ClusterCloned"
	// ReasonIdentityConflict (GatewayToken: RevocationPending True): another operator
	// makes tokens with the same marker, so that those which no ledger names may be its
	// own. They are left alone, and a GatewayToken that is deleted stays.
	// What to do: read the condition IdentityConflict of the issuer.
	ReasonIdentityConflict = "IdentityConflict"
	// ReasonMassDisappearance (GatewayToken: VendorReachable False; Ready False,
	// Stalled True where the token is revoked; RevocationPending True where it is
	// deleted): many tokens of the issuer are gone at once. None is replaced, and
	// where the list just does not show them, nothing is released.
	// What to do: read the condition MassDisappearance of the issuer.
	ReasonMassDisappearance = "MassDisappearance"
	// ReasonNameAltered (Ready False, Stalled True): the vendor stored a token under
	// another name than asked for, so that it could not be recognised. That token
	// was revoked by its ID and the issuer issues nothing more.
	// What to do: report it with the vendor's name; try a shorter and plainer
	// spec.tokenName.
	ReasonNameAltered = "NameAltered"
)

// Reasons of an issuer's conditions.
const (
	// ReasonTokensOfAnother (IdentityConflict True, Stalled True): the tokens in
	// status.identityConflict have this installation's marker, and neither this
	// operator nor one that led before it can have made them.
	// What to do: find the other operator and give it another --cluster-id or
	// --instance, or stop it; then acknowledge as the message says.
	ReasonTokensOfAnother = "TokensOfAnother"
	// ReasonTokensMissing (MassDisappearance True, Stalled True): the vendor's list
	// does not show at least three tokens in use, and a fifth of all, that the list
	// before it showed; or shows them as revoked, and not by this operator.
	// What to do: find out at the vendor what happened. If they come back, nothing
	// is to be done; if they are to be replaced, acknowledge as the message says.
	ReasonTokensMissing = "TokensMissing"
	// ReasonCredentialsAccepted (Ready True): the vendor accepts the credentials and
	// its list was read.
	// What to do: nothing.
	ReasonCredentialsAccepted = "CredentialsAccepted"
	// ReasonCredentialsNotFound (Ready False, Stalled True once it has worked): the
	// credentials Secret does not exist.
	// What to do: create it: in the namespace of a TokenIssuer, in the operator's
	// cluster resource namespace for a ClusterTokenIssuer.
	ReasonCredentialsNotFound = "CredentialsNotFound"
	// ReasonCredentialsKeyMissing (Ready False, Stalled True): the credentials
	// Secret lacks a key or the key is empty.
	// What to do: add the key that the message names, or name another in
	// credentialsSecretRef.
	ReasonCredentialsKeyMissing = "CredentialsKeyMissing"
	// ReasonCredentialsRejected (Ready False, Stalled True): the vendor answered
	// 401: it does not know the credentials, or they were withdrawn.
	// What to do: put valid credentials into the Secret; they are noticed at once.
	ReasonCredentialsRejected = "CredentialsRejected"
	// ReasonPermissionDenied (Ready False, Stalled True): the vendor answered 403:
	// it knows the credentials and does not allow this.
	// What to do: give them the role that may manage gateway tokens (Admin at
	// Causely).
	ReasonPermissionDenied = "PermissionDenied"
	// ReasonInsecureURL (Ready False, Stalled True): a URL is http, and the operator
	// is not started with the flag that allows it. Nothing was sent.
	// What to do: use https.
	ReasonInsecureURL = "InsecureURL"
	// ReasonInvalidURL (Ready False, Stalled True): a URL cannot be understood, has
	// no host, or has parts it must not have (user, query, fragment). Nothing was
	// sent.
	// What to do: correct the URL that the message names.
	ReasonInvalidURL = "InvalidURL"
	// ReasonAddressRefused (Ready False, Stalled True): the host leads to an address
	// that the operator does not connect to: loopback, link-local and metadata
	// addresses, and private ones for a TokenIssuer. Nothing was sent.
	// What to do: correct the URL, or have the operator started with --allow-cidrs
	// for that network.
	ReasonAddressRefused = "AddressRefused"
	// ReasonCABundleNotFound (Ready False, Stalled True once it has worked): the
	// ConfigMap of spec.caBundle or its key does not exist.
	// What to do: create it beside the credentials Secret.
	ReasonCABundleNotFound = "CABundleNotFound"
	// ReasonCABundleInvalid (Ready False, Stalled True): the CA bundle holds no
	// certificate in PEM, or something that cannot be read.
	// What to do: correct the ConfigMap's key.
	ReasonCABundleInvalid = "CABundleInvalid"
	// ReasonCertificateNotTrusted (Ready False, Stalled True): the server's
	// certificate is not signed by a known authority, is expired, or is for another
	// host.
	// What to do: check the URL; for an authority of your own, set spec.caBundle.
	ReasonCertificateNotTrusted = "CertificateNotTrusted"
	// ReasonVendorUnreachable (VendorReachable False; Ready False until a first
	// success): no connection, or no answer in time.
	// What to do: check URL, DNS, proxy and network policies. It is tried again by
	// itself.
	ReasonVendorUnreachable = "VendorUnreachable"
	// ReasonVendorUnavailable (VendorReachable False; Ready False until a first
	// success): the vendor answered with a server error (5xx).
	// What to do: wait; look at the vendor's status page. It is tried again by
	// itself.
	ReasonVendorUnavailable = "VendorUnavailable"
	// ReasonRateLimited (VendorReachable False; Ready False until a first success):
	// the vendor answered 429.
	// What to do: wait. If it comes again, lower spec.requestsPerSecond or raise
	// spec.inventoryInterval.
	ReasonRateLimited = "RateLimited"
	// ReasonUnexpectedAnswer (VendorReachable False; Ready False until a first
	// success): the answer is not what the vendor's document says: HTML, malformed
	// JSON, a redirect, a missing field.
	// What to do: check that the URL is the API's, and that no proxy answers in its
	// place.
	ReasonUnexpectedAnswer = "UnexpectedAnswer"
	// ReasonAnswerTooLarge (VendorReachable False; Ready False until a first
	// success): an answer, or one row of it, is larger than the operator reads.
	// What to do: check that the URL is the API's; ask the vendor.
	ReasonAnswerTooLarge = "AnswerTooLarge"
	// ReasonUsingLastGoodCredentials (issuer: VendorReachable True): the credentials
	// Secret is gone or refused (Ready says which), and the copy of the last
	// accepted ones is used to list and to revoke, for nothing else.
	// What to do: restore the Secret, or let the deletion finish.
	ReasonUsingLastGoodCredentials = "UsingLastGoodCredentials"
	// ReasonTokensRemain (InUse True): GatewayTokens need this issuer; when it is
	// deleted it stays until they are gone.
	// What to do: before deleting the issuer, delete the GatewayTokens that name it.
	ReasonTokensRemain = "TokensRemain"
	// ReasonNotInUse (InUse False): no GatewayToken needs this issuer.
	// What to do: nothing; it can be deleted.
	ReasonNotInUse = "NotInUse"
	// ReasonOrphansObserved (Orphaned True): tokens carry this installation's marker,
	// and no GatewayToken and no retained Secret accounts for them. They were
	// watched for a day (--orphan-rest), and are not revoked by themselves.
	// What to do: find out whether anybody uses them; status.orphans names them. To
	// have them revoked, set the annotation gatewaytoken.io/revoke-orphans to their IDs.
	ReasonOrphansObserved = "OrphansObserved"
	// ReasonRevokingOrphans (Orphaned True): orphans are being revoked because a
	// person said so; lists still show them, or have not been read since.
	// What to do: wait. If it lasts, read VendorReachable.
	ReasonRevokingOrphans = "RevokingOrphans"
	// ReasonOrphanRevocationRefused (Orphaned True or False): the annotation
	// gatewaytoken.io/revoke-orphans names something that is not revoked for it. The
	// message says what and why.
	// What to do: correct the annotation. The same word counts anew once it was removed.
	ReasonOrphanRevocationRefused = "OrphanRevocationRefused"
	// ReasonOrphansRevoked (Orphaned False): what the annotation names is seen to be
	// revoked.
	// What to do: remove the annotation.
	ReasonOrphansRevoked = "OrphansRevoked"
)
