"""`manage.py cancel SLUG ORDER_ID`: cancel one order of a deployment."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from strategies.deployments.commands import cancel_order
from strategies.models import Deployment


class Command(BaseCommand):
    """Request it; the worker that holds the deployment sends the cancellation within a second or two."""

    help = "Cancel one order of a deployment. What fills before the cancellation arrives is filled."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the deployment")
        parser.add_argument("order_id", help="of an open order; the API and the pages list them")

    def handle(self, *args: Any, **options: Any) -> None:
        deployment = Deployment.objects.filter(slug=options["slug"]).first()
        if deployment is None:
            raise CommandError(f"no deployment is called {options['slug']!r}")
        try:
            command = cancel_order(deployment=deployment, order_id=options["order_id"], by="manage.py cancel")
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        words = f"cancel order {options['order_id']} of {deployment.slug} requested; its worker carries it out"
        self.stdout.write(f"command {command.pk}: {words}")
