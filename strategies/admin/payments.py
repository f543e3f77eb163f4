"""The admin's page on which the owner pays in or takes out."""

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

from portfolios.commands.payments import payment_amount
from portfolios.models import Balance, Payment
from strategies.deployments.payments import ask_to_pay
from strategies.models import Deployment

PAYMENTS_SHOWN = 20


class PayForm(forms.Form):
    """One payment."""

    direction = forms.ChoiceField(choices=[("in", "Pay in"), ("out", "Take out")], widget=forms.RadioSelect)
    amount = forms.CharField(max_length=40, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    currency = forms.CharField(max_length=10)
    note = forms.CharField(max_length=200, required=False, help_text="why; kept with the payment")

    def clean_amount(self) -> Decimal:
        """Return the amount without its sign: the direction tells it."""
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
        """What is paid in (+) or taken out (-)."""
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
            '<a href="{}">pay in / take out</a>', reverse("admin:strategies_deployment_pay", args=[row.pk])
        )

    def pay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the form and the newest payments; take a payment in."""
        row = get_object_or_404(Deployment.objects.select_related("account"), pk=pk)
        if not self.has_change_permission(request, row):
            raise PermissionDenied(f"paying into {row.slug} needs the permission to change it")
        form = PayForm(request.POST or None, initial={"direction": "in", "currency": row.currency})
        if request.method == "POST" and form.is_valid() and self._is_asked(request, row, form):
            return HttpResponseRedirect(request.path)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": f"Pay into {row.name}, or take out",
            "opts": self.opts,
            "row": row,
            "form": form,
            "balances": Balance.objects.filter(account=row.account_id).order_by("currency"),
            "payments": Payment.objects.filter(account=row.account_id)[:PAYMENTS_SHOWN],
        }
        return TemplateResponse(request, "admin/strategies/deployment/pay.html", context)

    def _is_asked(self, request: HttpRequest, row: Deployment, form: PayForm) -> bool:
        asked = form.cleaned_data
        try:
            payment = ask_to_pay(
                deployment=row,
                amount=form.signed_amount,
                currency=asked["currency"],
                by=request.user.get_username(),
                note=asked["note"],
            )
        except ValidationError as error:
            fields = error.message_dict if hasattr(error, "error_dict") else {None: error.messages}
            for name, sentences in fields.items():
                form.add_error(name if name in form.fields else None, sentences)
            return False
        sentence = f"{payment} is asked of {row.slug}; its worker applies or refuses it within seconds."
        self.message_user(request, sentence, messages.SUCCESS)
        return True
