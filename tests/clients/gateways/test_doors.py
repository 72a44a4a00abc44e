"""The endpoints for gateways, without a gateway: failures F11 to F15, F17, F18, F59 and F60."""

import base64
import json
import secrets
import threading
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import TRUSTED
from servers import DATABASES, Server, ok, token_of

VERIFY = "/gateway/verify"
INTROSPECT = "/oauth/introspect"
BATCH = "/api/service/apikeys/verify"
LEAKED = "/api/service/apikeys/revoke-leaked"
GITHUB = "/gateway/github-secret-scanning"
IDENTITY = {f"x-tessera-{name}" for name in "principal principal-id client-id personas permissions expires-in".split()}


class Signer:
    """GitHub, with a key pair of its own."""

    def __init__(self, identifier):
        self.identifier = identifier
        self.key = ec.generate_private_key(ec.SECP256R1())

    def published(self, is_current=True):
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        pem = self.key.public_key().public_bytes(encoding, form).decode()
        return {"key_identifier": self.identifier, "key": pem, "is_current": is_current}

    def headers(self, body, identifier=None):
        signature = self.key.sign(body, ec.ECDSA(hashes.SHA256()))
        return {
            "Github-Public-Key-Identifier": identifier or self.identifier,
            "Github-Public-Key-Signature": base64.b64encode(signature).decode(),
            "Content-Type": "application/json",
        }


@pytest.fixture(scope="module")
def github():
    return Signer("current")


@pytest.fixture(scope="module")
def retired():
    return Signer("retired")


@pytest.fixture(scope="module", params=DATABASES)
def door(request, github, retired, tmp_path_factory):
    """A server that believes proxies at 127.0.0.1 and 10.0.0.0/8, and knows GitHub."""
    directory = tmp_path_factory.mktemp(f"door-{request.param}")
    published = directory / "github.json"
    published.write_text(json.dumps({"public_keys": [github.published(), retired.published(is_current=False)]}))
    database = DATABASES[request.param](directory)
    server = Server(directory, database)
    try:
        yield server.start(
            TESSERA_TRUSTED_PROXIES="127.0.0.1/32,10.0.0.0/8",
            TESSERA_GITHUB_PUBLIC_KEYS=str(published),
            TESSERA_INTROSPECTION_SECONDS="60",
        )
    finally:
        server.stop()
        database.drop()


@pytest.fixture(scope="module")
def boss(door):
    """The signed-in user `admin` of that server."""
    return door.admin()


@pytest.fixture(scope="module")
def verifier(door, boss):
    """A key that may ask about the tokens of others."""
    created = boss.create(workspacePermissions=["VERIFY_TOKENS"])
    client = door.holder_of(token_of(created))
    client.api_key = created
    return client


@pytest.fixture(scope="module")
def expired(boss):
    """The token of an expired key."""
    token = token_of(boss.create(validitySeconds=1))
    time.sleep(1.1)
    return token


def revoked(boss):
    """The token of a key that is no more."""
    created = boss.create()
    assert boss.delete(f"/api/service/apikeys/{created['id']}").status_code == 200
    return token_of(created)


def verify(door, token, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return door.anonymous().get(VERIFY, headers={"Authorization": f"Bearer {token}"} | named)


# Forward authentication.


def test_every_identity_header_is_there_exactly_once(door, boss):
    for token in (token_of(boss.create()), boss.token):
        names = [name.lower() for name, _ in verify(door, token).headers.multi_items()]
        assert sorted(name for name in names if name.startswith("x-tessera-")) == sorted(IDENTITY)


def test_what_the_client_claims_is_not_answered(door, boss):
    token = token_of(boss.create())
    claims = {name: "admin" for name in IDENTITY} | {name.replace("-", "_"): "admin" for name in IDENTITY}
    answer = door.anonymous().get(VERIFY, headers={"Authorization": f"Bearer {token}"} | claims)
    assert "admin" not in answer.headers.values()
    refused = door.anonymous().get(VERIFY, headers=claims)
    assert refused.status_code == 401 and not IDENTITY & set(refused.headers)


def test_the_time_left_is_told(door, boss):
    assert verify(door, token_of(boss.create())).headers["x-tessera-expires-in"] == ""
    left = verify(door, token_of(boss.create(validitySeconds=1000))).headers["x-tessera-expires-in"]
    assert 900 < int(left) <= 1000


@pytest.mark.parametrize(
    "method", "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PROPFIND MKCOL REPORT SEARCH QUERY PURGE BREW".split()
)
def test_every_method_is_answered(door, boss, method):
    token = token_of(boss.create())
    for path in (VERIFY, f"{VERIFY}/", f"{VERIFY}/a/b%20c?d=e"):
        assert door.holder_of(token).request(method, path).status_code == 200, path
        assert door.anonymous().request(method, path).status_code == 401, path


def test_a_body_is_no_obstacle(door, boss):
    token = token_of(boss.create())
    for body in (b"x", b"{", b"x" * 1_000_000):
        assert door.holder_of(token).post(VERIFY, content=body).status_code == 200


@pytest.mark.parametrize(
    "token",
    ["", "x", "tsk_", "tsk_" + "0" * 68, "x" * 10_000, "\u00ff", "null", "Bearer", "tsk_%00", "' OR 1=1 --", "a,b"],
)
def test_a_bad_key_is_never_a_redirect_and_never_a_failure(door, token):
    for path in (VERIFY, f"{VERIFY}/a", f"{VERIFY}//a//", f"{VERIFY}?persona=a&permission=b"):
        answer = door.anonymous().get(path, headers={"Authorization": f"Bearer {token}".encode("latin-1").strip()})
        assert answer.status_code == 401, f"{path} {answer.status_code}"
        assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_refusal_says_why_by_rfc_6750(door, boss, expired):
    assert "error=" not in door.anonymous().get(VERIFY).headers["www-authenticate"]
    for token in (expired, revoked(boss), "nonsense"):
        assert 'error="invalid_token"' in verify(door, token).headers["www-authenticate"]
    assert "expired" in verify(door, expired).headers["www-authenticate"]


def test_two_credentials_are_unauthenticated(door, boss):
    one, other = token_of(boss.create()), token_of(boss.create())
    client = door.anonymous()
    for first, second in ((one, other), (other, one), (one, one), (one, "nonsense"), ("nonsense", one)):
        lines = [("Authorization", f"Bearer {first}"), ("authorization", f"Bearer {second}")]
        assert client.get(VERIFY, headers=lines).status_code == 401
        assert verify(door, f"{first}, Bearer {second}").status_code == 401
        expected = 200 if first == second else 401
        assert verify(door, first, X_API_Key=second).status_code == expected
    assert client.get(VERIFY, headers={"X-API-Key": one}).status_code == 200


def test_a_token_in_a_query_string_is_unauthenticated(door, boss):
    token = token_of(boss.create())
    for path in (f"{VERIFY}?access_token={token}", f"{VERIFY}/a?b=c&access_token={token}"):
        assert door.anonymous().get(path).status_code == 401
        assert door.holder_of(token).get(path).status_code == 401
    for name in ("X_Original_URI", "X_Forwarded_Uri"):
        assert verify(door, token, **{name: f"/a?b=c&access_token={token}"}).status_code == 401
        assert verify(door, token, **{name: "/a?b=c&accessible=yes"}).status_code == 200
    assert token not in door.output()


def test_each_requirement_must_be_met(door, boss):
    persona = boss.new_persona()["qualifiedName"]
    permitted = door.holder_of(token_of(boss.create(workspacePermissions=["VIEW_AUDIT"])))
    both = boss.create(workspacePermissions=["VIEW_AUDIT"], personaQualifiedNames=[persona])
    client = door.holder_of(token_of(both))
    required = {"permission": "VIEW_AUDIT", "persona": persona}
    assert client.get(VERIFY, params=required).status_code == 200
    assert permitted.get(VERIFY, params={"permission": "VIEW_AUDIT"}).status_code == 200
    assert permitted.get(VERIFY, params=required).status_code == 403
    for wrong in ({"permission": "MANAGE_APIKEYS"}, {"permission": "no_such"}, {"persona": "default/no-such"}):
        assert client.get(VERIFY, params=required | wrong).status_code == 403, wrong
        assert client.get(f"{VERIFY}/a/path", params=required | wrong).status_code == 403, wrong
    other = boss.new_persona()["qualifiedName"]
    for more in (f"&persona={other}", "&permission=MANAGE_APIKEYS", "&permission=VIEW_AUDIT&permission=VERIFY_TOKENS"):
        assert client.get(f"{VERIFY}?persona={persona}{more}").status_code == 403, more
    assert client.get(f"{VERIFY}?permission=VIEW_AUDIT&permission=VIEW_AUDIT").status_code == 200


@pytest.mark.parametrize("query", ["personas=x", "Permission=VIEW_AUDIT", "role=admin", "persona", "permission=", "x"])
def test_a_requirement_that_is_not_understood_is_not_met(boss, query):
    assert boss.get(f"{VERIFY}?{query}").status_code == 403
    status = boss.get(f"{VERIFY}/path/of/the/client?{query}").status_code
    assert status == (403 if query in ("persona", "permission=") else 200)


def test_the_original_request_is_in_the_log_without_its_query(door, boss):
    token = token_of(boss.create())
    mark = secrets.token_hex(4)
    verify(door, token, X_Original_URI=f"/nginx-{mark}?secret=1{mark}", X_Original_Method="PUT")
    verify(door, token, X_Forwarded_Uri=f"/caddy-{mark}?secret=2{mark}", X_Forwarded_Method="MKCOL")
    door.holder_of(token).request("REPORT", f"{VERIFY}/envoy-{mark}?secret=3{mark}")
    log = door.output()
    for original in (f"PUT /nginx-{mark}", f"MKCOL /caddy-{mark}", f"REPORT /envoy-{mark}"):
        assert original in log
    assert f"1{mark}" not in log and f"2{mark}" not in log and f"3{mark}" not in log


def test_the_original_request_is_believed_of_trusted_peers_alone(server, admin):
    mark = secrets.token_hex(4)
    answer = admin.get(f"{VERIFY}/{mark}-a", headers={"X-Original-URI": f"/{mark}-b?access_token=x"})
    assert answer.status_code == 200
    assert mark not in server.output()


# Introspection, RFC 7662.


def introspect(client, token, **more):
    return client.post(INTROSPECT, data={"token": token} | more)


def test_an_active_token_is_described(boss, verifier):
    persona = boss.new_persona()["qualifiedName"]
    created = boss.create(workspacePermissions=["VIEW_AUDIT", "MANAGE_APIKEYS"], personaQualifiedNames=[persona])
    answer = introspect(verifier, token_of(created), token_type_hint="access_token")
    assert answer.headers["cache-control"] == "no-store"
    described = ok(answer)
    assert described["active"] is True
    assert described["client_id"] == created["attributes"]["clientId"]
    assert described["sub"] == created["id"]
    assert set(described["scope"].split()) == {"VIEW_AUDIT", "MANAGE_APIKEYS"}
    assert described["token_type"].lower() == "bearer"
    assert described["personas"] == [persona]


def test_the_expiry_is_bounded(boss, verifier):
    for validity, least, most in ((None, 55, 60), (86_400, 55, 60), (20, 10, 20)):
        members = {} if validity is None else {"validitySeconds": validity}
        begun = time.time()
        left = ok(introspect(verifier, token_of(boss.create(**members))))["exp"] - begun
        assert least < left <= most + 1


def test_of_an_inactive_token_nothing_is_said(boss, verifier, expired):
    bound = token_of(boss.create(allowedAddresses=["127.0.0.1"]))
    for token in ("nonsense", "tsk_" + "0" * 68, expired, revoked(boss), bound):
        answer = introspect(verifier, token)
        assert ok(answer) == {"active": False}, token
        assert answer.headers["cache-control"] == "no-store"
    assert introspect(verifier, "").status_code == 400


def test_a_gateway_may_authenticate_as_an_oauth_client(door, boss, verifier):
    client_id, token = verifier.api_key["attributes"]["clientId"], verifier.token
    anonymous = door.anonymous()
    subject = token_of(boss.create())

    def basic(name, secret):
        return anonymous.post(INTROSPECT, data={"token": subject}, auth=(name, secret))

    assert ok(basic(client_id, token))["active"] is True
    other = boss.create(workspacePermissions=["VERIFY_TOKENS"])["attributes"]
    for name, secret in ((client_id, other["accessToken"]), (client_id, "nonsense"), ("", token), ("admin", token)):
        refused = basic(name, secret)
        assert refused.status_code == 401
        assert "www-authenticate" in refused.headers


def test_who_asks_must_be_known(door, boss, expired):
    subject = token_of(boss.create())
    for asking in (door.anonymous(), door.holder_of("nonsense"), door.holder_of(expired)):
        refused = introspect(asking, subject)
        assert refused.status_code == 401 and "active" not in refused.json()
    twice = [("Authorization", f"Bearer {boss.token}"), ("Authorization", f"Bearer {subject}")]
    assert door.anonymous().post(INTROSPECT, data={"token": subject}, headers=twice).status_code in (400, 401)


def test_who_asks_must_be_permitted_and_learns_nothing_otherwise(door, boss, expired):
    plain = door.holder_of(token_of(boss.create(workspacePermissions=["MANAGE_APIKEYS", "VIEW_AUDIT"])))
    answers = [introspect(plain, token) for token in (token_of(boss.create()), expired, revoked(boss), "nonsense")]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.json()["errorMessage"] for answer in answers}) == 1


def test_everybody_may_ask_about_oneself(door, boss):
    created = boss.create()
    client = door.holder_of(token_of(created))
    assert ok(introspect(client, token_of(created)))["sub"] == created["id"]


@pytest.mark.parametrize("body", [b"", b"x=y", b"token=a&token=b", b'{"token":"a"}'])
def test_a_malformed_question_is_a_bad_request(verifier, body):
    for kind in ("application/x-www-form-urlencoded", "application/json", "text/plain"):
        answer = verifier.post(INTROSPECT, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400, f"{kind} {answer.status_code} {answer.text}"


# Many tokens at once.


def test_tokens_are_answered_in_their_order(boss, verifier, expired):
    created = boss.create(workspacePermissions=["VIEW_AUDIT"])
    tokens = ["nonsense", token_of(created), expired, revoked(boss)]
    results = ok(verifier.post(BATCH, json={"tokens": tokens}))["results"]
    assert [result["active"] for result in results] == [False, True, False, False]
    assert results[1]["id"] == created["id"] and results[1]["permissions"] == ["VIEW_AUDIT"]
    assert "expired" in results[2]["reason"]
    assert results[0]["reason"] == results[3]["reason"], "an unknown token and a revoked one look the same"
    assert "id" not in results[0]


def test_a_batch_is_bounded(verifier):
    assert len(ok(verifier.post(BATCH, json={"tokens": ["x"] * 100}))["results"]) == 100
    for tokens in ([], ["x"] * 101, ["x"] * 5000):
        answer = verifier.post(BATCH, json={"tokens": tokens})
        assert answer.status_code == 400
        assert "1 to 100" in answer.json()["errorMessage"]


def test_a_batch_takes_the_permission(door, boss):
    own = token_of(boss.create())
    client = door.holder_of(own)
    assert client.post(BATCH, json={"tokens": [own, token_of(boss.create())]}).status_code == 403
    assert client.post(BATCH, json={"tokens": ["nonsense"]}).status_code == 403
    assert ok(client.post(BATCH, json={"tokens": [own]}))["results"][0]["active"] is True
    assert door.anonymous().post(BATCH, json={"tokens": [own]}).status_code == 401


def test_a_bound_key_is_verified_for_an_address(boss, verifier):
    token = token_of(boss.create(allowedAddresses=["10.0.0.0/8"]))
    for address, active in (("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.1.2.3", False), (None, False)):
        body = {"tokens": [token]} if address is None else {"tokens": [token], "address": address}
        assert ok(verifier.post(BATCH, json=body))["results"][0]["active"] is active, address
    for address in ("nonsense", "10.0.0.0/8", "10.1.2.3:80", ""):
        assert verifier.post(BATCH, json={"tokens": [token], "address": address}).status_code == 400, address


# Revocation by possession. Each test reports from an address of its own, because reports are counted by address.


def report(door, token, address):
    return door.anonymous().post(LEAKED, json={"token": token}, headers={"X-Forwarded-For": address})


def test_a_leaked_token_is_dead_and_the_answer_tells_nothing(door, boss, expired):
    live = token_of(boss.create())
    answers = [report(door, token, "192.0.2.1") for token in (live, live, "nonsense", expired, revoked(boss), "")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"")}
    assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1
    assert verify(door, live).status_code == 401


def test_a_token_of_another_kind_may_be_reported(door, boss):
    session = door.admin()
    other = door.admin()
    assert report(door, session.token, "192.0.2.2").status_code == 200
    assert not session.is_let_in()
    assert other.is_let_in() and boss.is_let_in(), "only the session that was shown ends"


def test_limits_do_not_protect_a_leaked_token(door, boss):
    created = boss.create(allowedAddresses=["10.0.0.0/8"], rateLimit={"requests": 1, "seconds": 3600})
    assert verify(door, token_of(created), X_Forwarded_For="10.0.0.9, 10.0.0.9").status_code == 200
    report(door, token_of(created), "192.0.2.3")
    assert boss.get(f"/api/service/apikeys/{created['id']}").status_code == 404


def test_two_reports_at_once_kill_a_key_once(door, boss):
    created = boss.create()
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(report(door, token_of(created), "192.0.2.4").status_code))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {200}
    changes = map(json.dumps, ok(boss.get("/api/service/audit", params={"limit": 1000}))["records"])
    revocations = [change for change in changes if created["id"] in change and "leak" in change.lower()]
    assert len(revocations) == 1, revocations


def test_reports_are_limited_by_address(door, boss):
    answers = [report(door, "nonsense", "192.0.2.5") for _ in range(35)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:30] == [200] * 30 and 429 in statuses[30:]
    assert int(answers[-1].headers["retry-after"]) >= 1
    live = token_of(boss.create())
    assert report(door, live, "192.0.2.5").status_code == 429
    assert verify(door, live).status_code == 200
    assert report(door, live, "192.0.2.6").status_code == 200, "another address is another count"
    assert verify(door, live).status_code == 401


# GitHub's secret scanning.


def alert(door, signer, alerts, **headers):
    body = json.dumps(alerts).encode()
    return door.anonymous().post(GITHUB, content=body, headers=signer.headers(body) | headers)


def test_alerts_are_labelled_and_live_tokens_revoked(door, boss, github, expired):
    live = token_of(boss.create())
    tokens = [live, expired, "nonsense", revoked(boss)]
    alerts = [{"token": token, "type": "tessera_api_key", "url": "u", "source": "commit"} for token in tokens]
    first = ok(alert(door, github, alerts))
    assert [each["token_raw"] for each in first] == tokens
    assert {each["token_type"] for each in first} == {"tessera_api_key"}
    assert [each["label"] for each in first] == ["true_positive"] + ["false_positive"] * 3
    assert verify(door, live).status_code == 401
    again = ok(alert(door, github, alerts))
    assert [each["label"] for each in again] == ["false_positive"] * 4, "a replay does nothing"
    assert ok(alert(door, github, [])) == []
    assert live not in door.output()


def test_alerts_that_are_not_signed_are_refused(door, boss, github, retired):
    live = token_of(boss.create())
    body = json.dumps([{"token": live, "type": "t"}]).encode()
    good = github.headers(body)
    stranger = Signer("current")
    wrong = {
        "no headers": {},
        "no identifier": {name: value for name, value in good.items() if "Identifier" not in name},
        "no signature": {name: value for name, value in good.items() if "Signature" not in name},
        "of another body": github.headers(body + b" "),
        "of a stranger": stranger.headers(body),
        "of a retired key": retired.headers(body),
        "of an unknown key": github.headers(body, identifier="unknown"),
        "no base64": good | {"Github-Public-Key-Signature": "%%%"},
        "empty": good | {"Github-Public-Key-Signature": ""},
        "zeros": good | {"Github-Public-Key-Signature": base64.b64encode(b"\x30\x06\x02\x01\x00\x02\x01\x00").decode()},
    }
    for name, headers in wrong.items():
        answer = door.anonymous().post(GITHUB, content=body, headers=headers)
        assert answer.status_code == 400, f"{name}: {answer.status_code}"
    assert verify(door, live).status_code == 200
    assert door.anonymous().post(GITHUB, content=body, headers=good).status_code == 200


@pytest.mark.parametrize("alerts", [{}, "x", [1], [{}], [{"token": 1, "type": "t"}], None])
def test_signed_nonsense_is_a_bad_request(door, github, alerts):
    assert alert(door, github, alerts).status_code == 400


def test_without_githubs_keys_nothing_is_believed(server, github):
    assert alert(server, github, []).status_code == 400


# Limits of a key.


def test_the_rate_limit_is_told_and_enforced(door, boss):
    token = token_of(boss.create(rateLimit={"requests": 3, "seconds": 600}))
    answers = [verify(door, token) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit"] for answer in answers[:3]] == [f'"key";r={left}' for left in (2, 1, 0)]
    assert answers[0].headers["ratelimit-policy"] == '"key";q=3;w=600'
    for refused in answers[3:]:
        assert 1 <= int(refused.headers["retry-after"]) <= 200
        assert not IDENTITY & set(refused.headers)
    assert "ratelimit" not in verify(door, token_of(boss.create())).headers


def test_a_key_may_be_used_again_after_the_time_that_it_was_told(door, boss):
    token = token_of(boss.create(rateLimit={"requests": 1, "seconds": 1}))
    assert verify(door, token).status_code == 200
    refused = verify(door, token)
    if refused.status_code == 429:  # else a second went by on the way
        time.sleep(int(refused.headers["retry-after"]))
        assert verify(door, token).status_code == 200


def test_the_rate_limit_can_be_changed_and_taken_away(door, boss):
    created = boss.create("limited", rateLimit={"requests": 1, "seconds": 3600})
    token, guid = token_of(created), created["id"]
    assert [verify(door, token).status_code for _ in range(2)] == [200, 429]
    boss.update(guid, "limited", rateLimit={"requests": 0, "seconds": 1})
    assert {verify(door, token).status_code for _ in range(5)} == {200}


# F13 and F15: what the peer 127.0.0.1, which is trusted, says in X-Forwarded-For.
@pytest.mark.parametrize(
    "allowed, forwarded, let_in",
    [
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.0/24", "192.0.2.7, 198.51.100.1", False),
        ("192.0.2.0/24", "198.51.100.1, 192.0.2.7", True),
        ("192.0.2.0/24", "192.0.2.7, 198.51.100.1, 10.0.0.1", False),
        ("192.0.2.0/24", "198.51.100.1, 192.0.2.7, 10.0.0.1, 10.0.0.2", True),
        ("192.0.2.0/24", "::ffff:192.0.2.7", True),
        ("::ffff:192.0.2.0/120", "192.0.2.7", True),
        ("192.0.2.0/24", "192.0.2.7:4711", True),
        ("192.0.2.0/24", "[::ffff:192.0.2.7]:4711", True),
        ("192.0.2.0/24", "unknown", False),
        ("192.0.2.0/24", "192.0.2.7, unknown", False),
        ("192.0.2.0/24", "192.0.2.7%eth0", False),
        ("fe80::/10", "fe80::1%eth0", False),
        ("192.0.2.0/24", "192.0.2.007", False),
        ("192.0.2.0/24", "3221225991", False),
        ("192.0.2.0/24", "", False),
        ("192.0.2.0/24", None, False),
        ("127.0.0.1/32", None, True),
        ("127.0.0.1/32", "", True),
        ("127.0.0.1/32", "127.0.0.1, 192.0.2.7", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "100.1.2.3", False),
        ("2001:db8::/32", "2001:db8:ffff::1", True),
        ("2001:db8::/32", "2001:DB8:0:0:0:0:0:1", True),
        ("2001:db8::/32", "2001:db9::1", False),
    ],
)
# F14: with and without an expiry.
@pytest.mark.parametrize("members", [{}, {"validitySeconds": 1000}], ids=["forever", "expiring"])
def test_a_bound_key_is_judged_by_the_last_hop_that_is_not_trusted(door, boss, allowed, forwarded, let_in, members):
    token = token_of(boss.create(allowedAddresses=[allowed], **members))
    headers = {} if forwarded is None else {"X_Forwarded_For": forwarded}
    assert verify(door, token, **headers).status_code == (200 if let_in else 403)


def test_several_lines_count_as_one(door, boss):
    token = token_of(boss.create(allowedAddresses=["192.0.2.0/24"]))
    for lines, status in ((("198.51.100.1", "192.0.2.7"), 200), (("192.0.2.7", "198.51.100.1"), 403)):
        headers = [("Authorization", f"Bearer {token}"), *(("X-Forwarded-For", line) for line in lines)]
        assert door.anonymous().get(VERIFY, headers=headers).status_code == status


def test_an_underscore_is_no_hyphen(door, boss):
    token = token_of(boss.create(allowedAddresses=["192.0.2.0/24"]))
    for name in ("X_Forwarded_For", "X-Forwarded_For", "Forwarded", "X-Real-IP", "X-Client-IP"):
        headers = {"Authorization": f"Bearer {token}", name: "192.0.2.7"}
        assert door.anonymous().get(VERIFY, headers=headers).status_code == 403, name


def test_an_untrusted_peer_cannot_say_where_it_is(server, admin):
    token = token_of(admin.create(allowedAddresses=["192.0.2.0/24"]))
    assert verify(server, token, X_Forwarded_For="192.0.2.7").status_code == 403
    here = token_of(admin.create(allowedAddresses=["127.0.0.1"]))
    assert verify(server, here, X_Forwarded_For="192.0.2.7").status_code == 200


def test_addresses_can_be_changed_and_taken_away(door, boss):
    created = boss.create("bound", allowedAddresses=["192.0.2.0/24", "2001:db8::/32"])
    token, guid = token_of(created), created["id"]
    assert set(created["attributes"]["allowedAddresses"]) == {"192.0.2.0/24", "2001:db8::/32"}
    assert verify(door, token).status_code == 403
    boss.update(guid, "bound")
    assert verify(door, token).status_code == 403, "left out means left alone"
    boss.update(guid, "bound", allowedAddresses=["127.0.0.0/8"])
    assert verify(door, token).status_code == 200
    boss.update(guid, "bound", allowedAddresses=[])
    assert verify(door, token, X_Forwarded_For="203.0.113.1").status_code == 200


@pytest.mark.parametrize("wrong", ["nonsense", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0", "::1/129", "fe80::1%eth0", ""])
def test_what_is_no_network_is_refused_by_name(boss, wrong):
    body = {"displayName": "x", "allowedAddresses": ["10.0.0.0/8", wrong]}
    answer = boss.post("/api/service/apikeys", json=body)
    assert answer.status_code == 400 and "allowedAddresses" in answer.text


# F17.


def test_while_the_storage_fails_nothing_is_said_about_a_token(tmp_path):
    database = DATABASES["postgres"](tmp_path)
    server = Server(tmp_path, database)
    try:
        server.start(**TRUSTED)
        unseen, asking = server.new_key(), server.new_key("--permission", "VERIFY_TOKENS")
        database.drop()
        for answer in (
            server.holder_of(unseen).get(VERIFY),
            server.anonymous().post(INTROSPECT, data={"token": unseen}, auth=("apikey-x", asking)),
            introspect(server.holder_of(asking), unseen),
        ):
            assert answer.status_code == 503, answer.text
            assert "active" not in answer.json()
    finally:
        server.stop()
        database.sql(f"DROP DATABASE IF EXISTS {database.database}")
