"""Deployments in the admin: chosen by strategy, filled in from its schema, changed through services."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from marketdata.admin import ReadOnlyAdmin
from portfolios.models import Standing
from strategies.admin.closing import ClosingAdmin
from strategies.admin.commands import CommandingAdmin
from strategies.admin.forms import deployment_form, fields_by_group, shown_settings
from strategies.admin.history import DeploymentPages
from strategies.admin.payments import PayingAdmin
from strategies.admin.seasons import SeasonAdmin
from strategies.deployments import services
from strategies.deployments.challengers import LONGEST_NAME, label
from strategies.deployments.cloning import COPY, clone_deployment, unused_slug
from strategies.deployments.selectors import traded
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus, Worker
from strategies.terms import Group
from strategies.versions import registry
from trading.fills import plain
from trading.strategy import Strategy

__all__ = ["DeploymentAdmin", "DeploymentEventAdmin", "SeasonAdmin", "WorkerAdmin"]

ABOUT: dict[Group, dict[str, Any]] = {
    Group.CONFIG: {"description": "Leave a field empty to follow the strategy's default, also when that changes."},
    Group.RISK: {"description": "They stop entries, never exits. Leave a field empty for no limit or the default."},
    Group.MARGIN: {
        "description": "On what terms the exchange lends. Leave a field empty to follow the exchange's.",
        "classes": ("collapse",),
    },
    Group.MONEY: {
        "description": "A change of the starting balance, the assets or the currencies holds from the next reset on."
    },
}

admin.site.site_header = "Paddock"
admin.site.site_title = "Paddock"
admin.site.index_title = "Deployments and records"
admin.site.site_url = "/"


@admin.register(Deployment)
class DeploymentAdmin(DeploymentPages, PayingAdmin, ClosingAdmin, CommandingAdmin):
    """Who trades."""

    list_display = (
        *("name", "state", "equity", "return_pct", "round_trips", "strategy", "symbols_shown", "stake", "page"),
        *("fill_model", "updated_at"),
    )
    list_filter = ("status", "strategy", "fill_model", "fee_schedule")
    list_select_related = ("account__standing",)
    list_per_page = 200
    search_fields = ("slug", "name", "strategy")
    actions = ("enable", "stop_entries", "pause", "flatten", "disable", "reset", "clone")
    readonly_fields = ("status", "status_reason", "revision", "page", "pay_link", "close_link", "clone_link")
    view_on_site = False
    save_on_top = True

    @admin.display(description="symbols")
    def symbols_shown(self, row: Deployment) -> str:
        """Return the symbols in words."""
        return ", ".join(row.symbols) or "the strategy's own"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Deployment]:
        """Return the deployments, each with its return, by which they can be ordered."""
        gain = F("account__standing__equity") - F("account__standing__stake")
        return super().get_queryset(request).annotate(gain_pct=gain / F("account__standing__paid_in") * 100)

    @admin.display(description="status", ordering="status")
    def state(self, row: Deployment) -> SafeString:
        """Return the status as a pill, with its reason for who points at it."""
        pill = '<span class="paddock-state paddock-state-{}" title="{}">{}</span>'
        return format_html(pill, row.status, row.status_reason, row.status)

    @admin.display(ordering="account__standing__equity")
    def equity(self, row: Deployment) -> str:
        """Return what its account would fetch now; nothing before it was valued."""
        standing = standing_of(row)
        return f"{standing.equity:,.2f} {row.account.currency}" if standing and row.account else "–"

    @admin.display(description="return", ordering="gain_pct")
    def return_pct(self, row: Deployment) -> str:
        """Return its gain in percent of all that was paid in; nothing before it was valued."""
        gain_pct: Decimal | None = row.gain_pct  # type: ignore[attr-defined]
        return "–" if gain_pct is None else f"{gain_pct:+.2f} %"

    @admin.display(description="round trips", ordering="account__standing__round_trips")
    def round_trips(self, row: Deployment) -> str:
        """Return how often it went from flat to flat."""
        standing = standing_of(row)
        return f"{standing.round_trips:,}" if standing else "–"

    @admin.display(ordering="cash")
    def stake(self, row: Deployment) -> str:
        """Return the stake with its currency."""
        return f"{plain(row.cash)} {row.currency}"

    @admin.display(description="page")
    def page(self, row: Deployment) -> str:
        """Return a link to the deployment's page."""
        return format_html('<a href="{}">open</a>', f"/deployments/{row.slug}") if row.pk else "–"

    def has_delete_permission(self, request: HttpRequest, obj: Deployment | None = None) -> bool:
        """Refuse: its record would go with it. Disable it instead."""
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for the strategy first: the form is drawn from its schema."""
        if self.strategy_chosen(request, None) is None and self.has_add_permission(request):
            return self.strategy_choice(request)
        return super().add_view(request, form_url, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a deployment whose strategy is gone without a form."""
        row = self.get_object(request, object_id)
        if row is not None and (missing := traded(row)[1]):
            self.message_user(request, f"{row.slug} cannot be edited: {missing}.", messages.ERROR)
            return self.strategy_choice(request)
        context = {**(extra_context or {}), **self.version_context(row)}
        return super().change_view(request, object_id, form_url, context)

    def strategy_chosen(self, request: HttpRequest, row: Deployment | None) -> Strategy | None:
        """Return the strategy the form is drawn for: the version that the deployment trades."""
        shown = row or self.cloned(request)
        return traded(shown)[0] if shown else registry.found().get(request.GET.get("strategy", ""))

    def strategy_choice(self, request: HttpRequest) -> HttpResponse:
        """Return the page that lists the strategies, and those that could not be loaded."""
        services.note_versions()
        name = request.GET.get("strategy")
        if name:
            self.message_user(request, f"No strategy is called {name!r}; choose one of these.", messages.ERROR)
        context = {
            **self.admin_site.each_context(request),
            "title": "Choose a strategy",
            "opts": self.opts,
            "add_url": reverse("admin:strategies_deployment_add"),
            "strategies": sorted(registry.found().values(), key=lambda strategy: strategy.name),
            "failures": registry.failures(),
        }
        return TemplateResponse(request, "admin/strategies/deployment/choose_strategy.html", context)

    def get_form(
        self, request: HttpRequest, obj: Deployment | None = None, change: bool = False, **options: Any
    ) -> type[ModelForm[Any]]:
        """Return the form of the deployment's strategy."""
        strategy = self.strategy_chosen(request, obj)
        if strategy is None:
            return super().get_form(request, obj, change=change, **options)
        return deployment_form(strategy)

    def get_fieldsets(self, request: HttpRequest, obj: Deployment | None = None) -> list[Any]:
        """Return identity and strategy, then the terms by group, each with what it is for."""
        strategy = self.strategy_chosen(request, obj)
        if strategy is None:
            return list(super().get_fieldsets(request, obj))
        grouped = fields_by_group(self.get_form(request, obj))
        state = (
            [
                (
                    None,
                    {
                        "fields": (
                            ("status", "status_reason"),
                            ("revision", "page"),
                            ("pay_link", "close_link", "clone_link"),
                        )
                    },
                )
            ]
            if obj
            else []
        )
        return [
            *state,
            (
                f"{strategy.name} {label(strategy)}",
                {
                    "fields": ("name", *(() if obj else ("slug",)), *grouped.pop(Group.STRATEGY)),
                    "description": strategy.description,
                },
            ),
            *((group.value, {"fields": names, **ABOUT.get(group, {})}) for group, names in grouped.items()),
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the form of a clone is filled in with."""
        original = self.cloned(request)
        strategy = self.strategy_chosen(request, None)
        if original is None or strategy is None:
            return super().get_changeform_initial_data(request)
        name = original.name[: LONGEST_NAME - len(COPY)] + COPY
        return {**shown_settings(original, strategy), "name": name, "slug": unused_slug(original.slug)}

    def get_prepopulated_fields(self, request: HttpRequest, obj: Deployment | None = None) -> dict[str, Any]:
        """Suggest a slug while adding."""
        return {} if obj else {"slug": ("name",)}

    def save_model(self, request: HttpRequest, obj: Deployment, form: Any, change: bool) -> None:
        """Hand the change to the services."""
        by = request.user.get_username()
        if change:
            stored = Deployment.objects.get(pk=obj.pk)
            services.change_deployment(deployment=stored, by=by, **form.changes())
        else:
            original = self.cloned(request)
            fields = form.changes()
            if original is None:
                created = services.create_deployment(by=by, **fields)
            else:
                created = clone_deployment(deployment=original, by=by, **fields)
            obj.pk = created.pk
            obj._state.adding = False  # noqa: SLF001  (the admin goes on to log the row it was given)

    @admin.action(description="Enable: evaluate the strategy again", permissions=["change"])
    def enable(self, request: HttpRequest, rows: QuerySet[Deployment]) -> None:
        """Enable the chosen deployments."""
        self.each(request, rows, "enabled", services.enable_deployment)

    @admin.action(description="Pause: no new signals; open orders and stops stay active", permissions=["change"])
    def pause(self, request: HttpRequest, rows: QuerySet[Deployment]) -> None:
        """Pause the chosen deployments."""
        self.each(request, rows.exclude(status=DeploymentStatus.PAUSED), "paused", services.pause_deployment)

    @admin.action(description="Disable: no worker runs it", permissions=["change"])
    def disable(self, request: HttpRequest, rows: QuerySet[Deployment]) -> None:
        """Disable the chosen deployments."""
        self.each(request, rows, "disabled", services.disable_deployment)

    @admin.action(description="Reset: close the account, open a new one", permissions=["change"])
    def reset(self, request: HttpRequest, rows: QuerySet[Deployment]) -> HttpResponse | None:
        """Ask once more, then reset the chosen deployments."""
        if "confirmed" not in request.POST:
            return self.confirmation(request, rows, "reset", "Reset deployments")
        self.each(request, rows, "reset", services.reset_deployment)
        return None

    def each(self, request: HttpRequest, rows: QuerySet[Deployment], done: str, service: Callable[..., object]) -> None:
        """Call ``service`` for every row; report how many were done and what was refused."""
        by = request.user.get_username()
        count = 0
        for row in rows:
            try:
                service(deployment=row, by=by)
                count += 1
            except ValidationError as error:
                self.message_user(request, f"{row.slug}: {'; '.join(error.messages)}", messages.ERROR)
        self.message_user(request, f"{count} {'deployment' if count == 1 else 'deployments'} {done}.", messages.SUCCESS)


def standing_of(row: Deployment) -> Standing | None:
    """Return how a deployment's account stands; None without an account, or before it was valued."""
    return getattr(row.account, "standing", None)


@admin.register(DeploymentEvent)
class DeploymentEventAdmin(ReadOnlyAdmin):
    list_display = ("time", "deployment", "kind", "summary")
    list_filter = ("kind", "deployment")
    list_select_related = ("deployment",)
    search_fields = ("summary", "detail", "deployment__slug")


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("name", "started_at", "heartbeat_at", "deployments", "sequence")
