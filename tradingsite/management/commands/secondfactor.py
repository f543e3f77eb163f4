"""`manage.py secondfactor USER --remove`: for who has lost both the telephone and the recovery codes."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from tradingsite.access.second_factor import device_of, switch_off


class Command(BaseCommand):
    """Say whether a user has a second factor, or take it away."""

    help = "Say whether USER logs in with a second factor; --remove takes it away, so that the password is enough."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the login")
        parser.add_argument("--remove", action="store_true", help="take it away")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"no user is called {options['user']!r}")
        if options["remove"]:
            had_one = switch_off(user, by="manage.py secondfactor")
            self.stdout.write(f"second factor of {user.username} is {'removed' if had_one else 'off, as before'}")
        else:
            self.stdout.write(f"second factor of {user.username} is {'on' if device_of(user) else 'off'}")
