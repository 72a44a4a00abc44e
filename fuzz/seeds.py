"""Writes what the fuzzer begins with: `seeds.py FOLDER` makes FOLDER/seeds/TARGET/… and FOLDER/words/TARGET.

Mutation alone finds neither depth nor fan-out, so each target with brackets or fragments begins with some just within
its bounds and just beyond them.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])


def write(target: str, seeds: list, words: list[str] = ()) -> None:
    folder = FOLDER / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / str(number)).write_bytes(seed if isinstance(seed, bytes) else seed.encode())
    dictionary = FOLDER / "words" / target
    dictionary.parent.mkdir(parents=True, exist_ok=True)
    quoted = ["".join(f"\\x{byte:02x}" for byte in word.encode()) for word in words]
    # An empty dictionary is none to libFuzzer.
    dictionary.write_text("".join(["# words\n", *(f'"{word}"\n' for word in quoted)]))


def nested(head: str, opening: str, middle: str, closing: str, tail: str, levels: int) -> str:
    return head + opening * levels + middle + closing * levels + tail


def depths(head: str, opening: str, middle: str, closing: str, tail: str) -> list[str]:
    """Within the bounds, just beyond them, far beyond them, and not closed."""
    shapes = [nested(head, opening, middle, closing, tail, levels) for levels in (8, 30, 60, 66, 130, 1600)]
    return [*shapes, head + opening * 1600]


def of_each_kind(seeds: list[str]) -> list[str]:
    """For targets whose first byte says which collection it is."""
    return [chr(kind) + seed for kind in range(4) for seed in seeds]


def quote(words: list[str]) -> list[str]:
    return [f'"{word}"' for word in words]


JSON_SIGNS = ["{", "}", "[", "]", ":", ",", "null", "true", "false", "\\u0000", "\\ud83d\\ude00", "1e999", "-1"]
FIELDS = (
    "id clientId displayName description createdBy createdAt updatedAt expiresAt lastUsedAt status qualifiedName name "
    "username email role enabled actor action kind subject at personaQualifiedName"
).split()

# The wire: eight bytes say how the stream is cut.
CUTS = bytes([200, 1, 10, 0, 255, 3, 7, 1])
RAW = 'GET /api/service/apikeys?limit=2&filter={"displayName":"my töken <1>"} HTTP/1.1\r\nHost: x\r\n\r\n'
PLAIN = "GET /a?filter=1 HTTP/1.1\r\nHost: x\r\n\r\n"
STREAMS = [
    RAW,
    PLAIN,
    RAW + PLAIN + RAW,
    f'POST /a" HTTP/1.1\r\nHost: x\r\nContent-Length: {len(RAW.encode())}\r\n\r\n{RAW}{RAW}',
    'POST /a?" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /' + RAW,
    'POST /a?" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n4\r\n /"\n\r\n0\r\n\r\n' + RAW,
    'GET /?" HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n' + RAW,
    'GET /?" HTTP/1.0\r\nConnection: keep-alive\r\n\r\n' + RAW,
    "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n" + RAW,
    'PUT /?" HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab' + RAW,
    "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n" + RAW,
    'GET /?" HTTP/1.1\r\nX: a\r\n b\r\n\r\n' + RAW,
    '\r\nGET http://h/?" HTTP/1.1\r\n\r\n' + RAW,
    PLAIN * 20,
    'GET /?" HTTP/1.1\r\n' + "x: y\r\n" * 97 + "\r\n" + RAW,
]
write(
    "wire",
    [CUTS + stream.encode() for stream in STREAMS],
    ["GET /", "POST /", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n\r\n", "\r\n", "Content-Length: 5\r\n", "0\r\n\r\n"]
    + ["Transfer-Encoding: chunked\r\n", "Upgrade: websocket\r\n", "Connection: close\r\n", "Expect: 100-continue\r\n"]
    + ["?", '"', "<", ">", "`", " ", "#", "\t", "%20", "http://h/", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ": "],
)

JSON_DEPTHS = depths("", "[", "1", "]", "") + depths("", '{"a":', "1", "}", "") + depths("", '["]\\"",', "1", "]", "")
write("json", ["{}", '{"a":[1,-2.5e3,"\\u00e9",null,true]}', '["\\\\"]', '"[[["', "[" + "0," * 900 + "0]", *JSON_DEPTHS], JSON_SIGNS)

FILTERS = [
    '{"displayName": {"$ilike": "etl%"}, "$or": [{"status": "expired"}, {"expiresAt": {"$lt": 1795391999000}}]}',
    '{"$and":[{"status":"active"},{"$and":[{"displayName":"etl"}]}]}',
    '{"displayName":{"$in":["etl","x"]},"createdBy":{"$nin":["a"]}}',
    '{"$not":{"displayName":{"$not":{"$like":"a\\\\%b%c_"}}}}',
    '{"lastUsedAt":{"$exists":false},"createdAt":{"$gte":"12","$lte":-5}}',
    '{"id":null,"clientId":{"$ne":"apikey-x"}}',
    '{"username":"a","email":{"$ilike":"%x%"}}',
    '{"displayName":{"$ilike":"ÄÖÜäöüéèàßñçøåÆŒ"}}',
    '{"displayName":{"$like":"' + "%a" * 200 + '"}}',
    '{"displayName":{"$in":[' + '"a",' * 120 + '"b"]}}',
    '{"$or":[' + '{"id":"a"},' * 120 + '{"id":"b"}]}',
    *depths("", '{"$not":', "{}", "}", ""),
    *depths("", '{"$and":[', "{}", "]}", ""),
    *depths('{"id":', "[", "1", "]", "}"),
]
OPERATORS = "$eq $ne $in $nin $gt $gte $lt $lte $like $ilike $exists $not $and $or".split()
write("filter", of_each_kind(FILTERS), quote(OPERATORS + FIELDS) + JSON_SIGNS + ['"%"', "\\\\"])
SORTS = ["displayName", "-createdAt,displayName", "-expiresAt,-lastUsedAt,id", "name,-createdAt", "username", "-at"]
write("sort", of_each_kind(SORTS), [*FIELDS, ",", "-"])
write("cursor", ["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo", "WyJhIl0", ""], ["A", "_", "-"])

SEARCHES = [
    {
        "query": {
            "bool": {
                "filter": [{"term": {"__typeName.keyword": {"value": "Persona"}}}, {"terms": {"__guid": ["x"], "boost": 1}}],
                "must_not": {"exists": {"field": "name"}},
                "should": [{"prefix": {"name": {"value": "a", "case_insensitive": True}}}],
                "minimum_should_match": 1,
            }
        },
        "sort": [{"__guid": {"order": "desc"}}],
        "from": 0,
        "size": 20,
        "track_total_hits": True,
    },
    {"query": {"match_all": {}}, "aggs": {}},
    {"query": {"terms": {"__superTypeNames.keyword": ["Asset"]}}, "sort": {"__guid": "asc"}},
    {"query": {"bool": {"minimum_should_match": "0", "should": None}}},
    {"query": {"terms": {"name": ["a"] * 1030}}},
    {"query": {"bool": {"filter": [{"match_all": {}}] * 200}}},
]
WORDS = (
    "query sort from size track_total_hits aggregations aggs bool filter must must_not should minimum_should_match boost "
    "term terms prefix exists field match_all match_none value case_insensitive __guid __superTypeNames __typeName order "
    "asc desc Asset name.keyword"
).split()
DEEP = depths('{"query":', '{"bool":{"must":', '{"match_all":{}}', "}}", "}")
write("dsl", [json.dumps(search) for search in SEARCHES] + DEEP, quote(WORDS) + JSON_SIGNS)

TOKEN = "tsk_0123456789ABCDEFGHIJKL0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh"
write("token", [chr(kind) + text for kind in (1, 5, 9) for text in (TOKEN, TOKEN + "000000", "tsk_" + "z" * 66, "acm,acp,acs")])
write(
    "settings",
    ["3f" * 32, "3f" * 32 + ",\n" + "a0" * 32, "sqlite://t.db", "postgres://u:p@h:1/d?password=x", "postgres://a@b@c/d"],
    [",", "\n", "00", "ff", "sqlite://", "postgres://", "postgresql://", "@", "?", "/", ":", "password=", "&"],
)

ME = "{me{corpUser{urn}}}"


def fragments(levels: int, spreads: int, end: str) -> str:
    chain = "".join(f"fragment f{n} on Query{{{f'...f{n + 1} ' * spreads}}}" for n in range(levels))
    return "{...f0}" + chain + end


DOCUMENTS = [
    ME,
    "query Q($input: ListAccessTokenInput!, $n: Int = 3) { listAccessTokens(input: $input) { total tokens { urn ...F } } }"
    " fragment F on AccessTokenMetadata { description ownerUrn }",
    '{ listAccessTokens(input: {start: "0", count: "20", filters: [{field: "ownerUrn", values: ["a"]}]}) { total } }',
    "query($n: Int) {" + "".join(f"a{n}: listAccessTokens(input: {{count: $n}}) {{ tokens {{ urn }} }} " for n in range(25)) + "}",
    "{" + "".join(f"a{n}: me {{ corpUser {{ urn }} }} " for n in range(30)) + "}",
    'query A { a } mutation B { b(s: """block \\""" "x" """, l: [1, 2.5e3, -0, null, true, ENUM, $v], o: {k: "\\u00e9\\n"}) }',
    "{__schema{types{name fields(includeDeprecated:true){name type{kind ofType{name ofType{name}}}}}}}",
    "# c\n,,query($a:[[Int!]]!=[[1]]@d){x:y(a:$a)@d(b:{})}",
    '{a(b:["""x" [[[[[[[[[',
    *depths("{__type(name:\"Query\")", "{fields{type", "{name}", "}}", "}"),
    *depths("{me(a:", "[", "1", "]", "){corpUser{urn}}}"),
    *depths("{me(a:", "{a:", "1", "}", "){corpUser{urn}}}"),
    *depths("query($a:Int=", "[", "1", "]", ")" + ME),
    *depths("query($a:", "[", "Int", "]", ")" + ME),
    *depths("{me@skip(if:", "[", "1", "]", "){corpUser{urn}}}"),
    *depths("", "{a", "{a}", "}", ""),
    *depths("", "{...", "{__typename}", "}", ""),
    *(fragments(levels, spreads, end)
      for levels in (3, 9, 28, 40) for spreads in (1, 2, 3)
      for end in ("", f"fragment f{levels} on Query{ME}", f"fragment f{levels} on Query{{...f0}}")),
]
SIGNS = ["query ", "mutation ", "fragment ", " on ", "...", "{", "}", "(", ")", "[", "]", "!", "=", "$", "@", '"""', '"', "#"]
NAMES = ["@skip(if:true)", "__typename", "__schema", "__type(name:\"X\")", "me", "listAccessTokens", "input:", "count:", "null"]
write("nesting", DOCUMENTS, SIGNS)
BODIES = [json.dumps({"query": query, "variables": {"input": {"count": "1"}, "n": 1}}) for query in DOCUMENTS[:9]]
DEEP = depths('{"query":"query($i:X){me}","variables":{"i":', "[", "1", "]", "}}")
write("graphql", DOCUMENTS + BODIES + DEEP, SIGNS + NAMES + ["...f0", "fragment f0 on Query{", "\\u", "1e5"])

POLICIES = [
    "0\nselect\ndefault/a/t\ndefault/*\n*",
    "1\nx\ndefault/ab\ndefault/a",
    "2\nsubject.dep\nt@g\ng",
    '\0\na"b\\\nt@default/a\ndefault/a\n*@x*y',
    "\x04\nresource.x\na*b\na**b\n\\*",
    "\x07\nact\nA/é\n*é\n",
    "0\nx\n" + "a" * 60 + "\n" + "*a" * 40 + "*b",
    "URN",
    "TYPE",
    "subject.a",
    "EQUALS",
]
write("policy", POLICIES, ["*", "**", "\n", "/", "@", "/*", "*@", "\\", '"', "é", "subject.", "action.", "resource.", "URN", "TYPE"])
write("etag", ['"00"', 'W/"00"', "*", '"a","b" , W/"c"', '"a\n"b"', '""', "a", '"'], ['"', "W/", "*", ",", "\n"])
HOPS = ["198.51.100.7", "127.0.0.1, 198.51.100.7", "198.51.100.7, 10.0.0.2\n10.0.0.3", "unknown", "::ffff:10.0.0.1"]
ORIGINALS = ["fd00::1, 2001:db8::1", "[::1]:80", "/a?b=c\nGET\n/a?b=c\n/z", "?q=1\n\n", "/%C3%A9?é"]
write("forwarded", HOPS + ORIGINALS, ["10.0.0.1", "198.51.100.7", "::ffff:10.0.0.1", ",", "\n", " ", "[", "]", ":", "?", "/", "%", "#"])
TEXTS = ["a=1&filter=%7B%7D&a=2", "urn:li:corpuser:ada", "urn:li:dataHubAccessToken:x", "urn:li:dataHubRole:Admin", "x" * 70]
write("texts", TEXTS, ["=", "&", "%", "+", "urn:li:corpuser:", "urn:li:dataHubAccessToken:", "urn:li:dataHubRole:", "Admin", "é"])

ID_TOKEN = {
    "iss": "https://id.example.org",
    "sub": "1",
    "aud": "t",
    "exp": 1795392059,
    "iat": 1795391999,
    "nonce": "n",
    "hd": "x",
    "preferred_username": "ada",
    "auth_time": 1795391990.5,
    "sid": "s",
    "a": {"b": ["staff", 1]},
}
LOGGED_OUT = {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "jti": "j"}
LOGOUT_TOKEN = {name: ID_TOKEN[name] for name in ("iss", "sub", "aud", "exp", "iat", "sid")} | LOGGED_OUT
HEADERS = [{"alg": "EdDSA"}, {"alg": "EdDSA", "kid": "k", "typ": "JWT"}, {"alg": "EdDSA", "crit": ["b64"], "b64": False}]
CLAIMS = [ID_TOKEN, ID_TOKEN | {"aud": ["t", "t"], "azp": "t"}, LOGOUT_TOKEN, ID_TOKEN | LOGOUT_TOKEN, {}]
SIGNED = [json.dumps(head) + "\n" + json.dumps(claims) for head in HEADERS for claims in CLAIMS]
UNSIGNED = ["eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFZERTQSJ9.e30." + "A" * 86, "e30.e30.e30", "..", "a.b.c.d"]
OTHERS = quote([*ID_TOKEN, *LOGGED_OUT, *LOGGED_OUT["events"], "alg", "kid", "typ", "crit", "azp", "nbf", "EdDSA", "RS256"])
JWS_DEPTHS = depths('{"alg":"EdDSA"}\n{"a":', "[", "1", "]", "}") + depths('{"kid":', "[", "1", "]", "}\n{}")
write("jws", SIGNED + UNSIGNED + JWS_DEPTHS, OTHERS + JSON_SIGNS + ["\n", ".", "1795391999"])
JWKS = [
    {"kty": "OKP", "crv": "Ed25519", "kid": "a", "use": "sig", "x": "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw"},
    {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
    {"kty": "EC", "crv": "P-256", "alg": "ES256", "x": "A" * 43, "y": "A" * 43},
    {"kty": "EC", "crv": "P-384", "x": "_" * 64, "y": "A" * 64},
    {"kty": "RSA", "n": "A" * 342, "e": "AQAB"},
    {"kty": "RSA", "n": "_" * 342, "e": "AA"},
]
PROOF = {"htm": "GET", "htu": "https://tessera.example.org/api/a%2Fb", "iat": 1795391999, "jti": "j", "ath": "a", "nonce": "n"}
PROOF_HEADS = [{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": key} for key in (JWKS[0], JWKS[0] | {"d": "A"}, *JWKS[1:])]
PROOF_URLS = ["HTTPS://TESSERA.example.org:443/%61pi/./x/../a%2fb?a#b", "https://tessera.example.org@x/", "http://[::1]:80", "a://%"]
PROOFS = [PROOF, *(PROOF | {"htu": url} for url in PROOF_URLS), PROOF | {"iat": 1e300}, {}]
PROOF_WORDS = quote([*PROOF, "typ", "dpop+jwt", "alg", "jwk", "GET", "EdDSA", "ES256", "d", "p", "oth"])
write("dpop", [json.dumps(head) + "\n" + json.dumps(claims) for head in PROOF_HEADS for claims in PROOFS] + UNSIGNED,
      PROOF_WORDS + JSON_SIGNS + ["\n", ".", "1795391999", "https://", "%2F", "%61", "/../", "/./", ":443", "@", "[::1]"])
KEY_WORDS = quote("keys kty crv kid use sig enc alg x y n e OKP EC RSA Ed25519 P-256 P-384 EdDSA ES256 PS256 RS512 AQAB".split())
write("jwks", [json.dumps({"keys": [key]}) for key in JWKS] + [json.dumps({"keys": JWKS})], KEY_WORDS + JSON_SIGNS)

write(
    "log",
    [
        "tessera/1\n3\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n\n— tessera/1 " + "A" * 91 + "=\n",
        "tessera/1+00000000+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh",
        "2/x001/x234/067.p/8",
        "entries/000",
        b"\x00\x02{}\x00\x00",
        '{"id":"01a205f3-fb6b-7054-a09c-1dac28a6cf2f","v":1}',
    ],
    ["— ", "tessera/1", "\n\n", "entries/", ".p/"],
)
CREDENTIALS = ["Basic YTpi", "basic  YTpiOmM=", "BASIC YTpi ", "Basic", "Basic Og==", "Bearer x", "Basic YTpi,YTpi", "Basic 4pi6Og=="]
write("basic", CREDENTIALS + ["a:b", "a:b:c", ":", "☺:☹"], ["Basic ", "Bearer ", ":", "=", "==", " ", ","])
FORMS = ["grant_type=client_credentials&scope=openid", "scope=openid&scope=a", "a=1&a=2", "a=&a=1", "%61=1&a=2", "=&=x", "a+b=%zz&scope"]
write("form", FORMS, ["=", "&", "%", "+", "grant_type", "scope", "openid", "%20", "%C3%A9"])
RULE = {"name": "ci", "issuer": "https://id.example.org", "audience": "t", "claims": {"sub": "a*", "a.b": "*x*", "a": "true"}}
RULES = [RULE, RULE | {"claims": {"repository": "a/b", "repository_id": "1"}}, RULE | {"claims": {"kubernetes.io.namespace": "n"}},
         RULE | {"claims": {"sub": "system:serviceaccount:n:s"}}, RULE | {"claims": {"x": "*" * 60 + "a" * 60}}, RULE | {"claims": {}}]
WORKLOADS = [{"sub": "ab", "a": True, "a.b": "x"}, {"sub": "a", "a": {"b": "x"}}, {"repository": "a/b", "repository_id": 1},
             {"kubernetes.io": {"namespace": "n"}}, {"x": "a" * 90}, {"a": {"a": {"a": {"a.a": 1}}}}]
SETTINGS = [json.dumps([rule]) for rule in RULES]
write("trust", [one + "\n" + json.dumps(claims) for one in SETTINGS for claims in WORKLOADS],
      quote([*RULE, "repository", "repository_id", "project_id", "kubernetes.io"]) + JSON_SIGNS + ["*", ".", "\n"])
OPAQUE = "tsk_" + "0" * 66 + "000000"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
write("redaction", [OPAQUE, f"/a/{JWT}/b", JWT * 3, "eyJ" * 90, "eyJ.eyJ.eyJ", "_" * 200, "tsk_tsp_tss_" * 9, f"é{OPAQUE}é{JWT}"],
      ["eyJ", "tsk_", "tsc_", "_", ".", "-", "é"])
write("addresses", ["10.0.0.0/8\n192.0.2.7", "::ffff:10.0.0.0/104", "2001:db8::/32\n::/0", "0.0.0.0/1\n128.0.0.0/1", "10.1.2.3/33", "fe80::1%a"],
      [".", ":", "::", "/", "/0", "/32", "/128", "::ffff:", "\n", "10.0.0.0"])
ENTRY = "1795391999000 01890000-0000-7000-8000-000000000000 apikey.deleted principal 01890000-0000-7000-8000-000000000001 "
write("journal", [ENTRY + '"a b"', ENTRY + '"\\u2028\\n"', ENTRY + "1", ENTRY, ENTRY.replace("principal", "child") + '""', *depths(ENTRY, "[", "", "]", "")],
      ["apikey.deleted", "principal", "persona", "policy", "asset", "role", "-1", " ", '"', "\\u0000"])
