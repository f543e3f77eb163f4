"""What goes wrong before anything runs is one line on standard error, and exit code 1."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tradingsite.launcher import launch
from tradingsite.launcher.options import CannotStart, read_options

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def data_dir(tmp_path):
    return tmp_path / "data"


def launched(*arguments, **environ):
    """Run the launcher; return its exit code and the lines of its complaint."""
    clean = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    done = subprocess.run(
        [sys.executable, "-m", "tradingsite.launcher.launch", *map(str, arguments)],
        cwd=ROOT,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def assert_one_line(outcome, *parts):
    code, lines = outcome
    assert (code, len(lines)) == (1, 1), lines
    assert lines[0].startswith("paddock cannot start: ")
    for part in parts:
        assert str(part) in lines[0]


@contextlib.contextmanager
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--source", "moon"], "--source is 'moon': expected auto, kraken, simulated or recording:PATH"),
        (["--source", "recording:"], "--source is 'recording:': expected"),
        (["--faults", "drop@3"], "--faults is 'drop@3' with --source auto: expected --source simulated"),
        (["--source", "simulated", "--faults", "dripp@3"], "no fault is named 'dripp'; expected one of drop, silence"),
        (["--source", "recording:/no/such.ndjson"], "/no/such.ndjson, which cannot be read (No such file"),
        (["--duration", "soon"], "--duration is 'soon': expected a number above zero"),
        (["--duration", "nan"], "--duration is 'nan': expected a number above zero"),
        (["--speed", "-1"], "--speed is '-1': expected a number of zero or more"),
        (["--port", "70000"], "--port is '70000': expected a whole number from 1 to 65535"),
        (["--workers", "0"], "--workers is '0': expected a whole number from 1 to 64"),
        (["--wrokers", "2"], "unrecognized arguments: --wrokers 2"),
        (["--port"], "argument --port: expected one argument"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_with_what_would(arguments, complaint):
    with pytest.raises(CannotStart) as caught:
        read_options(arguments)

    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_recording_is_refused(tmp_path):
    (tmp_path / "empty.ndjson").touch()

    with pytest.raises(CannotStart, match=r"empty\.ndjson, which is empty"):
        read_options(["--source", f"recording:{tmp_path / 'empty.ndjson'}"])


def test_a_recording_is_found_from_wherever_the_command_was_given(tmp_path, monkeypatch):
    (tmp_path / "day.ndjson").write_text("{}\n")
    monkeypatch.chdir(tmp_path)

    assert read_options(["--source", "recording:day.ndjson"]).source == f"recording:{tmp_path / 'day.ndjson'}"


def test_a_bad_option_ends_the_command_with_one_line(data_dir):
    assert_one_line(launched("--data-dir", data_dir, "--source", "moon"), "--source is 'moon'")


def test_a_port_in_use_is_named(data_dir):
    with taken_port() as port:
        assert_one_line(
            launched("--data-dir", data_dir, "--port", port),
            f"port {port} on 127.0.0.1",
            "Address already in use",
            "--port",
        )


def test_a_data_dir_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()

    assert_one_line(launched("--data-dir", tmp_path / "file" / "data"), tmp_path / "file" / "data", "Not a directory")


def test_a_second_launcher_on_the_same_data_is_refused(data_dir):
    data_dir.mkdir()
    with (data_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()

        assert_one_line(launched("--data-dir", data_dir), "another Paddock (process 4711)", data_dir, "--data-dir")


def test_a_disk_that_is_full_is_named_with_what_is_left(data_dir, monkeypatch):
    data_dir.mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, 42_000_000))

    with pytest.raises(CannotStart, match="has 42 MB left on its disk: expected at least 500 MB"):
        launch._check_disk(data_dir)


def test_a_database_that_does_not_answer_is_named(data_dir):
    with taken_port() as port:
        pass

    assert_one_line(
        launched("--data-dir", data_dir, "--port", port, DATABASE_URL=f"postgresql://ann:secret@127.0.0.1:{port}/x"),
        "the server that DATABASE_URL names does not answer",
        "Connection refused",
    )


def test_a_redis_that_does_not_answer_is_named(data_dir):
    with taken_port() as port:
        pass

    assert_one_line(
        launched(
            "--data-dir", data_dir, "--port", port,
            DATABASE_URL=os.environ["DATABASE_URL"], REDIS_URL=f"redis://127.0.0.1:{port}/0",
        ),
        "the server that REDIS_URL names does not answer",
        "Connection refused",
    )  # fmt: skip


def test_a_database_url_of_another_make_is_refused(data_dir):
    with taken_port() as port:
        pass

    assert_one_line(
        launched("--data-dir", data_dir, "--port", port, DATABASE_URL="mysql://db/x"),
        "DATABASE_URL starts with 'mysql': expected postgresql://",
    )


def test_a_damaged_cluster_is_named_and_left_alone(data_dir):
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "precious").touch()
    with taken_port() as port:
        pass

    assert_one_line(launched("--data-dir", data_dir, "--port", port), data_dir / "postgres", "is damaged", "backup")
    assert (data_dir / "postgres" / "precious").exists()


def test_a_cluster_that_postgres_refuses_is_reported_in_its_words(data_dir):
    cluster = data_dir / "postgres"
    cluster.mkdir(parents=True, mode=0o700)
    (cluster / "PG_VERSION").write_text("18")
    for part in ("global/pg_control", "base/1", "pg_wal/1", "pg_xact/1"):
        (cluster / part).parent.mkdir()
        (cluster / part).touch()
    with taken_port() as port:
        pass

    assert_one_line(
        launched("--data-dir", data_dir, "--port", port), "the embedded postgres did not start", "postgresql.conf"
    )
