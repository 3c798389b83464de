-- Health of an AppSecret for Argo CD. Without a script, Argo CD counts every AppSecret as healthy.
--
--   Progressing  the operator has not evaluated this generation yet, or waits for something that can resolve without you
--   Degraded     you need to act: the message says what to do
--   Suspended    spec.suspend
--   Healthy      the Secret holds this generation, or there is none to publish (authentication.enabled: false)
--                (published without being verified: the message says so, and what kept the live check from an answer)
local hs = { status = "Progressing", message = "The operator has not evaluated this version yet." }

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
    if ready.reason == "PublishedUnverified" then
      hs.message = "Not verified: " .. ready.message
    end
  end
end
return hs
