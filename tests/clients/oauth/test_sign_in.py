"""Signing in with an honest and with a misbehaving provider."""

import secrets
import time

import httpx
import pytest

from lying_provider import rsa_key, shared, sign, unsigned

REJECTED = "/login?because=rejected"


def unique(company, **more):
    """Makes the provider's person a new user."""
    company.person |= {
        "sub": secrets.token_hex(8),
        "preferred_username": f"p-{secrets.token_hex(4)}",
        "email": "ada@example.org",
    } | more
    return company.person["preferred_username"]


def test_a_person_signs_in_and_is_a_user(company, browser):
    name = unique(company)
    asked = browser.begin(next="keys")
    query = httpx.QueryParams(asked.partition("?")[2])
    assert asked.startswith(f"{company.issuer}/authorize?")
    assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"
    assert len(query["state"]) >= 43 and len(query["nonce"]) >= 43
    assert query["redirect_uri"] == f"{browser.tessera}/login/company/callback"
    assert browser.come_back(browser.at_provider(asked)) == "/keys"
    assert browser.whoami()["username"] == name
    assert browser.cookies["actor"] == f"urn:li:corpuser:{name}"


def test_a_person_is_the_same_user_under_another_name_and_address(company, new_browser):
    name = unique(company)
    new_browser().sign_in()
    company.person |= {"preferred_username": "another-name", "email": "another@example.org"}
    browser = new_browser()
    browser.sign_in()
    assert browser.whoami()["username"] == name


NOW = int(time.time())
WRONG_CLAIMS = {
    "nonce of another sign-in": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://id.example.org"},
    "an issuer with a slash more": "slash",
    "another audience": {"aud": "other"},
    "no audience": {"aud": None},
    "an empty list of audiences": {"aud": []},
    "an audience more": {"aud": ["tessera", "other"]},
    "another authorized party": {"azp": "other"},
    "expired": {"exp": NOW - 3600},
    "no expiry": {"exp": None},
    "an expiry that is a text": {"exp": "2999999999"},
    "issued in the future": {"iat": NOW + 7200, "exp": NOW + 9000},
    "not valid yet": {"nbf": NOW + 7200},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is too long": {"sub": "x" * 256},
    "a subject that is no text": {"sub": 1},
}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS)
def test_an_id_token_with_wrong_claims_is_refused(company, browser, wrong):
    unique(company)
    claims = WRONG_CLAIMS[wrong]
    company.claims = {"iss": company.issuer + "/"} if claims == "slash" else claims
    assert browser.sign_in() == REJECTED
    assert browser.token is None


WRONG_SIGNATURES = {
    "none": lambda company: lambda head, claims: unsigned(head | {"alg": "none"}, claims),
    "NONE": lambda company: lambda head, claims: unsigned(head | {"alg": "NONE"}, claims),
    "HS256 with the secret of the client": lambda company: lambda head, claims: shared(
        head, claims, company.secret.encode()
    ),
    "HS256 with the public key": lambda company: lambda head, claims: shared(
        head, claims, company.key.as_pem(private=False)
    ),
    "the key of somebody else under the same name": lambda company: lambda head, claims: sign(
        head, claims, company.new_key()
    ),
    "a key that the token brings along": lambda company: (
        lambda key: lambda head, claims: sign(
            {"alg": "ES256", "jwk": key.as_dict(private=False)}, claims, key
        )
    )(company.new_key()),
    "another kind of key under the same name": lambda company: lambda head, claims: sign(
        head | {"alg": "RS256"}, claims, rsa_key()
    ),
    "no signature": lambda company: lambda head, claims: unsigned(head, claims),
}


@pytest.mark.parametrize("wrong", WRONG_SIGNATURES)
def test_an_id_token_that_the_provider_has_not_signed_is_refused(company, browser, wrong):
    unique(company)
    company.sign = WRONG_SIGNATURES[wrong](company)
    assert browser.sign_in() == REJECTED
    assert browser.token is None


@pytest.mark.parametrize("head", [{"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"crit": ["b64"], "b64": True}])
def test_a_token_of_another_kind_is_refused(company, browser, head):
    unique(company)
    company.head = head
    assert browser.sign_in() == REJECTED


def test_an_algorithm_that_the_provider_does_not_name_is_refused(tessera, company, browser):
    unique(company)
    key = company.key
    company.key = rsa_key()
    company.sign = lambda head, claims: sign(head | {"alg": "PS256"}, claims, company.key, ["PS256"])
    try:
        assert browser.sign_in() == REJECTED
    finally:
        company.key = key


def test_a_new_key_is_asked_for_once_and_then_not_for_a_while(company, new_browser):
    unique(company)
    new_browser().sign_in()
    time.sleep(5.2)
    company.key = company.new_key()
    before = company.asked_for_keys
    assert new_browser().sign_in() == "/"
    assert company.asked_for_keys == before + 1
    company.head = {"kid": "made-up"}
    for _ in range(3):
        assert new_browser().sign_in() == REJECTED
    assert company.asked_for_keys == before + 1


def test_the_answer_belongs_to_the_browser_that_asked(company, new_browser):
    unique(company)
    ours, theirs = new_browser(), new_browser()
    back = ours.at_provider(ours.begin())
    assert theirs.come_back(back) == "/login?because=stale"
    theirs.begin()
    assert theirs.come_back(back) == "/login?because=stale"
    assert theirs.token is None


@pytest.mark.parametrize("state", [None, "", "x" * 43])
def test_an_answer_with_a_wrong_state_is_refused(company, browser, state):
    unique(company)
    company.answer = {"state": state}
    assert browser.sign_in() == "/login?because=stale"


def test_an_answer_counts_once(company, new_browser):
    unique(company)
    browser = new_browser()
    asked = browser.begin()
    kept = dict(browser.cookies)
    back = browser.at_provider(asked)
    assert browser.come_back(back) == "/"
    assert browser.come_back(back) == "/login?because=stale"
    again = new_browser()
    again.cookies.update(kept)
    assert again.come_back(back) == REJECTED, "the provider takes no code twice"
    assert again.token is None


def test_a_code_of_one_provider_is_not_taken_to_another(company, other, new_browser):
    unique(company)
    unique(other)
    browser = new_browser()
    browser.begin("other")
    back = browser.at_provider(browser.begin("company"))
    assert browser.come_back(back.replace("/company/", "/other/")) == "/login?because=stale"
    company.answer = {"iss": other.issuer}
    assert browser.sign_in("company") == REJECTED
    assert not any(path == "/token" for _, path, _, _ in company.requests), "the code was given to nobody"
    company.answer = {"iss": None}
    assert browser.sign_in("company") == REJECTED, "the provider says that it always names itself"


def test_two_providers_make_two_users_of_one_address_and_subject(company, other, new_browser):
    mine, subject = unique(company), company.person["sub"]
    unique(other, sub=subject, email="ada@example.org")
    for provider in (company, other):
        browser = new_browser()
        browser.sign_in(provider.name)
        assert browser.whoami()["username"] == provider.person["preferred_username"]
    other.person = other.person | {"sub": secrets.token_hex(8), "preferred_username": mine.upper()}
    browser = new_browser()
    assert browser.sign_in("other") == "/login?because=name-taken"
    assert browser.token is None


@pytest.mark.parametrize("name", ["admin", "Admin", "adm1n", "operator", "service-account-x", "__system", "a b", "", "ä"])
def test_names_that_users_may_not_have_are_refused(company, browser, name):
    unique(company, preferred_username=name)
    assert browser.sign_in() in ("/login?because=bad-name", "/login?because=name-taken")
    assert browser.token is None


def test_a_claim_that_is_no_text_makes_no_name(company, browser):
    unique(company, preferred_username=["ada"])
    assert browser.sign_in() == "/login?because=bad-name"


def test_who_loses_the_group_loses_the_role(tessera, company, new_browser):
    name = unique(company, groups=["staff", "admins"])
    first = new_browser()
    first.sign_in()
    admin = tessera.admin()

    def role():
        found = admin.get("/api/service/users", params={"filter": f'{{"username":"{name}"}}'}).json()["records"]
        return found[0]["workspaceRole"]

    assert role() == "$admin"
    company.person["groups"] = ["staff"]
    new_browser().sign_in()
    assert role() == "$member"
    assert first.whoami()["roles"][0]["name"] == "$member", "the earlier session has no more than the role"
    company.person["groups"] = ["Admins", "admins "]
    assert new_browser().sign_in() == "/login?because=no-role"
    assert role() == "$guest"
    assert first.whoami() is None, "every session has ended"


def test_who_is_in_no_group_is_not_let_in_and_is_no_user(tessera, company, browser):
    name = unique(company, groups=[])
    assert browser.sign_in() == "/login?because=no-role"
    found = tessera.admin().get("/api/service/users", params={"filter": f'{{"username":"{name}"}}'}).json()
    assert found["records"] in (None, [])


def test_a_disabled_user_stays_out(tessera, company, new_browser):
    name = unique(company)
    browser = new_browser()
    browser.sign_in()
    tessera.cli("users", "disable", name)
    assert browser.whoami() is None
    assert new_browser().sign_in() == "/login?because=disabled"


def test_nobody_is_asked_again_without_saying_when(company, browser):
    unique(company)
    query = httpx.QueryParams(browser.begin(again="true").partition("?")[2])
    assert query["prompt"] == "login" and query["max_age"] == "0"
    assert browser.sign_in(again="true") == "/"
    for auth_time in (int(time.time()) - 3600, None):
        company.claims = {"auth_time": auth_time}
        assert browser.sign_in(again="true") == REJECTED


STRANGE = ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/api/service/apikeys", "login"]


@pytest.mark.parametrize("target", STRANGE)
def test_nobody_is_led_to_another_site(company, browser, target):
    unique(company)
    assert browser.sign_in(next=target) == "/"


def test_who_says_no_is_believed(company, browser):
    company.answer = {"code": None, "error": "access_denied", "error_description": "<script>"}
    assert browser.sign_in() == "/login?because=denied"
    page = browser.get("/login?because=denied").text
    assert "did not let you in" in page


def test_datahubs_sign_in_leads_through_it(company, browser):
    name = unique(company)
    answer = browser.get("/authenticate", params={"redirect_uri": "/"})
    page = browser.get("/" + answer.headers["location"].removeprefix("./"))
    assert page.status_code == 200 and "Continue with company account" in page.text
    browser.sign_in()
    assert httpx.URL(browser.cookies["actor"]) == f"urn:li:corpuser:{name}"


def test_no_secret_of_a_sign_in_is_in_the_log(tessera, company, new_browser):
    unique(company)
    browser = new_browser()
    back = browser.at_provider(browser.begin())
    code = httpx.QueryParams(back.partition("?")[2])["code"]
    browser.come_back(back)
    company.claims = {"nonce": "x"}
    new_browser().sign_in()
    log = tessera.output()
    for secret in (code, company.secret, browser.token):
        assert secret not in log


def test_the_earlier_session_of_the_browser_ends(tessera, company, browser):
    unique(company)
    browser.sign_in()
    earlier = browser.token
    browser.sign_in()
    assert browser.token != earlier and browser.whoami()
    assert tessera.holder_of(earlier).get("/api/service/whoami").status_code == 401
