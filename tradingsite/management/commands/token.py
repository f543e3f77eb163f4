"""`manage.py token create|list|revoke`: keys to the API."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from tradingsite.access.tokens import TOKEN_DAYS, make_token, revoke
from tradingsite.models import ApiToken, Scope


class Command(BaseCommand):
    """Make, list and revoke tokens; a secret is printed once, when it is made."""

    help = "Keys to the API: `Authorization: Bearer pdk_…`. A token never does more than its user may."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a token; its secret is printed once")
        create.add_argument("user")
        create.add_argument("name", help="what uses it")
        create.add_argument("--scope", action="append", choices=Scope.values, help="read when left out; repeatable")
        create.add_argument("--days", type=int, help=f"until it expires; {TOKEN_DAYS} when left out")
        listing = verbs.add_parser("list", help="list all tokens")
        taking = verbs.add_parser("revoke", help="take a token back")
        taking.add_argument("id", type=int, help="as `token list` shows it")
        for verb in (create, listing, taking):
            verb.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['verb']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(
                f"no user is called {options['user']!r}; `manage.py role USER viewer --create` makes one"
            )
        try:
            token, secret = make_token(
                user=user,
                name=options["name"],
                scopes=options["scope"] or [Scope.READ.value],
                by="manage.py token",
                days=options["days"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        if options["as_json"]:
            self.stdout.write(json.dumps({**described(token), "secret": secret}))
        else:
            self.stdout.write(
                f"{secret}\nKeep it: it is not shown again. It may {', '.join(token.scopes)} "
                f"until {token.expires_at:%Y-%m-%d %H:%M} UTC."
            )

    def _list(self, options: dict[str, Any]) -> None:
        tokens = [described(token) for token in ApiToken.objects.select_related("user")]
        if options["as_json"]:
            self.stdout.write(json.dumps(tokens))
            return
        for token in tokens:
            used = token["last_used_at"] or "never used"
            self.stdout.write(
                f"{token['id']:>4}  {token['user']:<16} {token['name']:<24} "
                f"{','.join(token['scopes']):<18} {token['state']:<8} {used}"
            )
        if not tokens:
            self.stdout.write("there is no token yet; `manage.py token create USER NAME` makes one")

    def _revoke(self, options: dict[str, Any]) -> None:
        token = ApiToken.objects.select_related("user").filter(pk=options["id"]).first()
        if token is None:
            raise CommandError(f"no token has the id {options['id']}; `manage.py token list` shows those there are")
        revoke(token, by="manage.py token")
        self.stdout.write(json.dumps(described(token)) if options["as_json"] else f"{token} is revoked")


def described(token: ApiToken) -> dict[str, Any]:
    """Return a token as JSON has it; its secret is nowhere."""
    times = {name: getattr(token, name) for name in ("created_at", "expires_at", "last_used_at")}
    return {
        "id": token.pk,
        "user": token.user.get_username(),
        "name": token.name,
        "scopes": token.scopes,
        "state": token.state,
        **{name: time.isoformat() if time else None for name, time in times.items()},
    }
