-- Which actions a person may choose for a GatewayToken now.

local function map(value)
  if type(value) == "table" then
    return value
  end
  return {}
end

local metadata, spec, status = map(obj.metadata), map(obj.spec), map(obj.status)
local annotations = map(metadata.annotations)

local deleting = metadata.deletionTimestamp ~= nil
local suspended = spec.suspend == true

-- Without a token there is nothing to replace.
local replaceable = status.current ~= nil and not deleting and not suspended

-- A request is open until it was answered. One that nobody can understand is not answered, and may be overwritten.
local asked = annotations["gatewaytoken.io/rotate-requested-at"]
local understood = true
for _, condition in ipairs(map(status.conditions)) do
  if type(condition) == "table" and condition.type == "Rotating" and condition.status == "False" then
    understood = false
  end
end
local open = asked ~= nil and asked ~= status.handledRotateRequest and understood
local revoking = open and annotations["gatewaytoken.io/revoke-requested-at"] == asked

return {
  ["rotate"] = {
    ["disabled"] = not replaceable or open,
    ["displayName"] = "Rotate",
    ["iconClass"] = "fa fa-fw fa-redo",
  },
  ["revoke-now"] = {
    ["disabled"] = not replaceable or revoking,
    ["displayName"] = "It leaked: rotate, and revoke at once",
    ["iconClass"] = "fa fa-fw fa-bolt",
  },
  ["suspend"] = {
    ["disabled"] = deleting or suspended,
    ["displayName"] = "Suspend",
    ["iconClass"] = "fa fa-fw fa-pause-circle",
  },
  ["resume"] = {
    ["disabled"] = deleting or not suspended,
    ["displayName"] = "Resume",
    ["iconClass"] = "fa fa-fw fa-play-circle",
  },
}
