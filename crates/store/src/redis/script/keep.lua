-- Keeps the places of calls that are still in flight; puts back those that a flush took away.
--
-- KEYS: the limit. ARGV: milliseconds, then the places.
local time = redis.call('TIME')
local till = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], till, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1] + 1000)
return 1
