"""Fee schedules in the admin: all that are known to be looked at, and one's own to be added and withdrawn."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portfolios.fees import known_schedules, schedule_of, tiers_from_text
from portfolios.models import FeeSchedule
from strategies.deployments.fee_schedules import add_fee_schedule, check_fee_schedule, withdraw_fee_schedule
from trading.fees import KRAKEN_SPOT_2026_07
from trading.fees import FeeSchedule as Schedule
from trading.fills import plain

FIELDS = ("name", "valid_from", "tiers", "reference")
_SHOWN = ("name", "valid_from", "table", "reference", "by", "added_at")
_HEAD = SafeString("<tr><th>USD in 30 days</th><th>Taker %</th><th>Maker %</th></tr>")


class FeeScheduleForm(forms.ModelForm[FeeSchedule]):
    """A table to add; it begins as Kraken's, to be written over."""

    tiers = forms.CharField(
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 14, "cols": 40, "spellcheck": "false"}),
        help_text="a line each: USD traded in thirty days, taker %, maker %; the first line begins at 0",
        initial=lambda: _as_text(KRAKEN_SPOT_2026_07),
    )

    class Meta:
        model = FeeSchedule
        fields = FIELDS

    def clean_tiers(self) -> list[list[str]]:
        """Return the rows."""
        return tiers_from_text(self.cleaned_data["tiers"])

    def clean(self) -> dict[str, Any]:
        """Check the table as a whole, as the service will."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                check_fee_schedule(name=cleaned["name"], valid_from=cleaned["valid_from"], tiers=cleaned["tiers"])
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned


@admin.register(FeeSchedule)
class FeeScheduleAdmin(admin.ModelAdmin[FeeSchedule]):
    """Tables of one's own. A name stands for one table for ever, so none is changed."""

    form = FeeScheduleForm
    list_display = ("name", "valid_from", "lowest_tier", "reference", "by", "added_at")
    search_fields = ("name", "reference")
    actions = None
    change_list_template = "admin/portfolios/feeschedule/change_list.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: fills name the table that they were charged by."""
        return False

    def get_fields(self, request: HttpRequest, obj: FeeSchedule | None = None) -> tuple[str, ...]:
        """Return the form's fields, or what there is to be read."""
        return FIELDS if obj is None else _SHOWN

    def get_readonly_fields(self, request: HttpRequest, obj: FeeSchedule | None = None) -> tuple[str, ...]:
        """Return all of them, once it is stored."""
        return () if obj is None else _SHOWN

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """List one's own, below those that Paddock brings along."""
        own = set(FeeSchedule.objects.values_list("name", flat=True))
        shipped = [(each, _table(each)) for each in known_schedules() if each.name not in own]
        return super().changelist_view(request, {"shipped": shipped, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: FeeSchedule, form: Any, change: bool) -> None:
        """Add it."""
        fields = {name: form.cleaned_data[name] for name in FIELDS}
        obj.pk = add_fee_schedule(by=request.user.get_username(), **fields).pk
        obj._state.adding = False  # noqa: SLF001  (the admin goes on to log the row it was given)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask whether it shall be withdrawn; then withdraw it, or say who is charged by it."""
        row = self.get_object(request, object_id)
        if request.method != "POST" or row is None or not self.has_delete_permission(request, row):
            return super().delete_view(request, object_id, extra_context)
        try:
            withdraw_fee_schedule(schedule=row, by=request.user.get_username())
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        else:
            self.message_user(request, f"Withdrawn: {row.name}.", messages.SUCCESS)
        return redirect(reverse("admin:portfolios_feeschedule_changelist"))

    @admin.display(description="taker / maker at first")
    def lowest_tier(self, row: FeeSchedule) -> str:
        """Return what a small account pays."""
        _, taker, maker = row.tiers[0]
        return f"{taker} % / {maker} %"

    @admin.display(description="rates")
    def table(self, row: FeeSchedule) -> SafeString:
        """Return its tiers."""
        return _table(schedule_of(row))


def _table(schedule: Schedule) -> SafeString:
    rows = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", _rows(schedule))
    return format_html("<table><thead>{}</thead><tbody>{}</tbody></table>", _HEAD, rows)


def _rows(schedule: Schedule) -> list[tuple[str, str, str]]:
    return [(plain(t.volume), plain(t.taker_bps / 100), plain(t.maker_bps / 100)) for t in schedule.tiers]


def _as_text(schedule: Schedule) -> str:
    return "\n".join(" ".join(row) for row in _rows(schedule))
