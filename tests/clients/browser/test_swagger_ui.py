"""Swagger UI in a real browser: failures F56 and F58, and the issue's strict Content-Security-Policy."""

import json
import shutil
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect, sync_playwright

from nginx import nginx_before

# The pages and the document come from the binary: the database makes no difference, and the browser takes minutes.
pytestmark = pytest.mark.parametrize("server", ["sqlite"], indirect=True)

DOCS = "/swagger-ui/"
# Swagger UI sets one style attribute that a strict policy drops; nothing looks different.
COSMETIC = ("inline style", "favicon")


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, server):
    """A page of a fresh profile, with notes of what went wrong in it and what it asked for."""
    context = chromium.new_context(base_url=server.base_url)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.complaints, page.requested = [], []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.requested.append(request.url))
    yield page
    context.close()


def open_docs(page, query=""):
    page.goto(DOCS + query)
    page.locator(".opblock").first.wait_for()


def authorize(page, token):
    page.locator(".auth-wrapper .authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input").first.fill(token)
    dialog.locator("button[type=submit]").first.click()
    dialog.locator("button.btn-done").first.click()


def operation(page, method, path):
    """The opened block of an operation, ready to be tried out."""
    block = page.locator(f".opblock-{method}").filter(has=page.locator(f'[data-path="{path}"]')).first
    # The address remembers what was open, also through a reload.
    if "is-open" not in block.get_attribute("class"):
        block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()
    return block


def execute(block):
    """The status and the body of the answer."""
    block.locator(".execute").click()
    row = block.locator(".live-responses-table .response").first
    row.wait_for()
    return row.locator(".response-col_status").inner_text().split()[0], row.locator(
        ".response-col_description"
    ).inner_text()


def test_a_newcomer_creates_and_lists_a_key(page, managing_key):
    name = f"from the browser {uuid.uuid4()}"
    open_docs(page)
    authorize(page, managing_key)
    create = operation(page, "post", "/api/service/apikeys")
    create.locator("textarea.body-param__text").fill(json.dumps({"displayName": name}))
    status, body = execute(create)
    assert status == "200"
    assert name in body and "tsk_" in body
    find = operation(page, "get", "/api/service/apikeys")
    find.locator('[data-param-name="filter"] input').fill(json.dumps({"displayName": name}))
    status, body = execute(find)
    assert status == "200"
    assert name in body and "tsk_" not in body
    assert not [each for each in page.complaints if not any(word in each for word in COSMETIC)]


@pytest.mark.parametrize("entry", ["/keys/swagger-ui/", "/keys/swagger-ui"])
def test_operations_can_be_tried_out_below_a_path(page, server, managing_key, tmp_path, entry):
    """nginx hands on what is below `/keys/`; the server knows nothing of it."""
    with nginx_before(server, tmp_path) as proxy:
        page.goto(proxy + entry)
        page.locator(".opblock").first.wait_for()
        authorize(page, managing_key)
        assert execute(operation(page, "get", "/api/service/apikeys"))[0] == "200"
    asked = [url for url in page.requested if "/api/service/apikeys" in url]
    assert len(asked) == 1 and asked[0].startswith(f"{proxy}/keys/api/service/apikeys"), asked


def test_without_authorization_an_operation_is_refused(page):
    open_docs(page)
    status, _ = execute(operation(page, "get", "/api/service/apikeys"))
    assert status == "401"


def test_the_token_is_stored_nowhere_and_gone_after_a_reload(page, managing_key):
    open_docs(page, "?persistAuthorization=true")
    authorize(page, managing_key)
    assert execute(operation(page, "get", "/api/service/apikeys"))[0] == "200"
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "tsk_" not in stored
    page.reload()
    page.locator(".opblock").first.wait_for()
    assert execute(operation(page, "get", "/api/service/apikeys"))[0] == "401"


@pytest.mark.parametrize("parameter", ["configUrl", "url", "urls", "oauth2RedirectUrl"])
def test_an_address_cannot_bring_in_another_document(page, server, parameter):
    with foreign_site() as (foreign, visits):
        open_docs(page, f"?{parameter}={foreign}/document.json")
        expect(page.locator(".info .title")).not_to_contain_text("Foreign")
        assert page.locator('[data-path="/api/service/apikeys"]').count() > 0
        assert visits == []


def test_the_page_asks_nobody_but_its_own_server(page, server):
    open_docs(page)
    assert page.requested
    assert all(url.startswith((server.base_url, "data:", "blob:")) for url in page.requested)


def test_a_strict_policy_covers_the_page(server):
    answer = server.anonymous().get(DOCS, follow_redirects=True)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy or "default-src 'self'" in policy
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy and "*" not in policy
    assert "frame-ancestors 'none'" in policy


class foreign_site:
    """A site of an attacker: a document for Swagger UI and the paths that anybody asked for."""

    def __enter__(self):
        visits = []
        document = {
            "openapi": "3.1.0",
            "info": {"title": "Foreign", "version": "1"},
            "paths": {"/foreign": {"get": {"responses": {}}}},
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                visits.append(self.path)
                body = json.dumps(document | {"url": f"http://{self.headers['Host']}/document.json"}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}", visits

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
