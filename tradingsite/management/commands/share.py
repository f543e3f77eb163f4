"""`manage.py share`: a link with which a guest reads the pages for some days."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from tradingsite.access.tokens import make_share_link, revoke
from tradingsite.models import ShareLink


class Command(BaseCommand):
    """Make, list or revoke share links; a link is printed once, when it is made."""

    help = "A read-only link to the pages. It expires, and can be revoked before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=7, help="until it expires; 7 when left out")
        parser.add_argument("--note", default="", help="whom it is for")
        parser.add_argument("--list", action="store_true", dest="is_list", help="list the links there are")
        parser.add_argument("--revoke", type=int, metavar="ID", help="take a link back")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["is_list"]:
            self._list()
        elif options["revoke"] is not None:
            self._revoke(options["revoke"])
        else:
            self._make(options["days"], options["note"])

    def _make(self, days: int, note: str) -> None:
        try:
            link, secret = make_share_link(by="manage.py share", days=days, note=note)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        self.stdout.write(f"{settings.PADDOCK_URL}{reverse('share', args=[secret])}")
        self.stdout.write(f"It reads the pages until {link.expires_at:%Y-%m-%d %H:%M} UTC, and is not shown again.")

    def _list(self) -> None:
        for link in ShareLink.objects.all():
            until = f"{link.expires_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{link.pk:>4}  {link.state:<8} until {until}  opened {link.opened}×  {link.note}")

    def _revoke(self, number: int) -> None:
        link = ShareLink.objects.filter(pk=number).first()
        if link is None:
            raise CommandError(f"no link has the id {number}; `manage.py share --list` shows those there are")
        revoke(link, by="manage.py share")
        self.stdout.write(f"{link} opens nothing any more")
