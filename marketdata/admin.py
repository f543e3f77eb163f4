"""The market's rows in the admin: read-only, for they are facts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from marketdata import models


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that nobody adds, changes or deletes by hand."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse; the view permission shows the row without a form."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(models.Instrument)
class InstrumentAdmin(ReadOnlyAdmin):
    """Pairs and their rules."""

    list_display = ("symbol", "market", "status", "price_increment", "qty_min", "cost_min", "updated_at")
    list_filter = ("market", "status")
    search_fields = ("symbol",)


@admin.register(models.Candle)
class CandleAdmin(ReadOnlyAdmin):
    """Closed candles."""

    list_display = ("start", "symbol", "timeframe", "market", "open", "high", "low", "close", "volume", "trades")
    list_filter = ("market", "symbol", "timeframe")
    date_hierarchy = "start"
    ordering = ("-start", "symbol")
    show_full_result_count = False


@admin.register(models.MarketCheckpoint)
class MarketCheckpointAdmin(ReadOnlyAdmin):
    """Where a reader may start."""

    list_display = ("market", "sequence", "time")
    list_filter = ("market",)
    exclude = ("payload",)
    ordering = ("-time",)


@admin.register(models.FeedEvent)
class FeedEventAdmin(ReadOnlyAdmin):
    """The feed's events by time."""

    list_display = ("time", "kind", "symbol", "detail", "market")
    list_filter = ("market", "kind")
    search_fields = ("symbol", "detail")
    date_hierarchy = "time"
