"""`manage.py flatten SLUG`: cancel all orders of a deployment and close every position at market."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from strategies.deployments.commands import flatten_deployment
from strategies.deployments.services import stop_entries
from strategies.models import Deployment


class Command(BaseCommand):
    """Request it; the worker that holds the deployment begins within a second or two."""

    help = "Cancel all orders of a deployment, close every position at market, and leave it paused."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the deployment")
        parser.add_argument(
            "--entries-only", action="store_true", help="close nothing: only stop entries; exits and stops keep working"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        deployment = Deployment.objects.filter(slug=options["slug"]).first()
        if deployment is None:
            raise CommandError(f"no deployment is called {options['slug']!r}")
        try:
            self.stdout.write(_requested(deployment, entries_only=options["entries_only"]))
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None


def _requested(deployment: Deployment, *, entries_only: bool) -> str:
    by = "manage.py flatten"
    if entries_only:
        stop_entries(deployment=deployment, by=by)
        return f"entries of {deployment.slug} stopped; enabling it in the admin or API allows them again"
    command = flatten_deployment(deployment=deployment, by=by)
    return f"command {command.pk}: flatten of {deployment.slug} requested; its worker carries it out"
