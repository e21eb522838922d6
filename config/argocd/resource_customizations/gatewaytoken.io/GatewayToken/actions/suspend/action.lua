-- Stops making, replacing, repairing, restarting and revoking. The token in the Secret stays.
obj.spec.suspend = true

return obj
