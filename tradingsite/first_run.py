"""``python -m tradingsite.first_run``: bring the database up to date, an admin and a league included.

One process instead of three commands: Django is loaded once. The last line it writes is JSON
for the launcher.
"""

import json
import os
import sys

import django

DEFAULT_LEAGUE = "leagues/default.toml"
ADMIN_NAME = "admin"


class NoPassword(Exception):
    """The first admin needs a password, and none was given."""


def main() -> None:
    """Migrate, make the first admin, seed the league where there is none."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")
    django.setup()

    from django.core.management import CommandError, call_command

    from tradingsite.access.roles import ensure_roles

    try:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        ensure_roles()
        admin_made = make_first_admin(os.environ.get("PADDOCK_ADMIN_PASSWORD", ""))
        call_command("league", "load", DEFAULT_LEAGUE, "--if-empty", skip_checks=True)
    except (CommandError, NoPassword) as error:
        sys.exit(str(error))
    sys.stdout.flush()
    sys.stdout.write(json.dumps({"admin_made": admin_made}) + "\n")


def make_first_admin(password: str) -> bool:
    """Make the superuser ``admin`` unless there is a superuser already; return whether one was made."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return False
    if not password:
        raise NoPassword("PADDOCK_ADMIN_PASSWORD is empty: there is no superuser yet, and the first needs one")
    try:
        validate_password(password)
    except ValidationError as error:
        raise NoPassword(f"PADDOCK_ADMIN_PASSWORD is too weak: {' '.join(error.messages)}") from None
    user, _ = users.get_or_create(username=ADMIN_NAME, defaults={"email": ""})
    user.is_staff = user.is_superuser = user.is_active = True
    user.set_password(password)
    user.save()
    return True


if __name__ == "__main__":
    main()
