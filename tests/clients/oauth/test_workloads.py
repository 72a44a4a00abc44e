"""Workload identity: a job of GitHub Actions or GitLab CI, or a pod of Kubernetes, has no secret and acts as an API key."""

import copy
import json
import time

import httpx
import pytest

from lying_provider import encoded, shared, unsigned
from programs import ACCESS_TOKEN, EXCHANGE, ID_TOKEN, SERVICE, Program, claims_of, exchange_without_client
from servers import DATABASES, ok, running
from workloads import AUDIENCE, github, gitlab, kubernetes


@pytest.fixture(scope="module")
def issuers():
    made = {"github": github(), "gitlab": gitlab(), "kubernetes": kubernetes(), "unlisted": github()}
    yield made
    for issuer in made.values():
        issuer.close()


@pytest.fixture(scope="module", params=DATABASES)
def trusting(request, issuers, tmp_path_factory):
    """A server that may ask three of the issuers on this machine for their keys."""
    private = ",".join(issuers[name].url for name in ("github", "gitlab", "kubernetes"))
    yield from running(request.param, tmp_path_factory, TESSERA_WORKLOAD_PRIVATE_ISSUERS=private)


@pytest.fixture(scope="module")
def person(trusting):
    return trusting.admin()


@pytest.fixture(params=["github", "gitlab", "kubernetes"])
def issuer(request, issuers):
    return issuers[request.param]


@pytest.fixture
def program(trusting, person, issuer):
    return Program(trusting, person, "VIEW_USERS", trust=[issuer.rule()])


def exchanged(program, token, **form):
    """The answer to a workload, which has nothing but its token."""
    asked = {"grant_type": EXCHANGE, "client_id": program.client_id, "subject_token": token, "subject_token_type": ID_TOKEN}
    with program.server.anonymous() as client:
        return client.post("/oauth/token", data=asked | form)


def refused(program, token, error="invalid_request"):
    answer = exchanged(program, token)
    assert answer.status_code == 400 and answer.json()["error"] == error, answer.text
    return answer.json()["error_description"]


def test_a_workload_acts_as_the_key(program, issuer):
    told = ok(exchanged(program, issuer.token(), scope="VIEW_USERS"))
    assert told["issued_token_type"] == ACCESS_TOKEN
    with program.server.holder_of(told["access_token"]) as job:
        assert ok(job.get("/api/service/users/current"))["username"] == program.username
        assert job.get("/api/service/users").status_code == 200
        assert job.get("/api/service/audit").status_code != 200
    assert claims_of(told["access_token"])["client_id"] == program.client_id
    # For a registered resource, too.
    bound = ok(exchanged(program, issuer.token(), resource=SERVICE))["access_token"]
    assert claims_of(bound)["aud"] == SERVICE


def test_the_child_never_outlives_the_id_token(program, issuer):
    for form in ({}, {"lifetime": 3600}, {"token_format": "opaque", "lifetime": 3600}):
        claims = issuer.claims(lifetime=90)
        told = ok(exchanged(program, issuer.token(claims), **form))
        assert time.time() + told["expires_in"] <= claims["exp"] + 1
        assert program.introspect(told["access_token"])["exp"] <= claims["exp"]
        # Nor does what is exchanged for the child.
        grandchild = ok(exchange_without_client(program.server, told["access_token"], lifetime=3600))
        assert claims_of(grandchild["access_token"])["exp"] <= claims["exp"]


def test_the_child_dies_with_the_key(program, issuer, person):
    token = ok(exchanged(program, issuer.token()))["access_token"]
    with program.server.holder_of(token) as job:
        assert job.is_let_in()
        assert person.delete(f"/api/service/apikeys/{program.guid}").status_code == 200
        assert not job.is_let_in()
    refused(program, issuer.token())


@pytest.mark.parametrize("form", ["jwt", "opaque"])
def test_the_child_dies_with_its_rule(program, issuer, form):
    token = ok(exchanged(program, issuer.token(), token_format=form))["access_token"]
    with program.server.holder_of(token) as job, program.server.holder_of(program.child(token_format=form)) as other:
        assert job.is_let_in() and other.is_let_in()
        program.register(trust=[issuer.rule() | {"name": "renamed"}])
        assert job.is_let_in()
        program.register()
        assert not job.is_let_in()
        assert other.is_let_in(), "it came from the key's token"


def test_a_key_without_a_token_leaves_only_the_workload(program, issuer):
    with program.server.holder_of(program.secret) as key, program.server.holder_of(program.child()) as child:
        assert key.is_let_in() and child.is_let_in()
        program.register(trust=[issuer.rule()], secret="none")
        assert not key.is_let_in() and not child.is_let_in()
    assert program.ask(grant_type="client_credentials").status_code == 401
    token = ok(exchanged(program, issuer.token()))["access_token"]
    with program.server.holder_of(token) as job:
        assert job.is_let_in()


STANDARD = {
    "another issuer": {"iss": "https://token.example.org"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "https://other.example.org"},
    "two audiences": {"aud": [AUDIENCE, "https://other.example.org"]},
    "no audience": {"aud": None},
    "expired": {"exp": -5},
    "no expiry": {"exp": None},
    "of the future": {"iat": 600},
    "no time of issue": {"iat": None},
    "not valid yet": {"nbf": 600},
    "valid for two days": {"exp": 172_800},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 5},
}


@pytest.mark.parametrize("wrong", STANDARD)
def test_a_wrong_standard_claim_is_refused(program, issuer, wrong):
    claims = issuer.claims()
    for name, value in STANDARD[wrong].items():
        if value is None:
            del claims[name]
        elif name in ("exp", "iat", "nbf"):
            claims[name] = int(time.time()) + value
        else:
            claims[name] = value
    refused(program, issuer.token(claims))


def changed(claims, path, value):
    """The claims with another value at a path, or without it."""
    claims = copy.deepcopy(claims)
    place, name = claims, path
    if path.startswith("kubernetes.io."):
        *inner, name = path.removeprefix("kubernetes.io.").split(".")
        place = claims["kubernetes.io"]
        for each in inner:
            place = place[each]
    place[name] = value
    if value is None:
        del place[name]
    return claims


@pytest.mark.parametrize("how", ["another", "longer", "missing", "list", "number", "object", "other case"])
def test_every_claim_of_the_rule_counts(program, issuer, how):
    honest = issuer.claims()
    for path, pattern in issuer.required.items():
        right = pattern.replace("*", "7")
        value = {
            "another": "another",
            "longer": f"x{right}",
            "missing": None,
            "list": [right],
            "number": 7,
            "object": {"value": right},
            "other case": right.upper() if right.upper() != right else f"{right} ",
        }[how]
        refused(program, issuer.token(changed(honest, path, value)))
    assert exchanged(program, issuer.token(honest)).status_code == 200


def test_a_token_that_is_not_the_issuers_is_refused(program, issuer):
    claims, honest = issuer.claims(), issuer.token()
    head, body, signature = honest.split(".")
    public = httpx.get(f"{issuer.url}/jwks", trust_env=False).content
    forged = {
        "signed by another key": issuer.token(claims, foreign=True),
        "with an unknown key": issuer.token(claims, {"kid": "unknown"}),
        "not signed": unsigned({"alg": "none", "typ": "JWT"}, claims),
        "signed with a shared secret": shared({"typ": "JWT"}, claims, public),
        "with other claims": f"{head}.{encoded(json.dumps(claims | {'sub': 'x'}).encode())}.{signature}",
        "an access token": issuer.token(claims, {"typ": "at+jwt"}),
        "a logout token": issuer.token(claims, {"typ": "logout+jwt"}),
        "nonsense": "nonsense",
    }
    for how, token in forged.items():
        assert refused(program, token), how


def test_tokens_of_one_issuer_are_not_those_of_another(trusting, person, issuers):
    program = Program(trusting, person, trust=[issuers["github"].rule()])
    refused(program, issuers["kubernetes"].token())
    # The claims of GitHub's token, signed by the other issuer, which another rule trusts.
    program.register(trust=[issuers["github"].rule(), issuers["kubernetes"].rule("pods")])
    refused(program, issuers["kubernetes"].token(issuers["github"].claims()))
    refused(program, issuers["kubernetes"].token(issuers["kubernetes"].claims() | issuers["github"].honest))


def test_no_rule_matches_on_nothing(trusting, person, issuer):
    without = Program(trusting, person)
    refused(without, issuer.token())
    body = {"trust": [issuer.rule(claims={})]}
    place = f"/api/service/apikeys/{without.guid}/oauth"
    assert person.put(place, json=body).status_code == 400
    # A name that somebody else can register again, without an id.
    for claims, needed in (
        ({"repository": "octo-org/octo-repo"}, "repository_id"),
        ({"sub": "repo:octo-org/octo-repo:ref:refs/heads/main"}, "repository_id"),
        ({"project_path": "my-group/my-project"}, "project_id"),
        ({"sub": "project_path:my-group/my-project:ref_type:branch:ref:main"}, "project_id"),
    ):
        refusal = person.put(place, json={"trust": [issuer.rule(claims=claims)]})
        assert refusal.status_code == 400 and needed in refusal.text, refusal.text


def test_only_a_person_makes_a_rule(trusting, person, issuer):
    manager = Program(trusting, person, "MANAGE_APIKEYS")
    for token in (manager.secret, manager.child()):
        with trusting.holder_of(token) as client:
            refusal = client.put(f"/api/service/apikeys/{manager.guid}/oauth", json={"trust": [issuer.rule()]})
            assert refusal.status_code == 403, refusal.text


def test_an_issuer_in_a_private_network_is_asked_only_if_listed(trusting, person, issuers):
    unlisted = issuers["unlisted"]
    program = Program(trusting, person)
    program.register(trust=[unlisted.rule()])
    answer = exchanged(program, unlisted.token())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
    assert answer.json()["error"] == "temporarily_unavailable", answer.text
