import contextlib
import os
import signal
import subprocess
import time

import psycopg
import pytest

from tests.processes import wait_until
from tradingsite.launcher import embedded


@pytest.fixture
def account():
    return embedded.server_account()


@pytest.fixture
def cluster(tmp_path, account):
    home = embedded.home_of(tmp_path, account)
    embedded.make_cluster(
        home / "postgres", programs=embedded.postgres_programs(account, home), account=account, durable=False
    )
    return home / "postgres"


def serve(cluster, account):
    """Start a durable PostgreSQL; return its process and a connection."""
    sockets = embedded.socket_dir_of(cluster.parent, account)
    programs = embedded.postgres_programs(account, cluster.parent)
    process = subprocess.Popen(
        embedded.postgres_command(cluster, socket_dir=sockets, programs=programs, account=account),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=account.uid,
        group=account.gid,
        preexec_fn=embedded.die_with_parent(signal.SIGINT),  # noqa: PLW1509 - no other thread runs
    )
    end_s = time.monotonic() + 30
    while True:
        try:
            return process, psycopg.connect(embedded.postgres_url(sockets, "postgres"), autocommit=True)
        except psycopg.OperationalError:
            assert process.poll() is None
            assert time.monotonic() < end_s
            time.sleep(0.02)


def test_every_committed_row_outlives_a_kill(cluster, account):
    server, connection = serve(cluster, account)
    connection.execute("CREATE TABLE fills (id int PRIMARY KEY)")
    for number in range(100):
        connection.execute("INSERT INTO fills VALUES (%s)", [number])

    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    while embedded.is_served(cluster):
        time.sleep(0.01)
    server, connection = serve(cluster, account)

    assert connection.execute("SELECT count(*), max(id) FROM fills").fetchone() == (100, 99)
    connection.close()
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=20) == 0


def test_a_cluster_is_made_whole_or_not_at_all(tmp_path, account, cluster):
    half = tmp_path / "half.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")

    embedded.make_cluster(
        tmp_path / "half",
        programs=embedded.postgres_programs(account, cluster.parent),
        account=account,
        durable=False,
    )

    embedded.check_cluster(tmp_path / "half")
    assert not half.exists()


@pytest.mark.parametrize(("version", "complaint"), [(None, "is damaged"), ("17", "is of PostgreSQL '17': expected 18")])
def test_a_folder_that_holds_no_database_of_ours_is_left_alone_and_named(tmp_path, version, complaint):
    if version:
        (tmp_path / "PG_VERSION").write_text(version)

    with pytest.raises(embedded.DamagedCluster, match=complaint) as caught:
        embedded.check_cluster(tmp_path)

    assert str(tmp_path) in str(caught.value)


def test_a_socket_folder_with_too_long_a_path_is_made_elsewhere(tmp_path):
    deep = tmp_path / ("d" * 90)

    found = embedded.socket_dir_of(deep, embedded.OURSELVES)

    assert len(str(found)) <= embedded.LONGEST_SOCKET_DIR
    assert found == embedded.socket_dir_of(deep, embedded.OURSELVES)
    assert found.stat().st_mode & 0o777 == 0o700
    found.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_where_root_may_not_use_namespaces_the_database_belongs_to_nobody(tmp_path):
    import pwd
    import shutil

    nobody = pwd.getpwnam("nobody")
    account = embedded.Account(uid=nobody.pw_uid, gid=nobody.pw_gid)
    home = embedded.home_of(tmp_path, account)
    try:
        programs = embedded.postgres_programs(account, home)
        embedded.make_cluster(home / "postgres", programs=programs, account=account, durable=False)
        server, connection = serve(home / "postgres", account)

        assert connection.execute("SELECT 1").fetchone() == (1,)
        connection.close()
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)
    finally:
        shutil.rmtree(home)


@pytest.fixture
def whole(tmp_path):
    """A folder with the parts of a database, as far as they are looked at."""
    for part in ("global", "base", "pg_wal", "pg_xact"):
        (tmp_path / part).mkdir()
    (tmp_path / "global" / "pg_control").touch()
    (tmp_path / "PG_VERSION").write_text("18\n")
    return tmp_path


def test_a_database_with_all_its_parts_may_be_opened(whole):
    embedded.check_cluster(whole)


@pytest.mark.parametrize("part", ["PG_VERSION", "global/pg_control", "base", "pg_wal", "pg_xact"])
def test_a_database_without_a_part_of_it_is_damaged_and_the_part_is_named(whole, part):
    (whole / part).rename(whole / "elsewhere")

    with pytest.raises(embedded.DamagedCluster, match=rf"is damaged \({part}: No such file.*put a backup"):
        embedded.check_cluster(whole)


def test_a_database_of_another_user_is_named_with_both_users(whole, monkeypatch):
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    with pytest.raises(
        embedded.DamagedCluster, match=rf"belongs to user {owner}: expected user {owner + 1}; run `chown"
    ):
        embedded.check_cluster(whole)


def test_a_database_that_cannot_be_written_is_named_as_read_only(whole, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(embedded.DamagedCluster, match="is read-only: make the folder writable"):
        embedded.check_cluster(whole)


def test_the_log_of_the_database_holds_neither_values_nor_rows(cluster, account, tmp_path):
    sockets = embedded.socket_dir_of(cluster.parent, account)
    programs = embedded.postgres_programs(account, cluster.parent)
    command = embedded.postgres_command(cluster, socket_dir=sockets, programs=programs, account=account, durable=False)
    log = tmp_path / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd="/", user=account.uid, group=account.gid
        )
    try:
        wait_until((sockets / ".s.PGSQL.5432").exists, "the socket", log)
        with psycopg.connect(embedded.postgres_url(sockets, "postgres"), autocommit=True) as database:
            database.execute("CREATE TABLE tokens (digest text PRIMARY KEY, amount int CHECK (amount > 0))")
            for amount in (1, 1, -1):
                with contextlib.suppress(psycopg.Error):
                    database.execute("INSERT INTO tokens VALUES (%s, %s)", ["tell-nobody-1", amount])
                with contextlib.suppress(psycopg.Error):
                    database.execute(f"INSERT INTO tokens VALUES ('tell-nobody-{amount}', {amount})")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)

    said = log.read_text()
    assert "duplicate key" in said
    assert "tell-nobody" not in said
