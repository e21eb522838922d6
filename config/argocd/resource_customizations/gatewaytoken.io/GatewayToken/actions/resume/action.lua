-- Lets work go on. The field goes, as where it was never set.
obj.spec.suspend = nil

return obj
