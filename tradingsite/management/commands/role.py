"""`manage.py role USER viewer|trader|admin`: who may do what."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from tradingsite.access.roles import ROLES, give_role


class Command(BaseCommand):
    """Give a user one of the three roles; with ``--create`` make the user first, with a password that is shown once."""

    help = "Give USER a role: a viewer reads, a trader changes deployments, an admin runs the place."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the login")
        parser.add_argument("role", choices=ROLES)
        parser.add_argument("--create", action="store_true", help="make the user; the password is printed once")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is not None and options["create"]:
            raise CommandError(f"there is a user {options['user']!r} already; leave --create out")
        if user is None:
            if not options["create"]:
                known = ", ".join(User.objects.order_by("username").values_list("username", flat=True)) or "none"
                raise CommandError(f"no user is called {options['user']!r}; --create makes one; there are: {known}")
            password = secrets.token_urlsafe(12)
            user = User.objects.create_user(options["user"], password=password)
            self.stdout.write(f"password of {user.username}: {password}")
        give_role(user=user, role=options["role"], by="manage.py role")
        self.stdout.write(f"{user.username} is a {options['role']}")
