"""Accounts in the admin, read-only. Money changes through services alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin

from marketdata.admin import ReadOnlyAdmin
from portfolios import models
from trading.fills import plain


def exact(name: str) -> Callable[[Any], str]:
    """Return a column that shows the decimal field ``name`` with all its digits and no trailing zeros."""

    def shown(row: Any) -> str:
        value = getattr(row, name)
        return "–" if value is None else plain(value)

    shown.__name__ = name
    return admin.display(description=name.replace("_", " "), ordering=name)(shown)


@admin.register(models.Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = (
        "slug",
        "season",
        exact("cash"),
        "currency",
        "funding_currency",
        "fee_schedule",
        "opened_at",
        "closed_at",
    )
    list_filter = ("season", "currency", ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("season",)
    search_fields = ("slug",)


class AccountRowAdmin(ReadOnlyAdmin):
    """Rows that belong to an account."""

    list_select_related = ("account",)


@admin.register(models.Standing)
class StandingAdmin(AccountRowAdmin):
    list_display = (
        "account",
        exact("equity"),
        exact("realised"),
        exact("unrealised"),
        exact("fees"),
        exact("exposure"),
        exact("stake"),
        exact("owed"),
        exact("margin_level_pct"),
        exact("drawdown_pct"),
        "fills",
        "as_of",
    )
    search_fields = ("account__slug",)
    ordering = ("-equity",)


@admin.register(models.Order)
class OrderAdmin(AccountRowAdmin):
    list_display = (
        "order_id",
        "account",
        "symbol",
        "side",
        "type",
        "purpose",
        "status",
        exact("qty"),
        exact("filled_qty"),
        exact("leverage"),
        "code",
        "created_at",
    )
    list_filter = ("status", "side", "type", "purpose", "symbol")
    search_fields = ("order_id", "account__slug", "reason", "code")
    ordering = ("-id",)


@admin.register(models.Fill)
class FillAdmin(AccountRowAdmin):
    list_display = (
        "fill_id",
        "account",
        "time",
        "symbol",
        "side",
        exact("qty"),
        exact("price"),
        exact("fee"),
        exact("result"),
        "liquidity",
        "reason",
    )
    list_filter = ("side", "liquidity", "symbol")
    search_fields = ("fill_id", "order_id", "account__slug", "reason")
    ordering = ("-id",)


@admin.register(models.LedgerEntry)
class LedgerEntryAdmin(AccountRowAdmin):
    list_display = ("entry_id", "account", "time", "party", "currency", exact("amount"), "kind")
    list_filter = ("party", "currency", "kind")
    search_fields = ("entry_id", "fill_id", "account__slug")
    ordering = ("-id",)


@admin.register(models.Balance)
class BalanceAdmin(AccountRowAdmin):
    search_fields = ("account__slug",)
    list_display = ("account", "currency", exact("amount"), exact("owed"))
    list_filter = ("currency",)


@admin.register(models.Position)
class PositionAdmin(AccountRowAdmin):
    search_fields = ("account__slug",)
    list_display = (
        "account",
        "symbol",
        exact("qty"),
        exact("average_price"),
        exact("fees"),
        exact("borrowed"),
        "opened_at",
    )
    list_filter = ("symbol",)


@admin.register(models.RoundTrip)
class RoundTripAdmin(AccountRowAdmin):
    search_fields = ("account__slug",)
    list_display = (
        "trip_id",
        "account",
        "symbol",
        "side",
        exact("qty"),
        exact("entry_price"),
        exact("exit_price"),
        exact("fees"),
        exact("result"),
        "closed_at",
    )
    list_filter = ("symbol",)
    ordering = ("-id",)


@admin.register(models.InstrumentFigures)
class InstrumentFiguresAdmin(AccountRowAdmin):
    search_fields = ("account__slug",)
    list_display = (
        *("account", "symbol", "fills", exact("volume"), exact("fees"), exact("interest"), exact("realised")),
        *("round_trips", "wins"),
    )
    list_filter = ("symbol",)


@admin.register(models.Command)
class CommandAdmin(AccountRowAdmin):
    search_fields = ("account__slug", "requested_by", "message")
    list_display = (
        *("requested_at", "account", "kind", "arguments", "requested_by", "state", "message", "result"),
        *("began_sequence", "ended_at"),
    )
    list_filter = ("kind", "state", "account__slug")
    ordering = ("-id",)
