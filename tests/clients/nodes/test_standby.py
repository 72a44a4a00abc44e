"""Several hosts in the URL of the database, where one is a standby, which takes no writes."""

from cluster import nodes_on, own_postgres, standby_of, wait_until
from servers import DATABASES, Server, token_of


def test_a_standby_is_passed_over_for_the_server_that_takes_writes(tmp_path, monkeypatch):
    with own_postgres(tmp_path / "primary") as primary, standby_of(primary, tmp_path / "standby") as standby:
        monkeypatch.setenv("TESSERA_TEST_POSTGRES", f"postgres://postgres@127.0.0.1:{primary.port}/postgres")
        database = DATABASES["postgres"](tmp_path)

        def url(*servers):
            hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
            return f"postgres://postgres@{hosts}/{database.database}?target_session_attrs=read-write"

        # A synchronous standby has written what the primary acknowledges; it applies it a moment later.
        there = f"SELECT count(*) FROM pg_database WHERE datname = '{database.database}'"
        wait_until(lambda: standby.sql(there) == "1")
        database.url = url(standby, primary)
        with nodes_on(tmp_path, [database]) as nodes:
            key = nodes[0].admin().create()
            assert nodes[0].holder_of(token_of(key)).is_let_in()

        directory = tmp_path / "alone"
        directory.mkdir()
        alone = Server(directory, database)
        database.url = url(standby)
        ended = alone.run("serve")
        assert ended.returncode != 0 and "read-only" in ended.stderr.lower(), ended.stderr
