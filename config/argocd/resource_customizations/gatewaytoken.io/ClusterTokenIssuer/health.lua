-- Copied from config/argocd/health.lua by `go run ./config/argocd/gen`; edit it there.
-- Health of GatewayTokens, TokenIssuers and ClusterTokenIssuers, for Argo CD. Each status is said in docs/argocd.md.
-- Degraded aborts a sync with waves: it is said only of what was tried, and what a person alone can mend. The operator says so by Stalled.

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

-- What is not Ready for this generation: either nothing usable is there, or what is there is not yet what the spec asks for.
if not ready then
  return health("Progressing", message("Ready"))
end
if is("Reconciling", "True") then
  return health("Progressing", message("Reconciling"))
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
