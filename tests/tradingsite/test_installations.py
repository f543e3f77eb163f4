"""Which Paddock a command of `manage.py` is for."""

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tradingsite import installations
from tradingsite.installations import DEFAULT_DATA_DIR, NoInstallation, choose, is_running, remember, remembered

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["league", "digest"]


@pytest.fixture
def listed(tmp_path):
    return tmp_path / "listed"


@pytest.fixture
def folders(tmp_path):
    """Two data folders, their locks free."""
    made = [tmp_path / name for name in ("one", "two")]
    for folder in made:
        folder.mkdir()
        (folder / installations.LOCK_FILE).write_text("4711")
    return made


@contextmanager
def running(*folders, with_servers=True):
    """Hold the locks as launchers do."""
    locks = [(folder / installations.LOCK_FILE).open("a+") for folder in folders]
    for folder, lock in zip(folders, locks, strict=True):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if with_servers:
            (folder / installations.SERVICES_FILE).write_text("DATABASE_URL=postgresql://x\n")
    yield
    for lock in locks:
        lock.close()


def test_the_folder_started_last_comes_first_and_each_is_remembered_once(listed, folders):
    one, two = folders
    for folder in (one, two, one):
        remember(folder, listed)

    assert listed.read_text().splitlines() == [str(one), str(two)]
    assert remembered(listed)[:2] == [one, two]


def test_a_folder_that_is_gone_is_forgotten(listed, folders, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    remember(gone, listed)
    gone.rmdir()
    remember(folders[0], listed)

    assert listed.read_text().splitlines() == [str(folders[0])]


def test_an_installation_runs_while_its_lock_is_held(folders):
    one, two = folders
    with running(one):
        assert (is_running(one), is_running(two)) == (True, False)
    assert not is_running(one)


def test_the_one_that_runs_is_chosen_before_the_one_that_was_started_last(listed, folders):
    one, two = folders
    for folder in (one, two):
        remember(folder, listed)

    with running(one):
        choice = choose(COMMAND, {}, listed)

    assert choice == (one, COMMAND, "")


def test_a_folder_on_the_command_line_is_chosen_before_the_environment_and_both_before_the_one_that_runs(
    listed, folders, tmp_path
):
    one, two = folders
    remember(one, listed)
    environ = {"PADDOCK_DATA_DIR": str(two)}

    with running(one, two):
        of_environment = choose(COMMAND, environ, listed)
        of_option = choose(["--data-dir", str(one), *COMMAND], environ, listed)
        of_other_spelling = choose([f"--data-dir={one}", *COMMAND], environ, listed)

    assert of_environment == (two, COMMAND, "")
    assert of_option == of_other_spelling == (one, COMMAND, "")


def test_of_several_that_run_one_must_be_named(listed, folders):
    for folder in folders:
        remember(folder, listed)

    with running(*folders), pytest.raises(NoInstallation) as refused:
        choose(COMMAND, {}, listed)

    one, two = folders
    assert str(refused.value) == (
        f"several Paddocks run: {two} (process 4711), {one} (process 4711); say which one with --data-dir PATH"
    )


@pytest.mark.parametrize("arguments", [["newstrategy", "x"], ["league", "--help"], ["help", "league"], []])
def test_a_command_that_needs_no_servers_asks_for_no_folder(listed, folders, arguments):
    for folder in folders:
        remember(folder, listed)

    with running(*folders):
        choice = choose(arguments, {}, listed)
        installations.refuse_without_servers(choice._replace(complaint="none runs"))

    assert choice.data_dir == folders[1]


def test_servers_of_ones_own_need_no_installation(listed, folders):
    remember(folders[0], listed)
    environ = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://db:6379/0"}

    assert choose(COMMAND, environ, listed) == (DEFAULT_DATA_DIR, COMMAND, "")


def test_an_installation_that_is_starting_has_no_servers_yet(listed, folders):
    with running(folders[0], with_servers=False):
        choice = choose(["--data-dir", str(folders[0]), *COMMAND], {}, listed)

    assert "it is starting or stopping" in choice.complaint


@pytest.mark.parametrize("arguments", [["--data-dir"], ["--data-dir="], ["--data-dir", "--json"]])
def test_the_option_without_a_folder_is_refused(listed, arguments):
    with pytest.raises(NoInstallation, match="--data-dir names no folder: expected --data-dir PATH before the command"):
        choose(arguments, {}, listed)


def test_every_command_that_needs_no_servers_exists():
    from django.core.management import get_commands

    assert installations.WITHOUT_SERVERS - {"help", "version"} <= set(get_commands())


# As a user runs it


def manage(*arguments, python=sys.executable, cwd="/", **environ):
    """Run ``manage.py`` without any server in its environment."""
    hidden = {"DATABASE_URL", "REDIS_URL", "PADDOCK_DATA_DIR", "DJANGO_SETTINGS_MODULE"}
    clean = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        [python, str(ROOT / "manage.py"), *map(str, arguments)],
        cwd=cwd,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_from_any_folder_a_command_finds_the_servers_of_the_paddock_that_runs(folders, listed, settings):
    remember(folders[0], listed)
    with running(folders[0]):
        services = f"DATABASE_URL={settings.DATABASE_URL}\nREDIS_URL={settings.REDIS_URL}\n"
        (folders[0] / installations.SERVICES_FILE).write_text(services)

        done = manage("showmigrations", "--list", "tradingsite", PADDOCK_INSTALLATIONS=str(listed))

    assert (done.returncode, done.stderr) == (0, "")
    assert "0001_tokens_and_share_links" in done.stdout


@pytest.mark.parametrize("arguments", [["league", "digest"], ["migrate"]])
def test_without_a_paddock_that_runs_one_line_says_what_would_be_right(tmp_path, arguments):
    folder = tmp_path / "data"

    done = manage("--data-dir", folder, *arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"manage.py: no Paddock runs on {folder}: start it with `python3 start.py --data-dir {folder}`, name another's "
        "folder with --data-dir PATH, or set DATABASE_URL and REDIS_URL\n"
    )


def test_an_unknown_command_is_said_to_be_unknown(tmp_path):
    done = manage("--data-dir", tmp_path, "leauge")

    assert done.returncode == 1
    assert done.stderr.startswith("Unknown command: 'leauge'. Did you mean league?")


def test_a_python_without_the_environment_goes_on_in_the_projects_own(tmp_path):
    system = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"

    done = manage("version", python=str(system), PADDOCK_DATA_DIR=str(tmp_path))

    assert (done.returncode, done.stderr) == (0, "")


def test_where_there_is_no_environment_the_line_names_what_makes_it(tmp_path):
    (tmp_path / "manage.py").write_text((ROOT / "manage.py").read_text())
    system = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"

    done = subprocess.run(
        [str(system), "-I", str(tmp_path / "manage.py"), "version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        f"manage.py: there is no whole virtual environment in {tmp_path / '.venv'}: `python3 start.py` makes it, "
        "and starts Paddock\n"
    )
