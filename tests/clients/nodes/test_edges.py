"""An edge is a node: when a revocation has been answered, no edge lets the key in, whatever happens to it."""

import signal
import time

import httpx
import pytest
from cluster import KEYS, LONGEST_WAIT, VERIFY, Hammer, database_of, nodes_on, told, wait_until
from edges import Balancer, edge_at
from servers import DATABASES, ok, token_of

# What a busy machine may add to any answer.
SLACK = 5


class Here:
    """A server and an edge before it, with an administrator of the server."""

    def __init__(self, server, edge):
        self.server = server
        self.edge = edge
        self.servers = [server, edge]
        self.admin = server.holder_of(server.admin().token)


def edge_token(server):
    return server.new_key("--permission", "VERIFY_TOKENS")


@pytest.fixture(params=DATABASES)
def here(request, tmp_path):
    with database_of(request.param, tmp_path) as database, nodes_on(tmp_path, [database]) as nodes:
        with edge_at(tmp_path / "edge", nodes[0].port, edge_token(nodes[0])) as edge:
            yield Here(nodes[0], edge)


def verify(edge, token, **more):
    return httpx.get(
        edge.base_url + VERIFY, headers={"Authorization": f"Bearer {token}"} | more, trust_env=False, timeout=10
    )


def is_kept(edge, token):
    """Whether the next answer came from memory."""
    before = edge.metric("tessera_edge_hits_total")
    verify(edge, token)
    return edge.metric("tessera_edge_hits_total") > before


def revoke_some(hammer, here, count):
    """Revokes keys, one after the other, each while it is presented to both; returns the answers and their times."""
    outcomes = []
    for key in [here.admin.create() for _ in range(count)]:
        hammer.tokens = [*hammer.tokens[-6:], token_of(key)]
        hammer.until_accepted(token_of(key), [0, 1])
        answer, seconds = hammer.revoke(here.admin, key)
        assert answer.status_code == 200, answer.text
        outcomes.append((told(answer), seconds))
    return outcomes


def test_no_edge_lets_a_key_in_after_its_revocation_was_answered(here):
    with Hammer(here) as hammer:
        outcomes = revoke_some(hammer, here, 60)
        assert [nodes for nodes, _ in outcomes] == [(2, 2)] * 60
        for token in list(hammer.revoked)[-3:]:
            hammer.until_refused(token, [0, 1])
        hammer.check()
    took = sorted(seconds for _, seconds in outcomes)
    print(f"{len(took)} revocations: median {took[30] * 1e3:.1f} ms, max {took[-1] * 1e3:.1f} ms")
    assert here.edge.metric("tessera_edge_hits_total") > 20


def test_an_edge_answers_from_memory_what_its_server_would_answer(here):
    key = here.admin.create(validitySeconds=3600)
    asked = {"Authorization": f"Bearer {token_of(key)}", "X-Request-Id": "a-1"}
    direct = httpx.get(here.server.base_url + VERIFY, headers=asked, trust_env=False)
    for number in range(3):
        answer = verify(here.edge, token_of(key), **{"X-Request-Id": f"b-{number}"})
        assert answer.status_code == 200 and answer.headers["x-request-id"] == f"b-{number}"
        assert "tessera-keep" not in answer.headers and "tessera-keep" not in direct.headers
        own = {"date", "x-request-id", "x-tessera-expires-in", "content-length"}
        left = [{name: each.headers[name] for name in each.headers if name not in own} for each in (answer, direct)]
        assert left[0] == left[1]
        assert 3590 <= int(answer.headers["x-tessera-expires-in"]) <= 3600
    wait_until(lambda: is_kept(here.edge, token_of(key)))
    assert verify(here.edge, "tsk_x").status_code == 401
    assert verify(here.edge, token_of(key), **{"X-Original-URI": "/a?access_token=b"}).status_code == 200
    asked = httpx.get(f"{here.edge.base_url}{VERIFY}?permission=MANAGE_APIKEYS", headers=asked, trust_env=False)
    assert asked.status_code == 403
    assert httpx.get(f"{here.edge.base_url}/api/service/users/current", trust_env=False).status_code == 404


def test_the_uses_that_an_edge_answers_from_memory_are_counted(here):
    key = here.admin.create()
    for _ in range(20):
        assert verify(here.edge, token_of(key)).status_code == 200
    wait_until(lambda: int(here.admin.read(key["id"])["attributes"]["useCount"]) == 20)
    for _ in range(5):
        assert verify(here.edge, token_of(key)).status_code == 200
    assert here.edge.stop() == 0
    assert int(here.admin.read(key["id"])["attributes"]["useCount"]) == 25


def test_an_edge_that_is_stopped_for_a_while_lets_nothing_in_that_was_revoked_meanwhile(here):
    with Hammer(here) as hammer:
        for pause in (0.3, 1.5, 6):
            key = here.admin.create()
            hammer.tokens = [token_of(key)]
            hammer.until_accepted(token_of(key), [0, 1])
            here.edge.process.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            if pause < 2:
                # It may wake in time to acknowledge.
                time.sleep(pause)
                here.edge.process.send_signal(signal.SIGCONT)
            answer, seconds = hammer.revoke(here.admin, key)
            assert answer.status_code == 200 and seconds < LONGEST_WAIT + SLACK
            if pause >= 2:
                assert told(answer) == (2, 1)
                time.sleep(max(0, stopped + pause - time.monotonic()))
                here.edge.process.send_signal(signal.SIGCONT)
            hammer.until_refused(token_of(key), [0, 1])
            hammer.check()
        # It has registered anew, and is waited for again.
        wait_until(lambda: revoke_some(hammer, here, 1)[0][0] == (2, 2))
        hammer.check()


def test_an_edge_that_was_killed_is_waited_for_only_until_its_lease_has_ended(here):
    with Hammer(here) as hammer:
        revoke_some(hammer, here, 1)
        here.edge.kill()
        key = here.admin.create()
        answer = here.admin.delete(f"{KEYS}/{key['id']}")
        assert told(answer) == (2, 1) and answer.elapsed.total_seconds() < LONGEST_WAIT + SLACK
        wait_until(lambda: told(here.admin.delete(f"{KEYS}/{here.admin.create()['id']}")) == (1, 1))
        here.edge.start()
        assert revoke_some(hammer, here, 1)[0][0] == (2, 2)
        hammer.check()


def test_an_edge_that_stops_in_order_is_not_waited_for(here):
    assert here.edge.stop() == 0
    assert told(here.admin.delete(f"{KEYS}/{here.admin.create()['id']}")) == (1, 1)


def test_an_edge_whose_key_is_revoked_stops_using_its_memory(tmp_path):
    with database_of("sqlite", tmp_path) as database, nodes_on(tmp_path, [database]) as nodes:
        admin = nodes[0].holder_of(nodes[0].admin().token)
        own = admin.create(workspacePermissions=["VERIFY_TOKENS"])
        with edge_at(tmp_path / "edge", nodes[0].port, token_of(own)) as edge:
            key = admin.create()
            assert verify(edge, token_of(key)).status_code == 200
            wait_until(lambda: is_kept(edge, token_of(key)))
            answer = admin.delete(f"{KEYS}/{own['id']}")
            assert answer.status_code == 200
            wait_until(lambda: edge.readiness()[0] == 503)
            assert "401" in edge.readiness()[1]
            # It still forwards, as anybody may.
            assert verify(edge, token_of(key)).status_code == 200 and not is_kept(edge, token_of(key))
            assert verify(edge, token_of(own)).status_code == 401


@pytest.fixture
def two(tmp_path):
    """Two servers behind one address, and an edge that asks them there."""
    with database_of("postgres", tmp_path) as database, nodes_on(tmp_path, [database] * 2) as nodes:
        balancer = Balancer(server.port for server in nodes.servers)
        try:
            with edge_at(tmp_path / "edge", balancer.port, edge_token(nodes[0])) as edge:
                yield nodes, balancer, edge
        finally:
            balancer.close()


def test_an_edge_before_two_servers_lets_nothing_in_that_either_has_revoked(two):
    nodes, balancer, edge = two
    here = Here(nodes[0], edge)
    other = nodes[1].holder_of(here.admin.token)
    with Hammer(here, threads=4) as hammer:
        for number in range(30):
            here.admin, other = other, here.admin
            assert revoke_some(hammer, here, 1)[0][0] == (3, 3), number
            if number % 10 == 9:
                # The edge looks at the other one from here on.
                balancer.cut()
                balancer.mend()
                edge.until_ready()
        hammer.check()


def test_an_edge_that_is_cut_off_uses_its_memory_no_longer_than_its_lease(two):
    nodes, balancer, edge = two
    here = Here(nodes[0], edge)
    with Hammer(here) as hammer:
        revoke_some(hammer, here, 2)
        key = here.admin.create()
        hammer.tokens = [token_of(key)]
        hammer.until_accepted(token_of(key), [0, 1])
        balancer.cut()
        answer, seconds = hammer.revoke(here.admin, key)
        assert answer.status_code == 200 and seconds < LONGEST_WAIT + SLACK
        wait_until(lambda: verify(edge, token_of(key)).status_code == 503)
        assert verify(edge, token_of(key)).headers["retry-after"] == "1"
        balancer.mend()
        edge.until_ready()
        hammer.until_refused(token_of(key), [0, 1])
        wait_until(lambda: revoke_some(hammer, here, 1)[0][0] == (3, 3))
        hammer.check()


def test_an_edge_goes_on_when_its_server_is_restarted(here):
    with Hammer(here) as hammer:
        revoke_some(hammer, here, 1)
        here.server.restart()
        here.edge.until_ready()
        revoke_some(hammer, here, 2)
        hammer.check()


def test_edges_are_listed_as_such(here):
    key = here.admin.create()
    answer = here.admin.delete(f"{KEYS}/{key['id']}", headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    nodes = ok(here.admin.get(answer.headers["location"]))["nodes"]
    assert sorted(node["kind"] for node in nodes) == ["edge", "server"]
    text = httpx.get(f"{here.server.base_url}/metrics", trust_env=False).text
    assert "\ntessera_nodes 1\n" in text and "\ntessera_edges 1\n" in text
