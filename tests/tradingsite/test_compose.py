"""docker-compose.yml, as far as it can be judged without Docker; a linter judges the rest in ``check``."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
import redis
import yaml

from tests.processes import wait_until
from tradingsite.launcher import embedded

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]


def test_every_process_has_its_service():
    assert set(SERVICES) == {"postgres", "redis", "setup", "web", "feed", "worker", "jobs", "notify", "beat"}


def test_two_workers_share_the_deployments():
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_and_bounded(name):
    service = SERVICES[name]

    assert "test" in service["healthcheck"] or name == "setup"
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_services_and_uses_volumes_and_networks_that_exist(name):
    service = SERVICES[name]

    assert set(service.get("depends_on", {})) <= set(SERVICES)
    assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])


def test_the_file_holds_no_secret():
    text = (ROOT / "docker-compose.yml").read_text()

    for value in re.findall(r"^ *\w*(?:PASSWORD|SECRET_KEY): *(\S+)", text, re.MULTILINE):
        assert value.startswith("${"), value


def test_only_the_web_site_is_reachable_and_only_from_this_machine():
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


@pytest.mark.parametrize("name", ["setup", "web", "feed", "worker", "jobs", "notify", "beat"])
def test_every_process_of_ours_runs_from_the_one_image(name):
    assert SERVICES[name]["image"] == "paddock:local"
    assert SERVICES[name]["environment"]["PADDOCK_BIND"] == "0.0.0.0"


@pytest.mark.parametrize("name", ["web", "feed", "worker", "jobs", "notify", "beat"])
def test_a_process_that_hangs_is_ended_by_its_health_check_and_restarted(name):
    service = SERVICES[name]

    assert any("tradingsite.launcher.alive" in word for word in service["healthcheck"]["test"])
    assert service["init"] is True  # else the process is the container's first, which nothing inside can end
    assert service["restart"] == "unless-stopped"
    assert service["environment"]["PADDOCK_PULSE"].startswith("/tmp/")


def test_the_key_that_signs_sessions_is_the_web_sites_alone_and_mail_is_sent_by_two():
    holding = {name for name, service in SERVICES.items() if "PADDOCK_SECRET_KEY" in service.get("environment", {})}
    mailing = {name for name, service in SERVICES.items() if "PADDOCK_SMTP_PASSWORD" in service.get("environment", {})}

    assert holding == {"web"}
    assert mailing == {"web", "notify"}


def test_what_asks_others_reaches_out_and_what_runs_strategies_does_not():
    outside = {name for name, service in SERVICES.items() if "outside" in service["networks"]}

    assert outside == {"web", "feed", "jobs", "notify"}
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_the_log_of_postgresql_holds_no_values():
    said = " ".join(SERVICES["postgres"]["command"])

    for name in ("log_parameter_max_length", "log_parameter_max_length_on_error"):
        assert f"{name}={embedded.NO_VALUES_IN_THE_LOG[name]}" in said
    assert "log_error_verbosity=terse" in said
    assert "log_min_error_statement=panic" in said


@pytest.fixture
def server(tmp_path):
    """The command of the service `redis`, run here, on a socket of its own."""
    script = SERVICES["redis"]["command"][2].replace("$$", "$").replace("/tmp/", f"{tmp_path}/")
    program = embedded.valkey_command(tmp_path, socket_dir=tmp_path)[0]
    script = script.replace("valkey-server", shlex.quote(program)).replace("--dir /data", f"--dir {tmp_path}")
    script = f"{script} --port 0 --unixsocket {tmp_path}/socket"
    environ = {**os.environ, "REDIS_PASSWORD": "tell-nobody-42"}
    process = subprocess.Popen(["sh", "-c", script], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        wait_until((tmp_path / "socket").exists, "valkey")
        yield process, tmp_path / "socket"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def test_redis_knows_our_processes_by_a_password_and_lets_them_run_nothing_dangerous(server):
    process, socket = server
    ours = redis.Redis(unix_socket_path=str(socket), username="paddock", password="tell-nobody-42")
    nobody = redis.Redis(unix_socket_path=str(socket))
    health = redis.Redis(unix_socket_path=str(socket), username="health", password="none")

    assert ours.xadd("frames", {"a": "b"})
    assert ours.pipeline().incr("n").expire("n", 5).execute()
    assert ours.publish("x", "y") == 0
    assert ours.info()["redis_version"]
    assert health.ping()
    for client, words in (
        *(
            (ours, words)
            for words in (["FLUSHALL"], ["CONFIG", "SET", "dir", "/"], ["SHUTDOWN"], ["DEBUG", "SLEEP", "0"])
        ),
        *((nobody, words) for words in (["PING"], ["GET", "n"])),
        (health, ["GET", "n"]),
    ):
        with pytest.raises((redis.AuthenticationError, redis.exceptions.NoPermissionError, redis.ResponseError)):
            client.execute_command(*words)
    assert b"tell-nobody" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
