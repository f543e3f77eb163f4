"""`manage.py pay SLUG AMOUNT CURRENCY`: deposit into a deployment's account, or withdraw from it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from portfolios.commands.arguments import arguments_of, sentence
from portfolios.commands.payments import payment_amount
from strategies.deployments.commands import request_payment
from strategies.models import Deployment


class Command(BaseCommand):
    """Request a payment; the worker that holds the deployment applies or rejects it within a second or two."""

    help = "Deposit into a deployment's account (50) or withdraw from it (-50). It is not counted as profit or loss."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the deployment")
        parser.add_argument("amount", help="above zero deposits, below zero withdraws")
        parser.add_argument("currency", help="USD, BTC, ...")
        parser.add_argument("--note", default="", help="why; kept with the payment")

    def handle(self, *args: Any, **options: Any) -> None:
        deployment = Deployment.objects.filter(slug=options["slug"]).first()
        if deployment is None:
            raise CommandError(f"no deployment is called {options['slug']!r}")
        try:
            command = request_payment(
                deployment=deployment,
                amount=payment_amount(options["amount"]),
                currency=options["currency"].upper(),
                by="manage.py pay",
                note=options["note"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        words = sentence(arguments_of(command))
        self.stdout.write(f"command {command.pk}: {words} for {deployment.slug} requested; its worker applies it")
