"""Backups of a real database, brought back."""

from __future__ import annotations

import os
import shlex
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from dashboard.system import readings
from portfolios.models import AuditEntry, Season
from tests.rows import open_season

pytestmark = pytest.mark.django_db(transaction=True)


def made(folder: Path, *, keep: int = 7) -> Path:
    call_command("backup", folder=folder, keep=keep)
    return max(folder.glob("paddock-*.dump"))


def test_what_is_lost_after_a_backup_is_brought_back_by_the_command_that_was_told(tmp_path, capsys):
    season = open_season()
    made(tmp_path)
    *_, restore = capsys.readouterr().out.splitlines()
    Season.objects.filter(pk=season.pk).update(name="overwritten")

    subprocess.run(shlex.split(restore), env=os.environ, check=True)

    assert Season.objects.get().name == season.name


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


def test_a_database_that_refuses_is_quoted_and_no_half_file_stays(tmp_path, settings):
    from django.db import connection

    known, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], "nowhere"
    with pytest.raises(CommandError, match='database "nowhere" does not exist'):
        call_command("backup", folder=tmp_path)
    connection.settings_dict["NAME"] = known

    assert list(tmp_path.iterdir()) == []


def test_none_to_keep_is_refused(tmp_path):
    with pytest.raises(CommandError, match="--keep is 0: expected a whole number of at least 1"):
        call_command("backup", folder=tmp_path, keep=0)
