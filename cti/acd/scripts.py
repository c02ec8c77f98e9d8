"""The scripts that decide who talks to whom, one atomic step each (architecture, decision 3).

Order: ``(99 - priority) * 4e13 + n`` where ``n`` is Redis' own clock in units of 100 µs, pushed up to be unique:
priority
first, then arrival, then the order in which Redis saw them. The largest value stays below 2**53, where doubles are
exact.
"""

ORDER_STEP = 40_000_000_000_000
"""Distance between two priorities; above any clock reading in units of 100 µs until the year 2096."""

ENQUEUE = """
-- KEYS: waiting, idle, counter. ARGV: call, priority, order (0: new place), max waiting.
-- Returns the order, or -1 when full.
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if held then return string.format('%.0f', held) end
local order = tonumber(ARGV[3])
if order == 0 then
  local waiting = redis.call('ZCARD', KEYS[1])
  if waiting >= tonumber(ARGV[4]) and redis.call('ZCARD', KEYS[2]) <= waiting then
    return '-1'
  end
  local time = redis.call('TIME')
  local n = tonumber(time[1]) * 10000 + math.floor(tonumber(time[2]) / 100)
  local last = tonumber(redis.call('GET', KEYS[3]) or '0')
  if n <= last then n = last + 1 end
  redis.call('SET', KEYS[3], string.format('%.0f', n))
  order = (99 - tonumber(ARGV[2])) * 40000000000000 + n
end
redis.call('ZADD', KEYS[1], string.format('%.0f', order), ARGV[1])
return string.format('%.0f', order)
"""

MATCH = """
-- KEYS: for each queue its waiting set and idle set. ARGV: prefix of agent keys, token, leg uuid, now ms, queue ids.
-- The first caller in order among the queues that has an idle agent gets the one idle longest. Returns {} or
-- {call, queue, agent, order, data of the agent}.
local best, best_score = nil, nil
for i = 1, #KEYS / 2 do
  local head = redis.call('ZRANGE', KEYS[2 * i - 1], 0, 0, 'WITHSCORES')
  if head[1] and (best_score == nil or tonumber(head[2]) < best_score) then
    if redis.call('ZCARD', KEYS[2 * i]) > 0 then
      best, best_score = i, tonumber(head[2])
    end
  end
end
while best do
  local agent = redis.call('ZRANGE', KEYS[2 * best], 0, 0)[1]
  if not agent then return {'again'} end
  local key = ARGV[1] .. agent
  local now = redis.call('HMGET', key, 'token', 'idle', 'data')
  if now[2] == '1' and (now[1] == false or now[1] == '') then
    local call = redis.call('ZRANGE', KEYS[2 * best - 1], 0, 0)[1]
    redis.call('ZREM', KEYS[2 * best - 1], call)
    for queue in string.gmatch(redis.call('HGET', key, 'queues') or '', '[^,]+') do
      redis.call('ZREM', string.gsub(ARGV[1], 'agent:$', 'queue:' .. queue .. ':idle'), agent)
    end
    redis.call('ZREM', KEYS[2 * best], agent)
    redis.call('HSET', key, 'token', ARGV[2], 'leg', ARGV[3], 'call', call, 'claimed', ARGV[4], 'idle', '0')
    return {call, ARGV[4 + best], agent, string.format('%.0f', best_score), now[3]}
  end
  redis.call('ZREM', KEYS[2 * best], agent)
end
return {}
"""

CLAIM_AGENT = """
-- KEYS: agent. ARGV: token, leg uuid, call, now ms, agent id, prefix of queue keys.
-- Claims one agent for a direct call. Returns 1, or 0 when taken.
local now = redis.call('HMGET', KEYS[1], 'token', 'rings', 'queues')
if now[2] ~= '1' or (now[1] and now[1] ~= '') then return 0 end
for queue in string.gmatch(now[3] or '', '[^,]+') do
  redis.call('ZREM', ARGV[6] .. queue .. ':idle', ARGV[5])
end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'leg', ARGV[2], 'call', ARGV[3], 'claimed', ARGV[4], 'idle', '0')
return 1
"""

SAVE_AGENT = """
-- KEYS: agent, set of agents, idle sets to be in or out of.
-- ARGV: token we believe in, agent id, data, idle (0/1), idle since, rings (0/1), queues (csv),
-- token, leg, call, claimed after.
-- Refused when somebody else claimed the agent meanwhile: returns {token, leg, call, claimed}; else {}.
local held = redis.call('HMGET', KEYS[1], 'token', 'leg', 'call', 'claimed')
if held[1] and held[1] ~= '' and held[1] ~= ARGV[1] then return {held[1], held[2], held[3], held[4]} end
for queue in string.gmatch(redis.call('HGET', KEYS[1], 'queues') or '', '[^,]+') do
  redis.call('ZREM', string.gsub(KEYS[1], 'agent:[^:]*$', 'queue:' .. queue .. ':idle'), ARGV[2])
end
redis.call('HSET', KEYS[1], 'data', ARGV[3], 'idle', ARGV[4], 'rings', ARGV[6], 'queues', ARGV[7])
redis.call('HSET', KEYS[1], 'token', ARGV[8], 'leg', ARGV[9], 'call', ARGV[10], 'claimed', ARGV[11])
redis.call('SADD', KEYS[2], ARGV[2])
if ARGV[4] == '1' then
  for i = 3, #KEYS do redis.call('ZADD', KEYS[i], ARGV[5], ARGV[2]) end
end
return {}
"""

DROP_AGENT = """
-- KEYS: agent, set of agents, holder of the extension. ARGV: agent id, token we believe in.
-- Returns 1, or 0 when the agent was claimed meanwhile.
local held = redis.call('HGET', KEYS[1], 'token')
if held and held ~= '' and held ~= ARGV[2] then return 0 end
for queue in string.gmatch(redis.call('HGET', KEYS[1], 'queues') or '', '[^,]+') do
  redis.call('ZREM', string.gsub(KEYS[1], 'agent:[^:]*$', 'queue:' .. queue .. ':idle'), ARGV[1])
end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end
return 1
"""

HOLD_EXTENSION = """
-- KEYS: holder. ARGV: agent id. Takes the extension; returns the holder's id (ours when taken).
if redis.call('SETNX', KEYS[1], ARGV[1]) == 1 then return ARGV[1] end
return redis.call('GET', KEYS[1])
"""

FREE_EXTENSION = """
-- KEYS: holder. ARGV: agent id. Gives the extension back if this agent holds it.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""

ANSWER = """
-- KEYS: agent. ARGV: token, leg uuid. Compare and set: the first answered leg of the claim wins.
-- Returns 1 or 0; 2 when Redis has forgotten the agent.
local held = redis.call('HMGET', KEYS[1], 'token', 'won')
if held[1] == false then return 2 end
if held[1] ~= ARGV[1] then return 0 end
if held[2] and held[2] ~= '' and held[2] ~= ARGV[1] .. '/' .. ARGV[2] then
  local prefix = ARGV[1] .. '/'
  if string.sub(held[2], 1, #prefix) == prefix then return 0 end
end
redis.call('HSET', KEYS[1], 'won', ARGV[1] .. '/' .. ARGV[2])
return 1
"""

TAKE_ROUTE = """
-- KEYS: calls on the route. ARGV: call, limit. Checked and taken in one step (CTI-R4). Returns 1 or 0.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return 1 end
if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
return 1
"""
