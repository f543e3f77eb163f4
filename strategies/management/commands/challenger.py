"""`manage.py challenger SLUG`: the present version of a strategy beside the one that a deployment trades."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from strategies.deployments.challengers import enter_challenger, label
from strategies.models import Deployment
from strategies.versions.registry import strategy_of


class Command(BaseCommand):
    """Enter a challenger."""

    help = "Enter the version that lies in the strategy's folder as a deployment of its own, on the same terms."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the deployment to challenge; it goes on and keeps its record")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a sentence")

    def handle(self, *args: Any, **options: Any) -> None:
        champion = Deployment.objects.filter(slug=options["slug"]).first()
        if champion is None:
            known = ", ".join(Deployment.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"no deployment is called {options['slug']!r}; there are {known}")
        try:
            challenger = enter_challenger(deployment=champion, by="manage.py challenger")
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        new = strategy_of(challenger)
        answer = {
            "challenger": challenger.slug,
            "champion": champion.slug,
            "strategy": new.name,
            "version": new.version,
            "hash": new.hash,
            "has_account": challenger.account_id is not None,
        }
        sentence = f"{challenger.slug} challenges {champion.slug} with {new.name} {label(new)}"
        self.stdout.write(json.dumps(answer) if options["json"] else sentence)
