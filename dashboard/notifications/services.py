"""Changing channels and rules, each change in the audit log."""

from __future__ import annotations

import secrets

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from dashboard.notifications.models import Channel, ChannelKind, Delivery, DeliveryState, Rule
from dashboard.notifications.sending import Outcome, carry
from portfolios.audit import note_change

SECRETS = ("secret", "target")  # neither is written into the log


@transaction.atomic
def save_channel(channel: Channel, *, by: str) -> str:
    """Check and save a channel; return the signing key when one was generated; it is shown only once.

    Raises:
        ValidationError: per field.
    """
    made = ""
    if channel.kind == ChannelKind.WEBHOOK and not channel.secret:
        channel.secret = made = secrets.token_urlsafe(32)
    _save(channel, "channel", by, sentence=f"{channel.kind}, {'on' if channel.is_enabled else 'off'}")
    return made


@transaction.atomic
def save_rule(rule: Rule, *, by: str) -> None:
    """Check and save a rule; one that is new or switched on sends nothing from before.

    Raises:
        ValidationError: per field.
    """
    stored = Rule.objects.filter(pk=rule.pk).first()
    if rule.is_enabled and (stored is None or not stored.is_enabled or stored.kind != rule.kind):
        rule.since = timezone.now()
    _save(rule, "rule", by, sentence=f"{rule.kind} to {rule.channel}, {'on' if rule.is_enabled else 'off'}")


def _save(row: Channel | Rule, kind: str, by: str, *, sentence: str) -> None:
    action = "created" if row.pk is None else "changed"
    row.full_clean()
    row.save()
    note_change(by=by, kind=kind, subject=str(row), action=action, sentence=sentence)


@transaction.atomic
def remove(row: Channel | Rule, *, by: str) -> None:
    """Remove a channel with its rules, or a rule, and their deliveries."""
    note_change(by=by, kind=type(row).__name__.lower(), subject=str(row), action="removed")
    row.delete()


def try_channel(channel: Channel, *, by: str) -> Outcome:
    """Send a test message to the channel; return its response."""
    now = timezone.now()
    note_change(by=by, kind="channel", subject=str(channel), action="tested")
    return carry(
        channel,
        {
            "id": f"test:{now.timestamp():.3f}",
            "kind": "test",
            "rule": "",
            "title": "Paddock test message",
            "text": f"{by} tested the channel {channel.name}.",
            "time": now.isoformat(),
            "data": {},
        },
    )


def send_again(delivery: Delivery, *, by: str) -> None:
    """Queue a failed delivery again.

    Raises:
        ValidationError: it did not fail.
    """
    if delivery.state != DeliveryState.FAILED:
        raise ValidationError({"state": f"state is {delivery.state}; only failed messages can be sent again"})
    delivery.state, delivery.tries, delivery.next_try_at = DeliveryState.WAITING, 0, timezone.now()
    delivery.save(update_fields=["state", "tries", "next_try_at"])
    note_change(by=by, kind="delivery", subject=delivery.title[:150], action="sent again")
