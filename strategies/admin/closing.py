"""The admin's page on which positions of a deployment are closed and its orders cancelled."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from portfolios.commands.arguments import arguments_of, sentence
from portfolios.models import Command, CommandKind, Order, Position
from strategies.deployments.commands import LIVE, cancel_order, close_position
from strategies.models import Deployment

COMMANDS_SHOWN = 20


class ClosingAdmin(admin.ModelAdmin[Deployment]):
    """Adds the page to a deployment."""

    def get_urls(self) -> list[URLPattern]:
        """Return the page's address before those of the admin."""
        view = self.admin_site.admin_view(self.close_view)
        return [path("<int:pk>/close/", view, name="strategies_deployment_close"), *super().get_urls()]

    @admin.display(description="positions and orders")
    def close_link(self, row: Deployment) -> str:
        """Return a link to the page."""
        if not row.pk:
            return "–"
        address = reverse("admin:strategies_deployment_close", args=[row.pk])
        return format_html('<a href="{}">close positions / cancel orders</a>', address)

    def close_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show open positions, open orders and the newest commands, or request what a button says."""
        row = get_object_or_404(Deployment.objects.select_related("account"), pk=pk)
        if not self.has_change_permission(request, row):
            raise PermissionDenied(f"closing positions of {row.slug} needs the permission to change it")
        if request.method == "POST":
            self._request(request, row)
            return HttpResponseRedirect(request.path)
        commands = Command.objects.filter(account=row.account_id).exclude(kind=CommandKind.PAY)[:COMMANDS_SHOWN]
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": f"Close positions or cancel orders of {row.name}",
            "opts": self.opts,
            "row": row,
            "positions": Position.objects.filter(account=row.account_id).exclude(qty=0).order_by("symbol"),
            "orders": Order.objects.filter(account=row.account_id, status__in=LIVE).order_by("-sequence", "-id"),
            "commands": [(command, sentence(arguments_of(command))) for command in commands],
        }
        return TemplateResponse(request, "admin/strategies/deployment/close.html", context)

    def _request(self, request: HttpRequest, row: Deployment) -> None:
        by = request.user.get_username()
        try:
            if order_id := request.POST.get("order_id"):
                command = cancel_order(deployment=row, order_id=order_id, by=by)
            else:
                symbol, qty = request.POST.get("symbol", ""), _qty(request.POST.get("qty", ""))
                command = close_position(deployment=row, symbol=symbol, qty=qty, by=by)
        except ValidationError as error:
            self.message_user(request, "; ".join(error.messages), messages.ERROR)
            return
        message = f"{sentence(arguments_of(command))} requested for {row.slug}; its worker carries it out."
        self.message_user(request, message, messages.SUCCESS)


def _qty(text: str) -> Decimal | None:
    """Return the quantity that ``text`` spells, None for all of it.

    Raises:
        ValidationError: not a number.
    """
    if not text.strip():
        return None
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise ValidationError({"qty": f"qty is {text!r}; expected a number like 0.5"}) from None
