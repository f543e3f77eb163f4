#!/usr/bin/env python3
"""Django's command line for Paddock, from any folder: ``python3 manage.py [--data-dir PATH] COMMAND``.

It runs in the project's virtual environment and on the servers of the Paddock that runs, or of the one named.
"""

import contextlib
import errno
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"


def main() -> None:
    """Run the Django command named on the command line."""
    use_project_python()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import BaseCommand, ManagementUtility

    from tradingsite import installations
    from tradingsite.launcher.streams import forget, open_streams

    open_streams()
    try:
        choice = installations.choose(sys.argv[1:])
        os.environ["PADDOCK_DATA_DIR"] = str(choice.data_dir)

        class Commands(ManagementUtility):
            def fetch_command(self, subcommand: str) -> BaseCommand:
                command = super().fetch_command(subcommand)  # an unknown one ends here
                installations.refuse_without_servers(choice)
                return command

        Commands([sys.argv[0], *choice.arguments]).execute()
        sys.stdout.flush()
    except installations.NoInstallation as error:
        fail(str(error))
    except BrokenPipeError:
        # The reader has seen enough, as in `manage.py doctor | head`.
        forget(sys.stdout)
        sys.exit(1)
    except EOFError:
        fail("this command asks a question, and there is nobody to answer: run it in a terminal; --help says without")
    except KeyboardInterrupt:
        fail("interrupted")
    except OSError as error:
        if error.filename is not None or error.errno not in {errno.ENOSPC, errno.EIO, errno.EBADF}:
            raise
        forget(sys.stdout)
        fail(f"the output cannot be written: {error.strerror}")
    except ImproperlyConfigured as error:
        fail(str(error))
    except Exception as error:
        if server := away(error):
            fail(f"{server} does not answer: {' '.join(str(error).split())}; manage.py doctor says more")
        raise


def away(error: Exception) -> str:
    """Return the server that does not answer, or "" when the error is another one."""
    import redis
    from django.db import InterfaceError, OperationalError

    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return "Redis"
    return "the database" if isinstance(error, InterfaceError | OperationalError) else ""


def use_project_python() -> None:
    """Go on in the project's virtual environment, unless this Python is one that has Django."""
    is_virtual = sys.prefix != sys.base_prefix
    has_django = find_spec("django") is not None
    if is_virtual and has_django:
        return
    python = VENV / "bin" / "python"
    if python.exists() and Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), str(ROOT / "manage.py"), *sys.argv[1:]])
    if not has_django:
        fail(f"there is no whole virtual environment in {VENV}: `python3 start.py` makes it, and starts Paddock")


def fail(text: str) -> NoReturn:
    """End with one line that says why."""
    with contextlib.suppress(AttributeError, OSError):  # where nobody can read it
        sys.stderr.write(f"manage.py: {text}\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
