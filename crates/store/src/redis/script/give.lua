-- Settles or undoes what a call was counted as, once: the guard says whether that was done before.
--
-- KEYS: one per limit, then the guard.
-- ARGV: milliseconds that the guard is kept, the call's place; then for each limit
--   'window', amount (less than 0: give back), where it was noted, microseconds of a slot, 0
--   'bucket', microseconds (less than 0: give back), of the burst, of the period, 0
--   'places', 0, 0, 0, 0
local SLOTS = 32
local MOST = 9007199254740992
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if not redis.call('SET', KEYS[#KEYS], '1', 'NX', 'PX', ARGV[1]) then return 0 end

local function read(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'WRONGTYPE', 1, true) then error(answer.err, 0) end
    redis.call('DEL', key)
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

local function window(key, amount, noted, length)
  if amount > 0 then
    -- Beyond what was expected: it counts from now on.
    local slot = decimal(math.floor(now / length))
    local held = whole(read('HGET', key, slot) or 0) or 0
    redis.call('HSET', key, slot, decimal(math.min(held + amount, MOST - 1)))
    redis.call('PEXPIRE', key, math.ceil((SLOTS + 1) * length / 1000) + 1000)
    return
  end
  local field = decimal(noted)
  local held = whole(read('HGET', key, field) or nil)
  if not held then return end
  if held + amount > 0 then
    redis.call('HSET', key, field, decimal(held + amount))
  else
    redis.call('HDEL', key, field)
  end
end

local function bucket(key, amount, burst, period)
  local free = math.max(whole(read('GET', key) or now) or now, now) + amount
  -- A debt is at most one period.
  free = math.min(free, now + burst + period)
  if free > now then
    redis.call('SET', key, decimal(free), 'PX', math.ceil((free - now) / 1000) + 1000)
  else
    redis.call('DEL', key)
  end
end

local function places(key)
  read('ZREM', key, ARGV[2])
end

local kinds = { window = window, bucket = bucket, places = places }
for i = 1, #KEYS - 1 do
  local at = 2 + (i - 1) * 5
  kinds[ARGV[at + 1]](KEYS[i], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]))
end
return 1
