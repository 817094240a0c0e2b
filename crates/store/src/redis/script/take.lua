-- Counts a call in every limit, or in none. One clock: this server's.
--
-- KEYS: one per limit, then the epoch of each hash tag.
-- ARGV: how many limits, a fresh epoch, this call's place; then for each limit
--   'window', amount, quota, microseconds of a slot, enforced
--   'bucket', microseconds of the amount, of the burst, of the period, enforced
--   'places', amount, quota, milliseconds that a place is kept, enforced
-- Answer: counted (1) or not (0), the limit that refused, its wait in microseconds, keys that were reset; then, when
-- counted, for each limit: would have refused, used, microseconds until free, where it was noted; then the epochs.
local SLOTS = 32
local MOST = 9007199254740992
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limits = tonumber(ARGV[1])
local resets = 0

-- What nobody can have written would refuse for ever: it is dropped, and told.
local function reset(key)
  redis.call('DEL', key)
  resets = resets + 1
end

local function read(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'WRONGTYPE', 1, true) then error(answer.err, 0) end
    reset(key)
    return nil
  end
  return answer
end

local function whole(text)
  local number = tonumber(text)
  if number and number >= 0 and number < MOST and number == math.floor(number) then return number end
end

local function decimal(number)
  return string.format('%.0f', number)
end

-- At most the quota in any stretch of a period: 32 slots, and the one that fills.
local function window(key, amount, quota, length)
  local slot = math.floor(now / length)
  local flat = read('HGETALL', key) or {}
  local used, live, gone, newest = 0, {}, {}, nil
  for i = 1, #flat, 2 do
    local at, held = whole(flat[i]), whole(flat[i + 1])
    if not at or not held or at > slot + SLOTS then
      reset(key)
      used, live, gone, newest = 0, {}, {}, nil
      break
    elseif at < slot - SLOTS then
      gone[#gone + 1] = flat[i]
    else
      used = used + held
      live[#live + 1] = { at, held }
      if not newest or at > newest then newest = at end
    end
  end
  local wait, over = 0, used + amount - quota
  if over > 0 then
    table.sort(live, function(a, b) return a[1] < b[1] end)
    for _, entry in ipairs(live) do
      over = over - entry[2]
      wait = (entry[1] + SLOTS + 1) * length - now
      if over <= 0 then break end
    end
    wait = math.max(wait, 1)
  end
  return {
    wait = wait,
    used = used,
    free = newest and (newest + SLOTS + 1) * length - now or 0,
    charge = function()
      for _, field in ipairs(gone) do redis.call('HDEL', key, field) end
      if amount == 0 then return slot, used end
      redis.call('HINCRBY', key, decimal(slot), decimal(amount))
      redis.call('PEXPIRE', key, math.ceil((SLOTS + 1) * length / 1000) + 1000)
      return slot, used + amount, (slot + SLOTS + 1) * length - now
    end,
  }
end

-- Evenly spread, and a burst: the time at which everything has flowed off.
local function bucket(key, amount, burst, period)
  local stored = read('GET', key)
  local free = whole(stored or now)
  -- A debt is at most one period; later than that nobody can have written.
  if not free or free > now + burst + period + 600000000 then
    reset(key)
    free = now
  end
  free = math.max(free, now)
  local new = free + amount
  return {
    wait = math.max(new - now - burst, 0),
    used = free - now,
    free = free - now,
    charge = function()
      if amount > 0 then
        redis.call('SET', key, decimal(new), 'PX', math.ceil((new - now) / 1000) + 1000)
      end
      return 0, new - now, new - now
    end,
  }
end

-- Calls in flight. Who dies without a word is forgotten when its place is not kept any more.
local function places(key, amount, quota, kept)
  local ms = math.floor(now / 1000)
  read('ZREMRANGEBYSCORE', key, '-inf', ms)
  read('ZREMRANGEBYSCORE', key, '(' .. decimal(ms + 2 * kept), '+inf')
  local used = read('ZCARD', key) or 0
  return {
    wait = used + amount > quota and 1000000 or 0,
    used = used,
    free = 0,
    charge = function()
      if amount == 0 then return 0, used, 0 end
      redis.call('ZADD', key, decimal(ms + kept), ARGV[3])
      redis.call('PEXPIRE', key, kept + 1000)
      return 0, used + 1, 0
    end,
  }
end

local kinds = { window = window, bucket = bucket, places = places }
local seen, wait, refused = {}, 0, 0
for i = 1, limits do
  local at = 3 + (i - 1) * 5
  local kind = kinds[ARGV[at + 1]]
  local one = kind(KEYS[i], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]))
  one.enforced = ARGV[at + 5] == '1'
  if one.enforced and one.wait > wait then
    wait, refused = one.wait, i
  end
  seen[i] = one
end

local answer = { wait > 0 and 0 or 1, refused, wait, 0 }
if wait == 0 then
  for _, one in ipairs(seen) do
    local noted, used, free = 0, one.used, one.free
    if one.wait == 0 then
      local new_free
      noted, used, new_free = one.charge()
      free = new_free or free
    end
    answer[#answer + 1] = one.wait > 0 and 1 or 0
    answer[#answer + 1] = used
    answer[#answer + 1] = free
    answer[#answer + 1] = noted
  end
end
-- A flush takes the epoch with the counters: a new one tells every node.
for i = limits + 1, #KEYS do
  local epoch = read('GET', KEYS[i])
  if not epoch then
    epoch = ARGV[2]
    redis.call('SET', KEYS[i], epoch)
  end
  answer[#answer + 1] = epoch
end
answer[4] = resets
return answer
