-- Asks for another token, once. What is replaced waits for its consumers and its overlap.
local os = require("os")

if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["gatewaytoken.io/rotate-requested-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
-- One that is left from an earlier leak has another time, and both would not be understood.
obj.metadata.annotations["gatewaytoken.io/revoke-requested-at"] = nil

return obj
