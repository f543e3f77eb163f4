"""Backups of a real database, made and put back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from dashboard.system import readings
from portfolios.models import AuditEntry, Season
from tests.databases import databases, drop
from tests.rows import open_season
from tradingsite.access.roles import give_role, role_of
from tradingsite.access.tokens import known_token, make_share_link, make_token, revoke
from tradingsite.models import ApiToken, ShareLink

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_is_left_on_the_server() -> Iterator[None]:
    known = databases()
    yield
    for name in databases() - known:
        drop(name)


def made(folder: Path, *, keep: int = 7) -> Path:
    call_command("backup", folder=folder, keep=keep)
    return max(folder.glob("paddock-*.dump"))


def test_a_backup_is_put_back_and_the_database_that_was_there_stays_under_another_name(tmp_path, capsys):
    season = open_season()
    path = made(tmp_path)
    Season.objects.filter(pk=season.pk).update(name="overwritten")

    call_command("restore", path, no_input=True)

    assert Season.objects.get().name == season.name
    newest = AuditEntry.objects.filter(kind="backup").latest("id")
    assert (newest.subject, newest.action) == (path.name, "put back")
    (other,) = (name for name in databases() if "_before_" in name)
    assert other in newest.sentence
    assert other in capsys.readouterr().out
    with psycopg.connect(**{**connection.get_connection_params(), "dbname": other}) as kept:
        assert kept.execute("SELECT name FROM portfolios_season").fetchall() == [("overwritten",)]


def test_a_restore_brings_no_token_link_or_session_back_to_life_and_lists_what_it_kept(tmp_path, client, capsys):
    ann = User.objects.create_user("ann", password="the old password 1")
    give_role(user=ann, role="admin", by="test")
    gone = User.objects.create_user("gone", password="leaked since then 1")
    made_by_both = {"by": "test", "days": 3}
    make_token(user=ann, name="stays", scopes=["read"], by="test")
    stolen, stolen_secret = make_token(user=ann, name="stolen", scopes=["trade"], by="test")
    deleted, deleted_secret = make_token(user=ann, name="deleted", scopes=["read"], by="test")
    link, _ = make_share_link(note="for Bob", **made_by_both)
    TOTPDevice.objects.create(user=ann, name="lost telephone")
    client.force_login(ann)
    path = made(tmp_path)
    revoke(stolen, by="test")
    revoke(link, by="test")
    deleted.delete()
    TOTPDevice.objects.all().delete()
    TOTPDevice.objects.create(user=ann, name="new telephone")
    ann.set_password("the new password 1")
    ann.save()
    give_role(user=ann, role="trader", by="test")
    User.objects.filter(pk=gone.pk).update(is_active=False)

    call_command("restore", path, no_input=True)

    assert {token.name: token.state for token in ApiToken.objects.all()} == {
        "stays": "valid", "stolen": "revoked", "deleted": "revoked",
    }  # fmt: skip
    assert [known_token(secret) for secret in (stolen_secret, deleted_secret)] == [None, None]
    assert ShareLink.objects.get().state == "revoked"
    assert not Session.objects.exists()
    ann, gone = User.objects.get(username="ann"), User.objects.get(username="gone")
    assert (ann.check_password("the new password 1"), gone.is_active) == (True, False)
    assert (role_of(ann), ann.is_superuser) == ("trader", False)
    assert [(device.user, device.name) for device in TOTPDevice.objects.all()] == [(ann, "new telephone")]
    said = capsys.readouterr().out
    assert "kept    token stays" in said
    assert "kept    user ann: password, second factor and role of now" in said
    assert "closed  token stolen: revoked" in said
    assert "closed  share link for Bob: revoked" in said
    assert "closed  1 sessions: everybody logs in again" in said


def test_a_file_that_is_no_backup_changes_nothing(tmp_path):
    season, known = open_season(), databases()
    (tmp_path / "mine.dump").write_text("not a backup")

    with pytest.raises(CommandError, match=r"nothing was changed: .*archive"):
        call_command("restore", tmp_path / "mine.dump", no_input=True)
    with pytest.raises(CommandError, match=r"expected a file that manage.py backup has written"):
        call_command("restore", tmp_path / "none.dump", no_input=True)

    assert Season.objects.get() == season
    assert databases() == known


def test_who_does_not_say_yes_keeps_the_database(tmp_path, monkeypatch):
    season, path = open_season(), made(tmp_path)
    Season.objects.filter(pk=season.pk).update(name="newer")
    monkeypatch.setattr("builtins.input", lambda _: "y")

    with pytest.raises(CommandError, match="only yes goes on"):
        call_command("restore", path)

    assert Season.objects.get().name == "newer"


def test_a_backup_is_on_record_with_its_size_and_only_its_owner_may_read_it(tmp_path):
    path = made(tmp_path)

    (entry,) = AuditEntry.objects.filter(kind="backup")
    assert (entry.subject, entry.action, entry.by) == (path.name, "made", "manage.py backup")
    assert f"{path.stat().st_size:,} bytes" in entry.sentence
    assert path.stat().st_mode & 0o077 == 0
    last = readings.last_backup()
    assert last is not None
    assert (last.name, timezone.now() - last.at < timedelta(minutes=1)) == (path.name, True)


def test_the_newest_stay_and_files_of_other_names_are_left_alone(tmp_path):
    others = ("paddock-20200101T000000Z.dump", "paddock-20200102T000000Z.dump", "mine.dump")
    for name in others:
        (tmp_path / name).touch()

    path = made(tmp_path, keep=2)

    assert {each.name for each in tmp_path.iterdir()} == {path.name, others[1], others[2]}


def test_where_none_can_be_made_nothing_is_left_behind_or_put_on_record(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(CommandError, match=r"no backup was made: .*file"):
        call_command("backup", folder=tmp_path / "file" / "below")

    assert not AuditEntry.objects.exists()


def test_a_database_that_refuses_is_quoted_and_no_half_file_stays(tmp_path, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "NAME", "nowhere")
    with pytest.raises(CommandError, match='database "nowhere" does not exist'):
        call_command("backup", folder=tmp_path)
    monkeypatch.undo()

    assert list(tmp_path.iterdir()) == []


def test_none_to_keep_is_refused(tmp_path):
    with pytest.raises(CommandError, match="--keep is 0: expected a whole number of at least 1"):
        call_command("backup", folder=tmp_path, keep=0)


@pytest.mark.parametrize("error", [EOFError("EOF when reading a line"), RuntimeError("input(): lost sys.stdin")])
def test_where_nobody_can_answer_restore_says_what_it_needs(tmp_path, monkeypatch, error):
    def nobody(_):
        raise error

    (tmp_path / "some.dump").touch()
    monkeypatch.setattr("builtins.input", nobody)

    with pytest.raises(CommandError, match="nobody answers here; run it in a terminal, or add --no-input"):
        call_command("restore", tmp_path / "some.dump")
