"""The scripts that decide who talks to whom, one atomic step each (architecture, decision 3).

Order: ``(99 - priority) * 4e13 + n`` where ``n`` is Redis' own clock in units of 100 µs, pushed up to be unique:
priority
first, then arrival, then the order in which Redis saw them. The largest value stays below 2**53, where doubles are
exact.
"""

ORDER_STEP = 40_000_000_000_000
"""Distance between two priorities; above any clock reading in units of 100 µs until the year 2096."""

ENQUEUE = """
-- KEYS: waiting, idle, counter, facts. ARGV: call, priority, order (0: new place), max waiting, facts of the call.
-- Returns the order, or -1 when full.
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if held then
  redis.call('HSET', KEYS[4], ARGV[1], ARGV[5])
  return string.format('%.0f', held)
end
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
redis.call('HSET', KEYS[4], ARGV[1], ARGV[5])
return string.format('%.0f', order)
"""

MATCH = """
-- KEYS: for each queue its waiting set, idle set and facts. ARGV: prefix of agent keys, token, leg uuid, now ms,
-- draw (0 to 999999), and for each queue: id, rule, whether a caller's last agent goes first (0/1), level asked at
-- first, ms after which one level less is asked (0: never).
-- The first caller in order who can be served gets the agent with the smallest score. Returns {}, {'again'}, or
-- {call, queue, agent, order, candidates, score, what decided, when the call entered}.
local BAND, SCAN, SWEEP = 10000000000000, 20, 100

local function is_free(agent)
  local now = redis.call('HMGET', ARGV[1] .. agent, 'token', 'idle')
  return now[2] == '1' and (now[1] == false or now[1] == '')
end

local function of_queue(i)
  local at = 1 + 5 * i
  return {waiting = KEYS[3 * i - 2], idle = KEYS[3 * i - 1], facts = KEYS[3 * i], id = ARGV[at], rule = ARGV[at + 1],
          last = ARGV[at + 2] == '1', level = tonumber(ARGV[at + 3]), step = tonumber(ARGV[at + 4])}
end

-- Whom the rule offers next, and by which score; an entry that is no free agent is swept.
local function next_agent(queue)
  for _ = 1, SWEEP do
    local count = redis.call('ZCARD', queue.idle)
    if count == 0 then return nil end
    local at = queue.rule == 'random' and math.floor(tonumber(ARGV[5]) * count / 1000000) or 0
    local found = redis.call('ZRANGE', queue.idle, at, at, 'WITHSCORES')
    if is_free(found[1]) then return found[1], tonumber(found[2]) end
    redis.call('ZREM', queue.idle, found[1])
  end
  return 'again'
end

-- When the call entered, and its last agent if that one is idle in the queue.
local function facts_of(queue, call)
  local text = redis.call('HGET', queue.facts, call) or ''
  local entered, last = string.match(text, '^(%d+):(%d+)$')
  if not queue.last or not last or last == '0' then return tonumber(entered or ARGV[4]), nil end
  local score = redis.call('ZSCORE', queue.idle, last)
  if score and is_free(last) then return tonumber(entered), last, tonumber(score) end
  return tonumber(entered), nil
end

-- The first caller of the queue who can be served, and by whom; nil when there is none.
local function resolve(queue)
  local agent, score = next_agent(queue)
  if not agent or agent == 'again' then return agent end
  local callers = redis.call('ZRANGE', queue.waiting, 0, queue.level > 1 and SCAN - 1 or 0, 'WITHSCORES')
  for n = 1, #callers, 2 do
    local found = {call = callers[n], order = tonumber(callers[n + 1]), agent = agent, score = score, by = queue.rule}
    local entered, last, last_score = facts_of(queue, found.call)
    found.entered = entered
    local asked = queue.level
    if queue.step > 0 then asked = asked - math.floor(math.max(0, tonumber(ARGV[4]) - entered) / queue.step) end
    if last then
      found.agent, found.score, found.by = last, last_score, 'last_agent'
      return found
    end
    if asked <= 1 or 9 - math.floor(score / BAND) >= asked then return found end
  end
  return nil
end

-- Of each queue with somebody waiting and somebody idle: the order no caller of it can beat, then the caller it is.
local bound, resolved = {}, {}
for i = 1, #KEYS / 3 do
  local head = redis.call('ZRANGE', KEYS[3 * i - 2], 0, 0, 'WITHSCORES')
  if head[1] and redis.call('ZCARD', KEYS[3 * i - 1]) > 0 then bound[i] = tonumber(head[2]) end
end
while true do
  local best = nil
  for i, order in pairs(bound) do
    if best == nil or order < bound[best] then best = i end
  end
  if best == nil then return {} end
  local queue, found = of_queue(best), resolved[best]
  if found then
    local candidates = redis.call('ZCARD', queue.idle)
    local key = ARGV[1] .. found.agent
    redis.call('ZREM', queue.waiting, found.call)
    redis.call('HDEL', queue.facts, found.call)
    for each in string.gmatch(redis.call('HGET', key, 'queues') or '', '[^,]+') do
      redis.call('ZREM', (string.gsub(ARGV[1], 'agent:$', 'queue:' .. each .. ':idle')), found.agent)
    end
    redis.call('ZREM', queue.idle, found.agent)
    redis.call('HSET', key, 'token', ARGV[2], 'leg', ARGV[3], 'call', found.call, 'claimed', ARGV[4], 'idle', '0')
    return {found.call, queue.id, found.agent, string.format('%.0f', found.order), candidates,
            string.format('%.0f', found.score), found.by, string.format('%.0f', found.entered)}
  end
  found = resolve(queue)
  if found == 'again' then return {'again'} end
  resolved[best] = found
  bound[best] = found and found.order or nil
end
"""

CLAIM_IDLE = """
-- KEYS: idle set of a queue. ARGV: prefix of agent keys, call, now ms, the one agent wanted (empty: whoever is next),
-- and one uuid for each claim: its token and the leg's uuid.
-- Claims more agents for a call that has one already, or is being rung for. Returns agent and score of each, in order.
local SWEEP, claimed = 100, {}
local function claim(agent, score, token)
  local key = ARGV[1] .. agent
  local now = redis.call('HMGET', key, 'token', 'idle', 'queues')
  redis.call('ZREM', KEYS[1], agent)
  if now[2] ~= '1' or (now[1] and now[1] ~= '') then return false end
  for each in string.gmatch(now[3] or '', '[^,]+') do
    redis.call('ZREM', (string.gsub(ARGV[1], 'agent:$', 'queue:' .. each .. ':idle')), agent)
  end
  redis.call('HSET', key, 'token', token, 'leg', token, 'call', ARGV[2], 'claimed', ARGV[3], 'idle', '0')
  claimed[#claimed + 1] = agent
  claimed[#claimed + 1] = score
  return true
end
if ARGV[4] ~= '' then
  local score = redis.call('ZSCORE', KEYS[1], ARGV[4])
  if score then claim(ARGV[4], score, ARGV[5]) end
  return claimed
end
local next = 5
for _ = 1, SWEEP do
  if next > #ARGV then break end
  local found = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  if not found[1] then break end
  if claim(found[1], found[2], ARGV[next]) then next = next + 1 end
end
return claimed
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
-- ARGV: token we believe in, agent id, data, idle in any (0/1), rings (0/1), queues (csv),
-- token, leg, call, claimed after, and for each idle set the score to stand there by (empty: out of it).
-- Refused when somebody else claimed the agent meanwhile: returns {token, leg, call, claimed}; else {}.
local held = redis.call('HMGET', KEYS[1], 'token', 'leg', 'call', 'claimed')
if held[1] and held[1] ~= '' and held[1] ~= ARGV[1] then return {held[1], held[2], held[3], held[4]} end
for queue in string.gmatch(redis.call('HGET', KEYS[1], 'queues') or '', '[^,]+') do
  redis.call('ZREM', string.gsub(KEYS[1], 'agent:[^:]*$', 'queue:' .. queue .. ':idle'), ARGV[2])
end
redis.call('HSET', KEYS[1], 'data', ARGV[3], 'idle', ARGV[4], 'rings', ARGV[5], 'queues', ARGV[6])
redis.call('HSET', KEYS[1], 'token', ARGV[7], 'leg', ARGV[8], 'call', ARGV[9], 'claimed', ARGV[10])
redis.call('SADD', KEYS[2], ARGV[2])
for i = 3, #KEYS do
  if ARGV[i + 8] ~= '' then redis.call('ZADD', KEYS[i], ARGV[i + 8], ARGV[2]) end
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

NOTE_SERVED = """
-- KEYS: intervals of the queue. ARGV: moment and length of the interval, how many are kept, ms they are kept.
redis.call('LPUSH', KEYS[1], ARGV[1] .. ':' .. ARGV[2])
redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
