import pytest
from django.core.exceptions import ImproperlyConfigured

from tradingsite import environment


def test_a_database_on_a_unix_socket_is_read_from_its_url():
    found = environment.database_from_url("postgresql://postgres@/paddock?host=/run/here")

    assert (found["NAME"], found["USER"], found["HOST"]) == ("paddock", "postgres", "/run/here")


def test_what_else_libpq_knows_is_passed_on_to_it():
    found = environment.database_from_url("postgres://ann:s%40fe@db:5433/league?sslmode=require")

    assert (found["HOST"], found["PORT"], found["PASSWORD"]) == ("db", "5433", "s@fe")
    assert found["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize("url", ["mysql://db/x", "paddock", "postgresql://db:5432", "postgresql://db/x?colour=red"])
def test_a_database_url_that_makes_no_sense_is_refused_with_one_that_would(url):
    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL .*expected postgresql://USER:PASSWORD@HOST"):
        environment.database_from_url(url)


def test_a_password_is_never_part_of_a_complaint():
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.database_from_url("mysql://ann:tellnobody@db/x")

    assert "tellnobody" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("redis://redis:6379/0", "redis://redis:6379/0"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock?db=0"),
        ("unix:///run/valkey.sock?db=3", "unix:///run/valkey.sock?db=3"),
        ("redis+socket:///run/valkey.sock?virtual_host=3", "unix:///run/valkey.sock?db=3"),
    ],
)
def test_redis_is_found_by_either_spelling_of_a_socket(given, read):
    assert environment.redis_url(given) == read


def test_celery_gets_a_unix_socket_in_its_own_spelling():
    spelled = environment.celery_broker_url("unix:///run/valkey.sock?db=3")

    assert spelled == "redis+socket:///run/valkey.sock?virtual_host=3"


@pytest.mark.parametrize("url", ["http://redis:6379", "redis://", "6379", "unix://"])
def test_a_redis_url_that_makes_no_sense_is_refused_with_one_that_would(url):
    with pytest.raises(ImproperlyConfigured, match=r"REDIS_URL .*expected redis://HOST:PORT/0"):
        environment.redis_url(url)


def test_a_flag_that_is_neither_yes_nor_no_is_refused(monkeypatch):
    monkeypatch.setenv("PADDOCK_DEBUG", "maybe")

    with pytest.raises(ImproperlyConfigured, match=r"PADDOCK_DEBUG is 'maybe': expected one of"):
        environment.flag("PADDOCK_DEBUG", default=False)


def test_the_secret_key_is_made_once_and_readable_by_us_alone(tmp_path):
    first = environment.secret_key(tmp_path / "data", {})
    second = environment.secret_key(tmp_path / "data", {})

    assert first == second
    assert len(first) >= 50
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]


def test_a_damaged_secret_key_is_named_and_not_used(tmp_path):
    (tmp_path / "secret_key").write_text("short")

    with pytest.raises(ImproperlyConfigured, match=r"is damaged .*delete the file"):
        environment.secret_key(tmp_path, {})


@pytest.mark.parametrize(("given", "read"), [(None, "private"), ("", "private"), ("shared", "shared")])
def test_a_choice_is_read_and_left_out_it_is_the_default(monkeypatch, given, read):
    monkeypatch.delenv("PADDOCK_LIQUIDITY", raising=False)
    if given is not None:
        monkeypatch.setenv("PADDOCK_LIQUIDITY", given)

    assert environment.choice("PADDOCK_LIQUIDITY", default="private", among=("private", "shared")) == read


def test_a_choice_that_there_is_not_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setenv("PADDOCK_LIQUIDITY", "common")

    with pytest.raises(ImproperlyConfigured, match=r"PADDOCK_LIQUIDITY is 'common': expected one of private, shared"):
        environment.choice("PADDOCK_LIQUIDITY", default="private", among=("private", "shared"))
