-- What wrk sends, by environment: TARGET (path), TOKENS (a file, one a line, all of one length), and STYLE:
--   bearer      GET with `Authorization: Bearer TOKEN`
--   api-key     GET with `X-Api-Key: TOKEN`
--   drf         GET with `Authorization: Api-Key TOKEN`
--   introspect  POST of the form `token=TOKEN` with `Authorization: CALLER`
--   delete      DELETE of the path that ends with TOKEN with `Authorization: CALLER`
-- START is the number of the token to begin with and go on in turn; without it each is drawn at random.

local ffi = require("ffi")
local target, version = os.getenv("TARGET"), " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
local head = " " .. target .. version
local style, caller = os.getenv("STYLE"), os.getenv("CALLER")
local text, width, count, place

-- The tokens stay one text outside Lua's heap: a million strings would halt the load whenever garbage is collected.
function init()
  local file = assert(io.open(os.getenv("TOKENS")))
  local all = file:read("*a")
  file:close()
  text = ffi.new("char[?]", #all)
  ffi.copy(text, all, #all)
  width = all:find("\n", 1, true)
  count, place = math.floor(#all / width), tonumber(os.getenv("START"))
  math.randomseed(os.time())
end

local styles = {
  bearer = function(token) return "GET" .. head .. "Authorization: Bearer " .. token .. "\r\n\r\n" end,
  ["api-key"] = function(token) return "GET" .. head .. "X-Api-Key: " .. token .. "\r\n\r\n" end,
  drf = function(token) return "GET" .. head .. "Authorization: Api-Key " .. token .. "\r\n\r\n" end,
  introspect = function(token)
    return "POST" .. head .. "Authorization: " .. caller .. "\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      .. "Content-Length: " .. (#token + 6) .. "\r\n\r\ntoken=" .. token
  end,
  delete = function(token)
    return "DELETE " .. target .. token .. version .. "Authorization: " .. caller .. "\r\n\r\n"
  end,
}
local write = styles[style]

function request()
  local number = place or math.random(0, count - 1)
  if place then place = (place + 1) % count end
  return write(ffi.string(text + number * width, width - 1))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests": %d, "micros": %d, "p50": %.1f, "p99": %.1f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
