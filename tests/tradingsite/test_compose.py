"""docker-compose.yml, as far as it can be judged without Docker; a linter judges the rest in ``check``."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]


def test_every_process_has_its_service():
    assert set(SERVICES) == {"postgres", "redis", "setup", "web", "feed", "worker", "jobs", "beat"}


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


@pytest.mark.parametrize("name", ["setup", "web", "feed", "worker", "jobs", "beat"])
def test_every_process_of_ours_runs_from_the_one_image(name):
    assert SERVICES[name]["image"] == "paddock:local"
    assert SERVICES[name]["environment"]["PADDOCK_BIND"] == "0.0.0.0"


@pytest.mark.parametrize("name", ["web", "feed", "worker", "jobs", "beat"])
def test_a_process_that_hangs_is_ended_by_its_health_check_and_restarted(name):
    service = SERVICES[name]

    assert any("tradingsite.launcher.alive" in word for word in service["healthcheck"]["test"])
    assert service["init"] is True  # else the process is the container's first, which nothing inside can end
    assert service["restart"] == "unless-stopped"
    assert service["environment"]["PADDOCK_PULSE"].startswith("/tmp/")
