"""The admin's page to deposit into a deployment's account or to withdraw from it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from portfolios.commands.arguments import arguments_of, sentence
from portfolios.commands.payments import payment_amount, payments_of
from portfolios.models import Balance
from strategies.deployments.commands import request_payment
from strategies.models import Deployment

PAYMENTS_SHOWN = 20


class PayForm(forms.Form):
    """One payment."""

    direction = forms.ChoiceField(choices=[("in", "Deposit"), ("out", "Withdraw")], widget=forms.RadioSelect)
    amount = forms.CharField(max_length=40, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    currency = forms.CharField(max_length=10)
    note = forms.CharField(max_length=200, required=False, help_text="why; kept with the payment")

    def clean_amount(self) -> Decimal:
        """Return the amount without its sign: the direction is a field of its own."""
        try:
            amount = payment_amount(self.cleaned_data["amount"])
        except ValidationError as error:
            raise ValidationError(error.messages) from None
        if amount < 0:
            raise ValidationError(f"amount is {amount}; expected a number above zero: the direction says which way")
        return amount

    def clean_currency(self) -> str:
        """Return the currency as exchanges spell it."""
        currency: str = self.cleaned_data["currency"]
        return currency.strip().upper()

    @property
    def signed_amount(self) -> Decimal:
        """What is deposited (+) or withdrawn (-)."""
        amount: Decimal = self.cleaned_data["amount"]
        return amount if self.cleaned_data["direction"] == "in" else -amount


class PayingAdmin(admin.ModelAdmin[Deployment]):
    """Adds the page to a deployment."""

    def get_urls(self) -> list[URLPattern]:
        """Return the page's address before those of the admin."""
        view = self.admin_site.admin_view(self.pay_view)
        return [path("<int:pk>/pay/", view, name="strategies_deployment_pay"), *super().get_urls()]

    @admin.display(description="money")
    def pay_link(self, row: Deployment) -> str:
        """Return a link to the page."""
        if not row.pk:
            return "–"
        return format_html(
            '<a href="{}">deposit / withdraw</a>', reverse("admin:strategies_deployment_pay", args=[row.pk])
        )

    def pay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the form and the newest payments, or request one."""
        row = get_object_or_404(Deployment.objects.select_related("account"), pk=pk)
        if not self.has_change_permission(request, row):
            raise PermissionDenied(f"paying into {row.slug} needs the permission to change it")
        form = PayForm(request.POST or None, initial={"direction": "in", "currency": row.currency})
        if request.method == "POST" and form.is_valid() and self._is_requested(request, row, form):
            return HttpResponseRedirect(request.path)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": f"Deposit into {row.name} or withdraw",
            "opts": self.opts,
            "row": row,
            "form": form,
            "balances": Balance.objects.filter(account=row.account_id).order_by("currency"),
            "payments": payments_of(row.account, PAYMENTS_SHOWN),
        }
        return TemplateResponse(request, "admin/strategies/deployment/pay.html", context)

    def _is_requested(self, request: HttpRequest, row: Deployment, form: PayForm) -> bool:
        given = form.cleaned_data
        try:
            command = request_payment(
                deployment=row,
                amount=form.signed_amount,
                currency=given["currency"],
                by=request.user.get_username(),
                note=given["note"],
            )
        except ValidationError as error:
            fields = error.message_dict if hasattr(error, "error_dict") else {None: error.messages}
            for name, lines in fields.items():
                form.add_error(name if name in form.fields else None, lines)
            return False
        words = sentence(arguments_of(command))
        message = f"{words} requested for {row.slug}; its worker applies or rejects it within seconds."
        self.message_user(request, message, messages.SUCCESS)
        return True
