"""The program at the terminal: first start, secrets, users, keys; failure F9."""

import json
import os
import pty
import re
import secrets
import signal
import socket
import stat
import subprocess
import time

import pytest

from servers import ADMIN_PASSWORD, BINARY, DATABASES, Postgres, Server, Sqlite

TOKEN = re.compile(r"\btsk_[0-9A-Za-z]{72}\b")


@pytest.fixture(params=DATABASES)
def unstarted(request, tmp_path):
    """A server that never ran, on an empty database."""
    yield from not_yet_running(DATABASES[request.param], tmp_path)


@pytest.fixture
def on_a_file(tmp_path):
    """A terminal with an SQLite database, for tests of the file."""
    yield from not_yet_running(Sqlite, tmp_path)


@pytest.fixture
def on_postgres(tmp_path):
    """A terminal with a PostgreSQL database, where the pepper must be configured."""
    yield from not_yet_running(Postgres, tmp_path)


def not_yet_running(kind, directory):
    database = kind(directory)
    server = Server(directory, database)
    yield server
    server.stop()
    database.drop()


def test_the_first_start_makes_one_key_and_later_ones_none(unstarted):
    unstarted.start()
    [token] = TOKEN.findall(first_secrets(unstarted))
    current = unstarted.holder_of(token).get("/api/service/users/current").json()
    assert current["username"].startswith("service-account-apikey-")
    assert ADMIN_PASSWORD not in first_secrets(unstarted)
    assert unstarted.admin().is_let_in()
    unstarted.restart()
    assert TOKEN.findall(first_secrets(unstarted)) == [token]
    assert unstarted.holder_of(token).is_let_in()


def test_the_first_secrets_are_in_a_private_file_and_not_in_the_log(unstarted):
    without_password(unstarted)
    unstarted.start()
    file = unstarted.first_start_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file) in printed(unstarted)
    password, token = re.search(r"password  (\S+)\nAPI key   (\S+)", first_secrets(unstarted)).groups()
    assert sign_in(unstarted, "admin", password) == 200
    assert password not in unstarted.output() and token not in unstarted.output() and "tsk_" not in unstarted.output()


def test_a_terminal_shows_the_first_secrets_and_no_file_is_made(unstarted):
    without_password(unstarted)
    shown = at_a_terminal(unstarted, "init")
    assert TOKEN.search(shown) and "password  " in shown
    assert not unstarted.first_start_file.exists()


def test_a_file_that_is_in_the_way_is_neither_read_nor_written_and_nothing_is_made(unstarted):
    unstarted.first_start_file.write_text("of another installation\n")
    ended = unstarted.run("init")
    assert ended.returncode != 0 and "--first-start-file" in ended.stderr and "tsk_" not in ended.stdout
    assert first_secrets(unstarted) == "of another installation\n"
    elsewhere = unstarted.directory / "elsewhere"
    assert unstarted.run("init", TESSERA_FIRST_START_FILE=str(elsewhere)).returncode == 0
    assert TOKEN.search(elsewhere.read_text())


def test_a_refused_first_password_leaves_no_file(unstarted):
    refused = unstarted.run("init", TESSERA_ADMIN_PASSWORD="short")
    assert refused.returncode != 0 and not unstarted.first_start_file.exists()
    assert unstarted.start().admin().is_let_in()


def test_the_first_key_may_manage(unstarted):
    unstarted.start()
    [token] = TOKEN.findall(first_secrets(unstarted))
    client = unstarted.holder_of(token)
    persona = client.new_persona()["qualifiedName"]
    assert client.create(personaQualifiedNames=[persona], workspacePermissions=["MANAGE_APIKEYS", "MANAGE_PERSONAS"])


def test_a_second_process_prints_nothing_new_and_changes_no_password(unstarted):
    unstarted.start()
    unstarted.stop()
    unstarted.start(TESSERA_ADMIN_PASSWORD="not the password of admin")
    assert sign_in(unstarted, "admin", ADMIN_PASSWORD) == 200
    assert sign_in(unstarted, "admin", "not the password of admin") == 401


def test_init_sets_up_an_empty_database_once(unstarted):
    unstarted.cli("init")
    assert "tsk_" in first_secrets(unstarted)
    again = unstarted.run("init")
    assert again.returncode != 0 and again.stdout == "" and "has been set up before" in again.stderr
    unstarted.cli("migrate")
    assert unstarted.start().admin().is_let_in()


@pytest.mark.parametrize(
    "command",
    [("migrate",), ("users", "create", "ada"), ("keys", "create", "--display-name", "x"), ("accept-clock",), ("restore",)],
)
def test_a_command_that_administers_sets_nothing_up(unstarted, command):
    before = sorted(unstarted.directory.iterdir())
    ended = unstarted.run(*command)
    assert ended.returncode != 0 and ended.stdout == ""
    assert "`tessera init`" in ended.stderr
    if unstarted.database.name == "sqlite":
        assert str(unstarted.directory / "tessera.db") in ended.stderr
    assert sorted(unstarted.directory.iterdir()) == before


def test_a_busy_port_costs_no_secret(unstarted):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", unstarted.port))
        taken.listen()
        ended = unstarted.run("serve")
        assert ended.returncode != 0 and "cannot listen" in ended.stderr
        assert not unstarted.first_start_file.exists()
    unstarted.start()
    assert "tsk_" in first_secrets(unstarted)


def test_openapi_prints_the_served_document(unstarted):
    document = json.loads(unstarted.cli("openapi"))
    assert document["openapi"].startswith("3.1")
    served = unstarted.start().anonymous().get("/api-docs/openapi.json").json()
    assert (document.pop("servers"), served.pop("servers")) == ([{"url": "/"}], [{"url": ".."}])
    assert served == document


def test_help_teaches_every_command_and_variable(unstarted):
    text = unstarted.cli("--help") + unstarted.cli("serve", "--help")
    for word in (
        "serve",
        "migrate",
        "openapi",
        "users",
        "keys",
        "TESSERA_LISTEN",
        "TESSERA_DATABASE_URL",
        "TESSERA_PEPPER",
    ):
        assert word in text, word
    assert ADMIN_PASSWORD not in text


def test_keys_create_prints_the_token_alone(unstarted):
    unstarted.start()
    assert TOKEN.fullmatch(unstarted.cli("keys", "create", "--display-name", "ci", "--description", "for the pipeline"))
    token = unstarted.cli("keys", "create", "--display-name", "short", "--validity-seconds", "3600")
    guid = unstarted.holder_of(token).get("/api/service/users/current").json()["id"]
    assert unstarted.admin().read(guid)["attributes"]["access.token.lifespan"] == "3600"


def test_keys_are_listed_and_deleted_at_the_terminal(unstarted):
    unstarted.start()
    token = unstarted.cli("keys", "create", "--display-name", 'say "hi"', "--validity-seconds", "3600")
    rows = [line.split("\t") for line in unstarted.cli("keys", "list").splitlines()]
    assert {len(row) for row in rows} == {5}
    guid = next(row[0] for row in rows if row[4] == r'"say \"hi\""')
    assert sorted((row[1], row[2] == "never") for row in rows) == [("active", False), ("active", True)]
    holder = unstarted.holder_of(token)
    assert holder.is_let_in()
    assert unstarted.cli("keys", "delete", f"apikey-{guid}") == ""
    time.sleep(1)
    assert not holder.is_let_in()
    for gone in (guid, "nonsense"):
        ended = unstarted.run("keys", "delete", gone)
        assert ended.returncode != 0 and gone in ended.stderr


def test_messages_name_what_the_command_named(unstarted):
    unstarted.start()
    for command in (("disable", "ghost"), ("delete", "ghost"), ("set-role", "ghost", "$guest")):
        assert "no user has the name `ghost`" in unstarted.run("users", *command).stderr


def test_an_empty_variable_is_one_that_is_not_set(unstarted):
    empty = ("PEPPER_FILE", "SEEN_FILE", "PUBLIC_URL", "WORKERS", "TRUSTED_PROXIES", "METADATA_AUTH", "LOG", "SESSION_SECONDS")
    unstarted.start(**{f"TESSERA_{name}": "" for name in empty}, ACCESS_TOKEN_ALLOW_NO_EXPIRY="")
    assert unstarted.admin().is_let_in()


def test_switches_take_any_case(unstarted):
    unstarted.start(
        TESSERA_RAW_REQUEST_TARGETS="FALSE",
        TESSERA_METADATA_AUTH="TRUE",
        TESSERA_METADATA_AUTH_OFF_ANYWHERE="False",
        ACCESS_TOKEN_ALLOW_NO_EXPIRY="True",
        TESSERA_LOG_FORMAT="JSON",
    )
    assert unstarted.admin().is_let_in()
    assert json.loads((unstarted.directory / "stderr.txt").read_text().splitlines()[-1])


def test_a_closed_terminal_loses_no_uses(unstarted):
    unstarted.start()
    holder = unstarted.holder_of(unstarted.new_key())
    for _ in range(7):
        assert holder.is_let_in()
    guid = holder.get("/api/service/users/current").json()["id"]
    assert unstarted.end(signal.SIGHUP) == 0
    unstarted.start()
    assert unstarted.admin().read(guid)["attributes"]["useCount"] == "8"


def test_keys_create_refuses_what_the_api_refuses(unstarted):
    unstarted.start()
    for arguments in (
        ["--display-name", " "],
        ["--display-name", "x", "--validity-seconds", "0"],
        ["--display-name", "x", "--permission", "NO_SUCH"],
        ["--display-name", "x", "--persona", "default/nosuch"],
        [],
    ):
        ended = unstarted.run("keys", "create", *arguments)
        assert ended.returncode != 0 and ended.stdout == "" and ended.stderr, arguments


def test_users_create_prints_the_password_alone(unstarted):
    unstarted.start()
    password = unstarted.cli("users", "create", "ada", "--role", "$member")
    assert len(password) >= 16 and not re.search(r"\s", password)
    assert sign_in(unstarted, "ada", password) == 200
    assert unstarted.cli("users", "create", "grace", "--password-stdin", stdin="a password of her own\n") == ""
    assert sign_in(unstarted, "grace", "a password of her own") == 200


def test_a_new_password_tells_of_personal_tokens_and_ends_them_if_told(unstarted):
    unstarted.start()
    password = unstarted.cli("users", "create", "ada")
    mutation = """mutation { createAccessToken(input: {type: PERSONAL, actorUrn: "urn:li:corpuser:ada",
        duration: ONE_DAY, name: "x"}) { accessToken } }"""
    answer = unstarted.user("ada", password).post("/api/graphql", json={"query": mutation})
    ada = unstarted.holder_of(answer.json()["data"]["createAccessToken"]["accessToken"])
    kept = unstarted.run("users", "set-password", "ada")
    assert kept.returncode == 0 and "keep working: 1; --revoke-tokens" in kept.stderr and len(kept.stdout.split()) == 1
    assert ada.is_let_in()
    ended = unstarted.run("users", "set-password", "ada", "--revoke-tokens")
    assert ended.returncode == 0 and "revoked: 1" in ended.stderr
    deadline = time.monotonic() + 10
    while ada.is_let_in():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_users_commands_refuse_what_makes_no_sense(unstarted):
    unstarted.start()
    for arguments in (
        ["create", "admin"],
        ["create", ""],
        ["create", "a b"],
        ["create", "x", "--role", "$nosuch"],
        ["disable", "nobody"],
        ["set-password", "nobody"],
        ["set-role", "admin", "$nosuch"],
        ["delete", "nobody"],
        ["create", "service-account-apikey-1"],
        ["create", "ADMIN"],
        ["create", "adm1n"],
        ["create", "operator"],
    ):
        ended = unstarted.run("users", *arguments)
        assert ended.returncode != 0 and ended.stderr, arguments


def test_another_pepper_refuses_to_start(unstarted):
    unstarted.start()
    unstarted.stop()
    ended = unstarted.run("serve", TESSERA_PEPPER=secrets.token_hex(32))
    assert ended.returncode != 0
    assert "pepper" in ended.stderr.lower()


@pytest.mark.parametrize("pepper", ["changeme", "00" * 32, "secret", "0123456789abcdef" * 4, "zz" * 32, "ab" * 16])
def test_a_sample_or_short_pepper_refuses_to_start(unstarted, pepper):
    ended = unstarted.run("serve", TESSERA_PEPPER=pepper)
    assert ended.returncode != 0
    assert "pepper" in ended.stderr.lower()


def test_a_missing_pepper_refuses_to_start(on_postgres):
    on_postgres.run("init")
    assert on_postgres.run("users", "create", "alice").returncode == 0
    on_postgres.database.environment = dict
    for nothing in ({}, {"TESSERA_PEPPER": ""}):
        ended = on_postgres.run("serve", **nothing)
        assert ended.returncode != 0
        assert "pepper" in ended.stderr.lower()


def test_the_pepper_file_is_its_owners_alone_and_not_in_the_database(on_a_file):
    on_a_file.start()
    [file] = on_a_file.directory.glob("*.pepper")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    pepper = file.read_bytes().strip()
    on_a_file.stop()
    for database in on_a_file.directory.glob("tessera.db*"):
        if database != file:
            assert pepper not in database.read_bytes()


def test_a_lost_pepper_file_refuses_to_start(on_a_file):
    on_a_file.start()
    on_a_file.stop()
    [file] = on_a_file.directory.glob("*.pepper")
    file.unlink()
    ended = on_a_file.run("serve")
    assert ended.returncode != 0 and "pepper" in ended.stderr.lower()
    assert not file.exists(), "a new pepper would hide the loss"


@pytest.mark.parametrize(
    "url", ["postgers://postgres@127.0.0.1/x", "mysql://x", "x", "sqlite:", "tessera.db", "http://127.0.0.1/"]
)
def test_a_mistyped_database_url_creates_no_file(on_a_file, tmp_path, url):
    ended = on_a_file.run("serve", TESSERA_DATABASE_URL=url, TESSERA_PEPPER=secrets.token_hex(32))
    assert ended.returncode != 0 and ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_postgres_says_so(on_a_file, tmp_path):
    ended = on_a_file.run(
        "serve", TESSERA_DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing", TESSERA_PEPPER=secrets.token_hex(32)
    )
    assert ended.returncode != 0
    assert "connect" in ended.stderr.lower() or "refused" in ended.stderr.lower()
    assert list(tmp_path.iterdir()) == []


def test_no_secret_is_stored_in_plain_text(on_a_file):
    on_a_file.start()
    token = on_a_file.new_key()
    session = on_a_file.admin().token
    password = on_a_file.cli("users", "create", "ada")
    on_a_file.stop()
    stored = b"".join(file.read_bytes() for file in on_a_file.directory.glob("tessera.db*"))
    for secret in (token, session, password, ADMIN_PASSWORD):
        assert secret.encode() not in stored
        assert secret[-30:].encode() not in stored


def printed(server):
    return (server.directory / "stdout.txt").read_text()


def first_secrets(server):
    return server.first_start_file.read_text()


def without_password(server):
    """Has the server draw the first password."""
    kept = server.environment
    server.environment = lambda **more: {
        name: value for name, value in kept(**more).items() if name != "TESSERA_ADMIN_PASSWORD"
    }


def at_a_terminal(server, *arguments):
    """What a subcommand shows somebody who sits at a terminal."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as shown:
        process = subprocess.Popen(
            [BINARY, *arguments], env=server.environment(), cwd=server.directory, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        text = b""
        try:
            while piece := shown.read(4096):
                text += piece
        except OSError:
            pass  # how Linux tells that the other end is closed
        assert process.wait(timeout=20) == 0, text
        return text.decode().replace("\r\n", "\n")


def sign_in(server, name, password):
    answer = server.anonymous().post("/api/service/sessions", json={"username": name, "password": password})
    return answer.status_code
