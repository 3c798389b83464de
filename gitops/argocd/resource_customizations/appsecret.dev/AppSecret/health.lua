-- Health of an AppSecret for Argo CD. A kind without a script counts as healthy whatever its status says.
--
--   Progressing  nobody has looked at this generation yet, or what is missing may come by itself
--   Degraded     only a person can help: the message says how
--   Suspended    spec.suspend
--   Healthy      the Secret holds what this generation asks; or nothing is to be published (authentication.enabled: false)
local hs = { status = "Progressing", message = "The operator has not looked at this version yet." }

local status = obj.status
if status == nil or status.conditions == nil then
  return hs
end
if obj.metadata.generation ~= nil and status.observedGeneration ~= obj.metadata.generation then
  return hs
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready
if ready == nil then
  return hs
end
hs.message = ready.message

if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  hs.status = "Degraded"
  hs.message = conditions.Stalled.message or ready.message
elseif ready.status == "True" then
  if ready.reason == "Suspended" then
    hs.status = "Suspended"
  else
    hs.status = "Healthy"
  end
end
return hs
