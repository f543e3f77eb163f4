"""Commands in the admin's list of deployments: stop entries, flatten, clone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from strategies.deployments import services
from strategies.deployments.cloning import clone_deployment
from strategies.deployments.flattening import flatten_deployment
from strategies.models import Deployment, DeploymentStatus

Service = Callable[..., object]


class CommandingAdmin(admin.ModelAdmin[Deployment]):
    """Adds the actions to the list of deployments; `each` calls a service for each and tells what came of it."""

    def each(self, request: HttpRequest, rows: QuerySet[Deployment], done: str, service: Service) -> None:
        """Call ``service`` for every row."""
        raise NotImplementedError

    def confirmation(
        self, request: HttpRequest, rows: QuerySet[Deployment], action: str, title: str
    ) -> TemplateResponse:
        """Return the page that tells what ``action`` would do, and asks once more."""
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "rows": rows,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, f"admin/strategies/deployment/confirm_{action}.html", context)

    @admin.action(description="Stop entries: exits and stops go on", permissions=["change"])
    def stop_entries(self, request: HttpRequest, rows: QuerySet[Deployment]) -> None:
        """Stop the entries of the chosen deployments."""
        chosen = rows.exclude(status=DeploymentStatus.ENTRIES_STOPPED)
        self.each(request, chosen, "may only close what is open", services.stop_entries)

    @admin.action(description="Flatten now: cancel all orders, close all positions", permissions=["change"])
    def flatten(self, request: HttpRequest, rows: QuerySet[Deployment]) -> HttpResponse | None:
        """Ask once more, then flatten the chosen deployments."""
        if "confirmed" not in request.POST:
            return self.confirmation(request, rows, "flatten", "Flatten deployments")
        self.each(request, rows, "paused; their workers close what is open", flatten_deployment)
        return None

    @admin.action(description="Clone: the same terms, an account of its own", permissions=["add"])
    def clone(self, request: HttpRequest, rows: QuerySet[Deployment]) -> None:
        """Clone the chosen deployments as they are."""
        self.each(request, rows, "cloned", clone_deployment)

    @admin.display(description="clone")
    def clone_link(self, row: Deployment) -> str:
        """Return a link to a form that is filled in with the deployment's settings."""
        if not row.pk:
            return "–"
        query = urlencode({"strategy": row.strategy, "clone": row.slug})
        return format_html('<a href="{}?{}">clone with changes</a>', reverse("admin:strategies_deployment_add"), query)

    def cloned(self, request: HttpRequest) -> Deployment | None:
        """Return the deployment that the address asks to clone."""
        return Deployment.objects.filter(slug=request.GET.get("clone", "")).first()
