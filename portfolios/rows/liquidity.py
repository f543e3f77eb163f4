"""The book that the deployments of a shared season trade on, kept across restarts."""

from __future__ import annotations

import msgspec
from django.utils import timezone

from portfolios import models
from trading.exchange import SharedBook
from trading.exchange.consumed import Memory

_decoder = msgspec.msgpack.Decoder(Memory)


def restored_book(season: models.Season) -> SharedBook | None:
    """Return what was taken of the season's book when it was last saved; None where each has the market to itself."""
    if season.liquidity != models.Liquidity.SHARED:
        return None
    saved = models.SharedBook.objects.filter(season=season).first()
    return SharedBook(None if saved is None else _decoder.decode(bytes(saved.payload)))


def book_cursor(season: models.Season) -> int | None:
    """Return the frame at which the season's book was saved last, None before that."""
    return models.SharedBook.objects.filter(season=season).values_list("sequence", flat=True).first()


def record_book(*, season_id: int, sequence: int, book: SharedBook) -> None:
    """Write what has been taken of the season's book up to ``sequence``; part of one fact with all who share it."""
    models.SharedBook.objects.update_or_create(
        season_id=season_id,
        defaults={
            "sequence": sequence,
            "payload": msgspec.msgpack.encode(book.memory),
            "saved_at": timezone.now(),
        },
    )
