-- What all processes together have let through of each key, in the slot of time now and in the one
-- before. State of a key: number of the slot, units in it, units in the one before.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local numbers, reply = cjson.decode(ARGV[1]), {}
for k = 1, #KEYS do
  local length, units = numbers[2 * k - 1], numbers[2 * k]
  local slot = math.floor(now / length)
  local at, current, previous = slot, 0, 0
  local raw = redis.call('GET', KEYS[k])
  if raw then at, current, previous = struct.unpack('<ddd', raw) end
  if at == slot - 1 then
    current, previous = 0, current
  elseif at < slot then
    current, previous = 0, 0
  else
    slot = at
  end
  current = current + units
  redis.call('SET', KEYS[k], struct.pack('<ddd', slot, current, previous), 'PX', 2 * length)
  reply[3 * k - 2], reply[3 * k - 1], reply[3 * k] = slot, current, previous
end
return reply
