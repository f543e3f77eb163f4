"""`manage.py close SLUG SYMBOL [--qty QTY]`: close a position of a deployment at market, the whole or a part."""

from __future__ import annotations

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from marketdata.kraken.symbols import UnknownPairName, symbol_of
from portfolios.commands.arguments import arguments_of, sentence
from strategies.deployments.commands import close_position
from strategies.models import Deployment


class Command(BaseCommand):
    """Request it; the worker that holds the deployment sends the order within a second or two."""

    help = "Close a position of a deployment at market, the whole or a part. The strategy goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the deployment")
        parser.add_argument("symbol", help="of the position, like XRP/USD")
        parser.add_argument("--qty", help="base units; left out: all of it")

    def handle(self, *args: Any, **options: Any) -> None:
        deployment = Deployment.objects.filter(slug=options["slug"]).first()
        if deployment is None:
            raise CommandError(f"no deployment is called {options['slug']!r}")
        qty = _qty(options["qty"])
        try:
            command = close_position(
                deployment=deployment, symbol=symbol_of(options["symbol"]), qty=qty, by="manage.py close"
            )
        except UnknownPairName as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        words = sentence(arguments_of(command))
        self.stdout.write(f"command {command.pk}: {words} for {deployment.slug} requested; its worker carries it out")


def _qty(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise CommandError(f"qty is {text!r}; expected a number like 0.5") from None
