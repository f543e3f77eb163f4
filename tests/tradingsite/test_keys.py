"""Secrets in the environment: none of an exchange, none that can be guessed, and each only where it is needed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.processes import ROOT
from tradingsite.first_run import NoPassword, make_first_admin
from tradingsite.launcher.folders import keep_to_ourselves
from tradingsite.launcher.inheritance import inherited
from tradingsite.launcher.keys import exchange_keys, refuse_weak_key, refuse_weak_password
from tradingsite.launcher.options import CannotStart

KEYS = (
    *("KRAKEN_API_KEY", "KRAKEN_API_SECRET", "KRAKEN_PRIVATE_KEY"),
    *("BINANCE_SECRET", "COINBASE_PASSPHRASE", "MY_API_SECRET"),
)
NO_KEYS = ("KRAKEN_WS_URL", "KRAKEN_REST_URL", "PADDOCK_SECRET_KEY", "PADDOCK_TOKEN", "FEED_SYMBOLS", "SSH_AUTH_SOCK")


def run(*command, **environ):
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


def test_a_key_of_an_exchange_is_known_by_its_name_and_an_empty_one_is_none():
    assert exchange_keys(dict.fromkeys((*KEYS, *NO_KEYS), "x")) == sorted(KEYS)
    assert exchange_keys(dict.fromkeys(KEYS, " ")) == []


@pytest.mark.parametrize("command", [("manage.py", "check"), ("-m", "tradingsite.launcher.launch", "--port", "1")])
def test_no_process_starts_with_a_key_of_an_exchange(command, tmp_path):
    done = run(*command, KRAKEN_API_SECRET="tell-nobody", PADDOCK_DATA_DIR=str(tmp_path))

    assert done.returncode != 0
    assert "KRAKEN_API_SECRET in the environment: expected no key to an exchange" in done.stderr
    assert "tell-nobody" not in done.stderr + done.stdout


@pytest.mark.parametrize("key", ["short", "a" * 60, "django-insecure-" + "abcdefghijklmnop" * 4])
def test_a_key_that_can_be_guessed_is_refused_and_not_shown(key):
    with pytest.raises(ImproperlyConfigured, match=r"expected at least 32, 8 different") as caught:
        refuse_weak_key("PADDOCK_SECRET_KEY", key)

    assert key not in str(caught.value)


def test_a_password_of_a_server_that_others_reach_cannot_be_guessed():
    for password in ("paddock", "postgres1", "short", "ChangeMe123"):
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL has a password that can be guessed"):
            refuse_weak_password("DATABASE_URL", f"postgresql://ann:{password}@db:5432/x")
    refuse_weak_password("DATABASE_URL", "postgresql://ann:correct-horse-42@db:5432/x")
    refuse_weak_password("DATABASE_URL", "postgresql://paddock:paddock@127.0.0.1:5432/x")


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["short", "password123", "12345678901"])
def test_the_first_admin_gets_no_password_that_can_be_guessed(password):
    with pytest.raises(NoPassword, match="PADDOCK_ADMIN_PASSWORD is too weak"):
        make_first_admin(password)


GIVEN = {
    "PATH": "/bin",
    "LC_ALL": "C",
    "PADDOCK_LIQUIDITY": "shared",
    "KRAKEN_WS_URL": "ws://here",
    "http_proxy": "http://proxy",
    "PADDOCK_SECRET_KEY": "of-the-web-site",
    "PADDOCK_ADMIN_PASSWORD": "of-the-admin",
    "PADDOCK_SMTP_PASSWORD": "of-the-mail-server",
    "AWS_SECRET_ACCESS_KEY": "of-another-program",
    "GITHUB_TOKEN": "of-yet-another",
}


@pytest.mark.parametrize(
    ("name", "secrets"),
    [
        ("worker-2", set()),
        ("feed", set()),
        ("jobs", set()),
        ("beat", set()),
        ("notify", {"of-the-mail-server"}),
        ("web", {"of-the-web-site", "of-the-mail-server"}),
        ("set-up", {"of-the-admin"}),
        ("postgres", set()),
        ("valkey", set()),
    ],
)
def test_each_process_is_given_what_it_needs_and_no_secret_of_another(name, secrets):
    given = inherited(name, GIVEN)

    assert {value for value in given.values() if value.startswith("of-")} == secrets
    assert given["PATH"] == "/bin"
    assert ("PADDOCK_LIQUIDITY" in given) is (name not in {"postgres", "valkey"})
    assert ("http_proxy" in given) is (name in {"feed", "jobs"})


def test_what_signs_sessions_is_another_key_in_a_worker_each_time():
    first, second = (inherited("worker-1", GIVEN)["PADDOCK_SECRET_KEY"] for _ in range(2))

    assert first != second
    refuse_weak_key("PADDOCK_SECRET_KEY", first)


def test_nobody_else_looks_into_the_data_folder(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)

    keep_to_ourselves(folder)

    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    with pytest.raises(CannotStart, match="expected a folder of one's own"):
        keep_to_ourselves(folder)


def test_a_deployment_over_https_is_what_djangos_check_asks_for(tmp_path):
    done = run(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING",
        PADDOCK_HTTPS="1", PADDOCK_ALLOWED_HOSTS="paddock.example",
    )  # fmt: skip
    names = run(
        "-c",
        "import django; django.setup(); from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS)",
        PADDOCK_HTTPS="1", DJANGO_SETTINGS_MODULE="tradingsite.settings",
    )  # fmt: skip

    assert "no issues" in done.stdout + done.stderr, done.stderr
    assert names.stdout.split() == ["__Host-sessionid", "__Host-csrftoken", "True", "31536000"]
