"""Sending a message to its channel, with retries."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import smtplib
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from dashboard.notifications.models import Channel, ChannelKind, Delivery, DeliveryState
from dashboard.notifications.posting import Answer, NotAllowed, NotReached, post

PAUSES_S = (10, 60, 300, 1_800, 7_200)  # before the second try, the third, …
TAKEN_FOR = timedelta(minutes=2)  # for one attempt; then another job may take it
MOST_PAUSE_S = 6 * 3_600
_WORTH_ANOTHER_TRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_SHOWN = 300


class Outcome(NamedTuple):
    """The result of one attempt."""

    is_sent: bool
    answer: str
    may_try_again: bool = False
    pause_s: float | None = None  # requested by the receiver


def signature(key: str, at_s: int, body: bytes) -> str:
    """Return the header `X-Paddock-Signature`: `t=SECONDS,v1=HEX`, an HMAC-SHA256 of `SECONDS.BODY`."""
    digest = hmac.new(key.encode(), str(at_s).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def send_delivery(pk: int, now: datetime) -> Outcome | None:
    """Make one attempt to send a waiting delivery and record the outcome; None when there is nothing to send.

    The receiver may get it twice, when this process dies between the response and the row: the event's id is
    the same then.
    """
    with transaction.atomic():
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("rule__channel")
            .filter(pk=pk, state=DeliveryState.WAITING, next_try_at__lte=now)
            .first()
        )
        if delivery is None:
            return None
        delivery.tries += 1
        delivery.next_try_at = now + TAKEN_FOR
        delivery.save(update_fields=["tries", "next_try_at"])
    outcome = carry(delivery.rule.channel, message_of(delivery))
    _note(delivery, outcome, now)
    return outcome


def _note(delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    delivery.answer = outcome.answer[:_SHOWN]
    if outcome.is_sent:
        delivery.state, delivery.sent_at, delivery.next_try_at = DeliveryState.SENT, now, None
    elif outcome.may_try_again and delivery.tries <= len(PAUSES_S):
        pause_s = outcome.pause_s or PAUSES_S[delivery.tries - 1] * random.uniform(0.8, 1.2)
        delivery.next_try_at = now + timedelta(seconds=min(pause_s, MOST_PAUSE_S))
    else:
        delivery.state, delivery.next_try_at = DeliveryState.FAILED, None
    delivery.save(update_fields=["answer", "state", "sent_at", "next_try_at"])


def message_of(delivery: Delivery) -> dict[str, Any]:
    """Return the message as a webhook receives it."""
    return {
        "id": delivery.event_id,
        "kind": delivery.rule.kind,
        "rule": delivery.rule.name,
        "title": delivery.title,
        "text": delivery.text,
        "time": delivery.created_at.isoformat(),
        "data": delivery.data,
    }


def carry(channel: Channel, message: Mapping[str, Any]) -> Outcome:
    """Send the message once. The outcome contains no secret."""
    try:
        if channel.kind == ChannelKind.EMAIL:
            return _mail(channel, message)
        return _understood(_post(channel, message))
    except httpx.InvalidURL as error:
        return Outcome(False, f"invalid URL: {error}")
    except NotAllowed as error:
        return Outcome(False, f"not allowed: {error}")
    except NotReached as error:
        return Outcome(False, f"not reached: {error}", may_try_again=True)


def _post(channel: Channel, message: Mapping[str, Any]) -> Answer:
    headers = {"Content-Type": "application/json", "User-Agent": "Paddock", "Paddock-Event-Id": str(message["id"])}
    url, content = channel.target, dict(message)
    if channel.kind == ChannelKind.TELEGRAM:
        url = f"{settings.PADDOCK_TELEGRAM_URL}/bot{channel.secret}/sendMessage"
        content = {"chat_id": channel.target, "text": in_words(message)[:4_096], "disable_web_page_preview": True}
    elif channel.kind == ChannelKind.DISCORD:
        embed = {"title": message["title"][:256], "description": message["text"][:4_000], "timestamp": message["time"]}
        content = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    body = json.dumps(content, ensure_ascii=False).encode()
    if channel.kind == ChannelKind.WEBHOOK:
        headers["X-Paddock-Signature"] = signature(channel.secret, int(time.time()), body)
    return post(url, body, headers, is_trusted=channel.kind == ChannelKind.TELEGRAM)


def _understood(answer: Answer) -> Outcome:
    if 200 <= answer.status < 300:
        return Outcome(True, answer.words)
    may_try_again = answer.status >= 500 or answer.status in _WORTH_ANOTHER_TRY
    pause = answer.retry_after
    return Outcome(False, answer.words, may_try_again, float(pause) if pause.isascii() and pause.isdigit() else None)


def _mail(channel: Channel, message: Mapping[str, Any]) -> Outcome:
    if not settings.EMAIL_HOST:
        return Outcome(False, "no mail server configured: set PADDOCK_SMTP_HOST")
    mail = EmailMessage(
        subject=" ".join(str(message["title"]).split()),
        body=f"{message['text']}\n\nrule {message['rule']}, {message['time']}\n",
        to=[channel.target],
        headers={"Message-ID": f"<{hashlib.sha256(str(message['id']).encode()).hexdigest()[:32]}@paddock>"},
    )
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused:
        return Outcome(False, "mail server rejected the address")
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(False, f"mail server error: {type(error).__name__}", may_try_again=True)
    return Outcome(True, "accepted by the mail server")


def in_words(message: Mapping[str, Any]) -> str:
    """Return the message as plain text."""
    return "\n".join(part for part in (str(message["title"]), str(message["text"])) if part)
