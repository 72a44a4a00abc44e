"""Signing out at the provider: by the user, and by back-channel logout."""

import secrets
import time

import httpx
import pytest

from lying_provider import EVENT, sign
from test_sign_in import unique


def told(tessera, token, provider="company"):
    return httpx.post(
        f"{tessera.base_url}/oauth/backchannel-logout/{provider}", data={"logout_token": token}, trust_env=False
    )


@pytest.fixture
def signed_in(company, new_browser):
    """Two sessions of one user, from two sessions at the provider."""
    unique(company)
    browsers = []
    for sid in ("session-1", "session-2"):
        company.claims = {"sid": sid + company.person["sub"]}
        browsers.append(new_browser())
        browsers[-1].sign_in()
    company.claims = {}
    assert all(browser.whoami() for browser in browsers)
    return browsers


def test_a_session_that_the_provider_ends_is_dead_at_once(tessera, company, signed_in):
    answer = told(tessera, company.logout_token(sid="session-1" + company.person["sub"]))
    assert answer.status_code == 200, answer.text
    assert [bool(browser.whoami()) for browser in signed_in] == [False, True]


def test_a_subject_that_the_provider_ends_has_no_session_left(tessera, company, signed_in):
    assert told(tessera, company.logout_token(sub=company.person["sub"])).status_code == 200
    assert not any(browser.whoami() for browser in signed_in)


def test_a_logout_token_counts_once(tessera, company, signed_in, new_browser):
    token = company.logout_token(sub=company.person["sub"])
    assert told(tessera, token).status_code == 200
    browser = new_browser()
    browser.sign_in()
    answer = told(tessera, token)
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request", answer.text
    assert browser.whoami()


NOW = int(time.time())
WRONG = {
    "no event": {"events": {}},
    "another event": {"events": {EVENT + "x": {}}},
    "an event that is no object": {"events": {EVENT: True}},
    "a nonce": {"nonce": "x"},
    "no name": {"jti": None},
    "another issuer": {"iss": "https://id.example.org"},
    "another audience": {"aud": "other"},
    "too old": {"iat": NOW - 7200},
    "of the future": {"iat": NOW + 7200},
    "expired": {"exp": NOW - 7200},
    "nobody": {"sub": None},
    "another subject of that session": {"sub": "somebody-else", "sid": "session-1"},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_logout_token_ends_nothing(tessera, company, signed_in, wrong):
    claims = {"sub": company.person["sub"]} | WRONG[wrong]
    if "sid" in claims:
        claims["sid"] += company.person["sub"]
    status = told(tessera, company.logout_token(**claims)).status_code
    assert status == (200 if wrong.startswith("another subject") else 400)
    assert all(browser.whoami() for browser in signed_in)


def test_only_the_providers_own_signature_ends_sessions(tessera, company, other, signed_in):
    sub = company.person["sub"]
    forged = sign({"alg": "ES256", "kid": company.key.kid}, {"sub": sub}, company.new_key())
    for token in (forged, "", "a.b.c", other.logout_token(sub=sub, iss=company.issuer)):
        assert told(tessera, token).status_code == 400
    assert told(tessera, other.logout_token(sub=sub), "other").status_code == 200, "a subject of another provider"
    nowhere = told(tessera, company.logout_token(sub=sub), "nowhere")
    assert nowhere.status_code == 404
    assert all(browser.whoami() for browser in signed_in)


def test_an_id_token_is_no_logout_token(tessera, company, signed_in):
    token = company.id_token("x" * 43, jti=secrets.token_hex(4), events={EVENT: {}})
    assert told(tessera, token).status_code == 400
    assert told(tessera, company.id_token(None, jti=secrets.token_hex(4))).status_code == 400
    assert all(browser.whoami() for browser in signed_in)


def test_who_signs_out_may_sign_out_at_the_provider_too(company, browser):
    unique(company)
    browser.sign_in()
    token = browser.token
    answer = browser.get("/logOut")
    assert answer.headers["location"] == "./login?because=out&at=company"
    page = browser.get("/login?because=out&at=company").text
    assert 'href="./login/company/logout"' in page
    browser.cookies.set("PLAY_SESSION", token)
    assert browser.whoami() is None
    out = browser.get("/login/company/logout").headers["location"]
    assert out.startswith(f"{company.issuer}/out?")
    query = httpx.QueryParams(out.partition("?")[2])
    assert query["client_id"] == "tessera" and query["post_logout_redirect_uri"].endswith("/login")
    strange = browser.get("/login/company/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert strange.status_code == 403
