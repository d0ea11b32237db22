-- Changes state without a question: units given back, a key forgotten or refused for a while.
-- decide.lua says what the state of a key is.
local LOG, SLIDING, TOKEN, LEAKY, PLACES = 2, 3, 4, 5, 7
local RESET, PENALIZE = 2, 3
local call, max, min = redis.call, math.max, math.min
local pack, unpack = struct.pack, struct.unpack

local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Takes the latest units of a log. Were it the oldest, each finished call would renew the lease of
-- a lost one.
local function pop(list, units)
  local left = units
  while left > 0 do
    local entry = call('LINDEX', list, -1)
    if not entry then break end
    local time, had = unpack('<dd', entry)
    if had > left then
      call('LSET', list, -1, pack('<dd', time, had - left))
      return units
    end
    call('RPOP', list)
    left = left - had
  end
  return units - left
end

-- Takes units from entries made at `at` or before; others may have come since.
local function thin(list, at, units)
  local left, index = units, -1
  while left > 0 do
    local entry = call('LINDEX', list, index)
    if not entry then break end
    local time, had = unpack('<dd', entry)
    if time <= at and had > 0 then
      local got = min(had, left)
      call('LSET', list, index, pack('<dd', time, had - got))
      left = left - got
    end
    index = index - 1
  end
  return units - left
end

-- `at` is when the units were taken, 0 for unknown. What has come back by itself since then, and
-- what a window took with it, is not given back twice.
local function give_back(key, alg, units, at, limit, window)
  local raw = call('GET', key)
  if not raw then return end
  local time, used, older, til = unpack('<dddd', raw)
  if alg == TOKEN or alg == LEAKY then
    used = max(0, used - max(0, now - time) * limit / window)
    if at > 0 then units = units - max(0, now - at) * limit / window end
    used, time = max(0, used - max(0, units)), max(time, now)
  elseif alg == LOG and at > 0 then
    used = used - thin(key .. ':log', at, units)
  elseif alg == LOG or alg == PLACES then
    used = used - pop(key .. ':log', units)
    local last = call('LINDEX', key .. ':log', -1)
    if last then time = unpack('<dd', last) end
  elseif at == 0 then
    local current = min(used, units)
    used, older = used - current, max(0, older - (units - current))
  elseif at >= time then
    used = max(0, used - units)
  elseif alg == SLIDING and at >= time - window then
    older = max(0, older - units)
  end
  call('SET', key, pack('<dddd', time, used, older, til), 'KEEPTTL')
end

local function penalize(key, ms)
  local raw = call('GET', key)
  local time, used, older = 0, 0, 0
  if raw then time, used, older = unpack('<dddd', raw) end
  local ttl = max(call('PTTL', key), ms, 1)
  call('SET', key, pack('<dddd', time, used, older, now + ms), 'PX', ttl)
end

local numbers, arg = cjson.decode(ARGV[1]), 1
for k = 1, #KEYS do
  local op, alg, units = numbers[arg], numbers[arg + 1], numbers[arg + 2]
  if op == RESET then
    call('DEL', KEYS[k], KEYS[k] .. ':log')
  elseif op == PENALIZE then
    penalize(KEYS[k], units)
  else
    give_back(KEYS[k], alg, units, numbers[arg + 3], numbers[arg + 4], numbers[arg + 5])
  end
  arg = arg + 6
end
return {now}
