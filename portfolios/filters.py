"""Filters of lists of rows. An unknown parameter is refused, not ignored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import ValidationError

from portfolios.commands.older_states import OF_FLATTENINGS, OF_PAYMENTS
from portfolios.models import (
    Balance,
    Command,
    CommandState,
    Fill,
    InstrumentFigures,
    LedgerEntry,
    Order,
    Position,
    RoundTrip,
)

PAGING = {"limit", "cursor", "format"}


class _MomentField(IsoDateTimeField):  # type: ignore[misc]  # django-filter brings no types
    def clean(self, value: Any) -> datetime | None:
        """Return the moment in UTC: PostgreSQL knows fewer zones than ISO 8601."""
        moment: datetime | None = super().clean(value)
        try:
            return None if moment is None else moment.astimezone(UTC)
        except OverflowError:
            raise forms.ValidationError(f"{value!r} was given; expected a time that the calendar has") from None


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]  # django-filter brings no types
    """A bound in time, with its zone."""

    field_class = _MomentField


class KnownParameters(django_filters.FilterSet):  # type: ignore[misc]  # django-filter brings no types
    """A filter set that names the parameters there are when it is given another."""

    def __init__(self, data: Any = None, *args: Any, **options: Any) -> None:
        super().__init__(data, *args, **options)
        unknown = sorted(set(data or ()) - set(self.filters) - PAGING)
        if unknown:
            known = ", ".join([*sorted(self.filters), *sorted(PAGING)])
            raise ValidationError({name: [f"unknown parameter; expected one of {known}"] for name in unknown})


class FillFilter(KnownParameters):
    since = MomentFilter(field_name="time", lookup_expr="gte")
    until = MomentFilter(field_name="time", lookup_expr="lt")

    class Meta:
        model = Fill
        fields = ("symbol", "side", "liquidity", "order_id", "signal_code")


class OrderFilter(KnownParameters):
    since = MomentFilter(field_name="created_at", lookup_expr="gte")
    until = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Order
        fields = ("symbol", "side", "status", "type", "purpose", "code", "signal_code", "parent_id")


class PositionFilter(KnownParameters):
    class Meta:
        model = Position
        fields = ("symbol",)


class RoundTripFilter(KnownParameters):
    since = MomentFilter(field_name="closed_at", lookup_expr="gte")
    until = MomentFilter(field_name="closed_at", lookup_expr="lt")

    class Meta:
        model = RoundTrip
        fields = ("symbol", "side", "exit_code")


class InstrumentFilter(KnownParameters):
    class Meta:
        model = InstrumentFigures
        fields = ("symbol",)


class CommandFilter(KnownParameters):
    since = MomentFilter(field_name="requested_at", lookup_expr="gte")
    until = MomentFilter(field_name="requested_at", lookup_expr="lt")

    class Meta:
        model = Command
        fields = ("kind", "state")


class SpelledStateFilter(django_filters.ChoiceFilter):  # type: ignore[misc]  # django-filter brings no types
    """The state of a command as an older list of the API spells it."""

    def __init__(self, spelled: Mapping[CommandState, str], **options: Any) -> None:
        self.spelled = spelled
        choices = [(spelling, spelling) for spelling in dict.fromkeys(spelled.values())]
        super().__init__(field_name="state", choices=choices, **options)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep the commands in the states that are spelled so."""
        states = [state for state, spelling in self.spelled.items() if spelling == value]
        return qs.filter(state__in=states) if states else qs


class PaymentFilter(KnownParameters):
    since = MomentFilter(field_name="requested_at", lookup_expr="gte")
    until = MomentFilter(field_name="requested_at", lookup_expr="lt")
    state = SpelledStateFilter(OF_PAYMENTS)
    currency = django_filters.CharFilter(field_name="arguments__currency")

    class Meta:
        model = Command
        fields = ()


class FlatteningFilter(KnownParameters):
    state = SpelledStateFilter(OF_FLATTENINGS)

    class Meta:
        model = Command
        fields = ()


class BalanceFilter(KnownParameters):
    class Meta:
        model = Balance
        fields = ("currency",)


class LedgerFilter(KnownParameters):
    since = MomentFilter(field_name="time", lookup_expr="gte")
    until = MomentFilter(field_name="time", lookup_expr="lt")

    class Meta:
        model = LedgerEntry
        fields = ("currency", "party", "kind", "fill_id")
