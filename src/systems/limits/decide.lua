-- Decides many questions in one step; redis.ts says how they are asked and answered.
--
-- State of a key is one string of four doubles: a time, units, older units, refused until. Doubles
-- keep milliseconds and fractions of units exactly, and nothing is printed or parsed. Logs (of
-- sliding_log and concurrency) have a list beside it, oldest first, of time and units; the list
-- carries the same hash tag, and both expire together.
--
-- time is: the start of the window (fixed_window, quota, sliding_window), when units were worked
-- out last (token_bucket, leaky_bucket), when the last entry was made (the logs).
local FIXED, LOG, SLIDING, TOKEN, LEAKY, QUOTA, PLACES = 1, 2, 3, 4, 5, 6, 7
local TAKE, PEEK, REPORT, LEASE = 1, 2, 3, 4
local DAY, EPS = 86400000, 1e-6
local call, floor, ceil, max, min = redis.call, math.floor, math.ceil, math.max, math.min
local pack, unpack = struct.pack, struct.unpack

-- Of the calendar month in UTC; days are counted from 0000-03-01, after which leap days come last.
local function month_start(ms)
  local days = floor(ms / DAY) + 719468
  local of_era = days % 146097
  local years = floor(
    (of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * years + floor(years / 4) - floor(years / 100))
  local month = floor((5 * of_year + 2) / 153)
  return (floor(ms / DAY) - (of_year - floor((153 * month + 2) / 5))) * DAY
end

local clock = call('TIME')
local now = clock[1] * 1000 + floor(clock[2] / 1000)
local reply, said = {now}, 1

-- Per charge of the question at hand.
local Key, Alg, Cost, Limit, Window, Burst, Penalty, Patience = {}, {}, {}, {}, {}, {}, {}, {}
local Now, Time, Used, Older, Until = {}, {}, {}, {}, {}
local Free, Wait, Ends, Allowed = {}, {}, {}, {}

-- Until all units are there again, which is also when the state may be forgotten.
local function reset_of(i)
  local alg, used = Alg[i], Used[i]
  if alg == TOKEN or alg == LEAKY then return ceil(used * Window[i] / Limit[i] - EPS) end
  if alg == SLIDING then
    if used > 0 then return Time[i] + 2 * Window[i] - Now[i] end
    return Older[i] > 0 and Time[i] + Window[i] - Now[i] or 0
  end
  if used <= 0 then return 0 end
  if alg == LOG or alg == PLACES then return Time[i] + Window[i] - Now[i] end
  return Ends[i] - Now[i]
end

local function store(i)
  local ttl = max(reset_of(i), Until[i] - Now[i], 1)
  call('SET', Key[i], pack('<dddd', Time[i], Used[i], Older[i], Until[i]), 'PX', ttl)
end

-- How long until `over` units of a log have left it.
local function log_wait(i, over)
  local list, from = Key[i] .. ':log', 0
  while true do
    local entries = call('LRANGE', list, from, from + 63)
    for e = 1, #entries do
      local time, units = unpack('<dd', entries[e])
      over = over - units
      if over <= 0 then return time + Window[i] - Now[i] end
    end
    if #entries < 64 then return Window[i] end
    from = from + 64
  end
end

local function log_add(i, units)
  local list = Key[i] .. ':log'
  local last = call('LINDEX', list, -1)
  local time, had = 0, 0
  if last then time, had = unpack('<dd', last) end
  if last and time == Now[i] then
    call('LSET', list, -1, pack('<dd', time, had + units))
  else
    call('RPUSH', list, pack('<dd', Now[i], units))
  end
  call('PEXPIRE', list, Window[i])
end

-- Brings the state of charge i up to now and works out what is free and how long to wait.
local function read(i)
  local alg, limit, window, at = Alg[i], Limit[i], Window[i], now
  local time, used, older, til = 0, 0, 0, 0
  local raw = call('GET', Key[i])
  if raw then time, used, older, til = unpack('<dddd', raw) end
  -- A clock that was stepped back gives nothing away.
  if time > at then at = time end
  local cost, free, wait = Cost[i], 0, 0
  if alg == TOKEN or alg == LEAKY then
    used = max(0, used - (at - time) * limit / window)
    time = at
    -- How many units may be owed before the cost is added.
    local room = Burst[i] - cost
    free = floor(Burst[i] - used + EPS)
    if alg == LEAKY then
      local patience = Patience[i] * limit / window
      room = min(patience, max(0, room + 1))
      free = floor(min(patience, Burst[i]) - used + EPS) + 1
    end
    if used > room + EPS then wait = max(1, ceil((used - room) * window / limit - EPS)) end
  elseif alg == FIXED or alg == QUOTA then
    local start
    if alg == FIXED then
      start = at - at % window
      Ends[i] = start + window
    else
      start = month_start(at)
      Ends[i] = month_start(start + 31 * DAY)
    end
    if time < start then time, used = start, 0 end
    free = limit - used
    if cost > free then wait = Ends[i] - at end
  elseif alg == SLIDING then
    local start = at - at % window
    if time < start then
      older, used = time >= start - window and used or 0, 0
    end
    time = start
    local left = start + window - at
    free = floor((limit * window - older * left - used * window) / window)
    if cost > free then
      local room = limit - cost - used
      if room >= 0 then
        wait = ceil(left - room * window / older)
      else
        wait = left + max(0, ceil(window - (limit - cost) * window / used))
      end
    end
  else
    local list = Key[i] .. ':log'
    if not raw then
      call('DEL', list)
    elseif used > 0 then
      local first, had = call('LINDEX', list, 0), used
      while first do
        local entered, units = unpack('<dd', first)
        if entered > at - window then break end
        call('LPOP', list)
        used = used - units
        first = call('LINDEX', list, 0)
      end
      if not first then used = 0 end
      if used ~= had then call('SET', Key[i], pack('<dddd', time, used, older, til), 'KEEPTTL') end
    end
    free = limit - used
    Now[i] = at
    if cost > free then wait = log_wait(i, cost - free) end
  end
  if til > at then
    free = 0
    wait = max(wait, til - at)
  end
  Now[i], Time[i], Used[i], Older[i], Until[i] = at, time, used, older, til
  Free[i], Wait[i] = max(0, free), wait
end

local function charge(i, cost)
  local alg = Alg[i]
  if alg == LOG or alg == PLACES then
    log_add(i, cost)
    Time[i] = Now[i]
  end
  Used[i] = Used[i] + cost
  Free[i] = max(0, Free[i] - cost)
  store(i)
end

local function answer(i, allowed, delay)
  reply[said + 1] = allowed and 1 or 0
  reply[said + 2] = Free[i]
  reply[said + 3] = max(reset_of(i), Until[i] - Now[i], 0)
  reply[said + 4] = Wait[i]
  reply[said + 5] = delay
  said = said + 5
end

-- Brings charge i up to now as if those of this question before it were charged already. Returns
-- whether one of them is to the same key, so that this one is to be read anew after it.
local function read_after(i)
  local cost, before = Cost[i], 0
  for other = 1, i - 1 do
    if Key[other] == Key[i] then before = before + Cost[other] end
  end
  Cost[i] = cost + before
  read(i)
  Cost[i] = cost
  return before > 0
end

local numbers, arg, key = cjson.decode(ARGV[1]), 1, 1
while arg <= #numbers do
  local op, count = numbers[arg], numbers[arg + 1]
  arg = arg + 2
  local all, twice = true, false
  for i = 1, count do
    Key[i], Alg[i], Cost[i] = KEYS[key], numbers[arg], numbers[arg + 1]
    Limit[i], Window[i] = numbers[arg + 2], numbers[arg + 3]
    Burst[i], Penalty[i] = numbers[arg + 4], numbers[arg + 5]
    arg, key = arg + 6, key + 1
    if Alg[i] == LEAKY then
      Patience[i] = numbers[arg]
      arg = arg + 1
    end
    twice = read_after(i) or twice
    Allowed[i] = Wait[i] == 0
    all = all and Allowed[i]
  end
  for i = 1, count do
    if twice then read(i) end
    local allowed, delay = Allowed[i], 0
    if allowed and Alg[i] == LEAKY then delay = ceil(Used[i] * Window[i] / Limit[i] - EPS) end
    if op == LEASE then
      -- Asked for now, and what a holder may keep beyond it: a share of what is free.
      local asked, want = numbers[arg], numbers[arg + 1]
      arg = arg + 2
      delay = allowed and min(want, max(min(asked, Free[i]), floor(Free[i] / 32))) or 0
      if allowed then charge(i, delay) end
    elseif op == REPORT then
      charge(i, Cost[i])
      Cost[i] = min(Cost[i], Alg[i] == LEAKY and Limit[i] or Burst[i])
      read(i)
      if allowed then Wait[i] = 0 end
    elseif op == TAKE and all then
      charge(i, Cost[i])
    elseif op == TAKE and not allowed and Penalty[i] > 0 and Until[i] <= Now[i] then
      Until[i], Free[i] = Now[i] + Penalty[i], 0
      Wait[i] = max(Wait[i], Penalty[i])
      store(i)
    end
    answer(i, allowed, delay)
  end
end
return reply
