-- The token leaked: asks for another one, and has what is replaced revoked as soon as that is published. Consumers are refused until they
-- have the new value.
local os = require("os")

if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
local now = os.date("!%Y-%m-%dT%H:%M:%SZ")
obj.metadata.annotations["gatewaytoken.io/rotate-requested-at"] = now
obj.metadata.annotations["gatewaytoken.io/revoke-requested-at"] = now

return obj
