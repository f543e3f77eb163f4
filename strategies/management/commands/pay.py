"""`manage.py pay SLUG AMOUNT CURRENCY`: pay into a deployment's account, or take out of it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from portfolios.commands.payments import payment_amount
from strategies.deployments.payments import ask_to_pay
from strategies.models import Deployment


class Command(BaseCommand):
    """Ask for a payment; the worker that holds the deployment applies or refuses it within a second or two."""

    help = "Pay into a deployment's account (50) or take out of it (-50). It moves the stake, never the profit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the deployment")
        parser.add_argument("amount", help="above zero pays in, below zero takes out")
        parser.add_argument("currency", help="USD, BTC, ...")
        parser.add_argument("--note", default="", help="why; kept with the payment")

    def handle(self, *args: Any, **options: Any) -> None:
        deployment = Deployment.objects.filter(slug=options["slug"]).first()
        if deployment is None:
            raise CommandError(f"no deployment is called {options['slug']!r}")
        try:
            payment = ask_to_pay(
                deployment=deployment,
                amount=payment_amount(options["amount"]),
                currency=options["currency"].upper(),
                by="manage.py pay",
                note=options["note"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        self.stdout.write(f"payment {payment.pk}: {payment} of {deployment.slug} is asked; its worker applies it")
