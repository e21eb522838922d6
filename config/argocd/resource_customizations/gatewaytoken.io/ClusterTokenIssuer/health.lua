-- Copied from config/argocd/health.lua by `go run ./config/argocd/gen`; edit it there.
-- Health of GatewayTokens, TokenIssuers and ClusterTokenIssuers, for Argo CD. Each status is said in docs/argocd.md.
-- Degraded aborts a sync with waves: it is said only of what was tried, and what a person alone can mend.

-- Who mends what keeps an object from being Ready: a person; time; or whatever else is on its way into the cluster, which is a person's
-- business once it was there. A reason that is not known here is one that mends itself.
local mends = {
  AccountChanged = "person",
  AddressRefused = "person",
  AnswerTooLarge = "time",
  CABundleInvalid = "person",
  CABundleNotFound = "arrival",
  CertificateNotTrusted = "person",
  ChangeRefused = "person",
  ClusterCloned = "person",
  CreateAmbiguous = "time",
  CreateRefused = "person",
  CredentialsKeyMissing = "person",
  CredentialsNotFound = "arrival",
  CredentialsRejected = "person",
  Deleting = "time",
  EmptyTokenValue = "person",
  EnvironmentNotFound = "person",
  Expired = "person",
  GatewayNotFound = "person",
  IdentityClash = "person",
  InsecureURL = "person",
  InvalidRole = "person",
  InvalidScope = "person",
  InvalidTemplate = "person",
  InvalidURL = "person",
  InvalidWindow = "person",
  IssuerNotFound = "arrival",
  IssuerNotReady = "time",
  IssuerOutOfReach = "person",
  IssuerTerminating = "person",
  Issuing = "time",
  MassDisappearance = "person",
  MintBudgetSpent = "person",
  NameAltered = "person",
  NameTaken = "person",
  NotGranted = "person",
  PermissionDenied = "person",
  PossibleOrphans = "person",
  Progressing = "time",
  QuotaExceeded = "person",
  RateLimited = "time",
  RepairPaced = "time",
  RevokedAtVendor = "time",
  RollAmbiguous = "time",
  SecretConflict = "person",
  ServiceAccountNotFound = "person",
  StrategyUnsupported = "person",
  Suspended = "person",
  UnexpectedAnswer = "time",
  ValueUnreadable = "person",
  VendorMismatch = "person",
  VendorUnavailable = "time",
  VendorUnreachable = "time",
  WriteFailed = "time",
}

-- Nothing is taken for granted: a script that fails makes the health of an object unknown, which aborts a sync, too.
local function map(value)
  if type(value) == "table" then
    return value
  end
  return {}
end

local metadata, spec, status = map(obj.metadata), map(obj.spec), map(obj.status)

local conditions = {}
for _, condition in ipairs(map(status.conditions)) do
  if type(condition) == "table" and type(condition.type) == "string" then
    conditions[condition.type] = condition
  end
end

local function is(name, wanted)
  return conditions[name] ~= nil and conditions[name].status == wanted
end

local function message(name)
  local condition = map(conditions[name])
  if type(condition.message) == "string" and condition.message ~= "" then
    return condition.message
  end
  if type(condition.reason) == "string" then
    return condition.reason
  end
  return name
end

local function health(what, why)
  return {status = what, message = why}
end

-- Argo CD itself says so of what is being deleted, and does not ask. Whoever runs the script alone gets the same answer.
if metadata.deletionTimestamp ~= nil then
  if is("RevocationPending", "True") then
    return health("Progressing", message("RevocationPending"))
  end
  return health("Progressing", "It is being deleted.")
end

if conditions.Ready == nil or status.observedGeneration ~= metadata.generation then
  return health("Progressing", "Waiting for the operator to look at it.")
end

local ready = is("Ready", "True")

if spec.suspend == true and not ready then
  return health("Suspended", message("Ready"))
end

if is("Stalled", "True") then
  return health("Degraded", message("Stalled"))
end

-- These two are on issuers, which stay Ready meanwhile: tokens are not revoked, or not replaced, until a person has acknowledged it.
for _, name in ipairs({"MassDisappearance", "IdentityConflict"}) do
  if is(name, "True") then
    return health("Degraded", message(name))
  end
end

-- What is not Ready for this generation: either nothing usable is there, or what is there is not yet what the spec asks for.
local troubled
if not ready then
  troubled = "Ready"
elseif is("Reconciling", "True") then
  troubled = "Reconciling"
end

if troubled ~= nil then
  local mender = mends[conditions[troubled].reason]
  -- It has worked before: what it needs is not on its way any more.
  local worked = status.current ~= nil or status.account ~= nil
    or map(conditions.VendorReachable).reason == "UsingLastGoodCredentials"
  if mender == "person" or (mender == "arrival" and worked) then
    return health("Degraded", message(troubled))
  end
  return health("Progressing", message(troubled))
end

-- It works. What else goes on is said with it.
if spec.suspend == true then
  return health("Healthy", "Suspended. " .. message("Ready"))
end
for _, other in ipairs({{"VendorReachable", "False"}, {"ConsumersReady", "False"}, {"RevocationPending", "True"}, {"Rotating", "True"},
  {"Rotating", "False"}, {"Orphaned", "True"}}) do
  if is(other[1], other[2]) then
    return health("Healthy", message("Ready") .. " " .. message(other[1]))
  end
end
return health("Healthy", message("Ready"))
