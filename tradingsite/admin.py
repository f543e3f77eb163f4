"""Users, tokens and share links in the admin; each change of them is in the audit log."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django_otp.plugins.otp_totp.admin import TOTPDevice

from marketdata.admin import ReadOnlyAdmin
from portfolios.audit import note_change
from portfolios.models import AuditEntry
from tradingsite.access.live import end_sockets
from tradingsite.access.roles import ROLES, give_role, role_of
from tradingsite.access.tokens import MOST_DAYS, TOKEN_DAYS, make_share_link, make_token, revoke
from tradingsite.models import ApiToken, Scope, ShareLink

admin.site.unregister(User)
admin.site.unregister(Group)
# Secrets of others: each user sets up his own second factor, `manage.py secondfactor` takes a lost one away.
admin.site.unregister(TOTPDevice)


@admin.register(User)
class AuditedUserAdmin(UserAdmin[User]):
    """Who may log in, and in which role."""

    list_display = ("username", "role", "is_active", "last_login")
    list_filter = ("is_active",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("About", {"fields": ("first_name", "last_name", "email", "is_active", "last_login")}),
    )
    readonly_fields = ("last_login",)
    actions = ("make_viewer", "make_trader", "make_admin")

    @admin.display(description="role")
    def role(self, user: User) -> str:
        """Return the user's role."""
        return role_of(user)

    @admin.action(description="Make viewer: reads")
    def make_viewer(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let the chosen users read, and nothing else."""
        self._give(request, users, ROLES[0])

    @admin.action(description="Make trader: changes deployments")
    def make_trader(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let the chosen users change deployments."""
        self._give(request, users, ROLES[1])

    @admin.action(description="Make admin: runs the place")
    def make_admin(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let the chosen users do everything."""
        self._give(request, users, ROLES[2])

    def _give(self, request: HttpRequest, users: QuerySet[User], role: str) -> None:
        for user in users:
            if user == request.user:  # a user must not lock himself out
                self.message_user(request, "Your own role stays: another admin may change it.", messages.WARNING)
            else:
                give_role(user=user, role=role, by=request.user.get_username())

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Note a new user, and who added it."""
        note_change(by=request.user.get_username(), kind="user", subject=str(obj), action="created")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Note a changed user, and who changed it."""
        names = ", ".join(name for line in message if isinstance(line, dict) for name in _fields(line))
        note_change(by=request.user.get_username(), kind="user", subject=str(obj), action="changed", sentence=names)
        end_sockets(user_id=obj.pk)  # those of a user who is inactive now, or has another password
        return super().log_change(request, obj, message)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the log still names them. Make them inactive instead."""
        return False


def _fields(line: dict[str, Any]) -> list[str]:
    return [str(name) for change in line.values() for name in change.get("fields", [])]


class TokenForm(forms.ModelForm[ApiToken]):
    """What is to be said of a new token."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices, initial=[Scope.READ], widget=forms.CheckboxSelectMultiple)
    days = forms.IntegerField(
        min_value=1, max_value=MOST_DAYS, required=False, help_text=f"until it expires; empty: {TOKEN_DAYS}"
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name")


class ShareForm(forms.ModelForm[ShareLink]):
    """What is to be said of a new link."""

    days = forms.IntegerField(min_value=1, max_value=MOST_DAYS, initial=7, help_text="until it expires")

    class Meta:
        model = ShareLink
        fields = ("note",)


class PassAdmin(admin.ModelAdmin[Any]):
    """Things with a secret: they are made and revoked, never changed."""

    actions = ("revoke_chosen",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to change one; who may see the list may revoke."""
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: revoke it instead, so that the list still shows it."""
        return False

    @admin.action(description="Revoke", permissions=["change"])
    def revoke_chosen(self, request: HttpRequest, given: QuerySet[Any]) -> None:
        """Take the chosen ones back."""
        for one in given:
            revoke(one, by=request.user.get_username())

    @admin.display(description="state")
    def state(self, one: ApiToken | ShareLink) -> str:
        """Return what has become of it."""
        return one.state


@admin.register(ApiToken)
class ApiTokenAdmin(PassAdmin):
    form = TokenForm
    list_display = ("name", "user", "scopes", "state", "created_at", "expires_at", "last_used_at")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the token, and show its secret this once."""
        fields = form.cleaned_data
        try:
            made, secret = make_token(
                user=fields["user"],
                name=fields["name"],
                scopes=fields["scopes"],
                by=request.user.get_username(),
                days=fields["days"],
            )
        except ValidationError as error:
            self.message_user(request, "; ".join(error.messages), messages.ERROR)
            return
        obj.pk = made.pk
        self.message_user(request, f"The token is {secret} – keep it: it is not shown again.", messages.WARNING)


@admin.register(ShareLink)
class ShareLinkAdmin(PassAdmin):
    form = ShareForm
    list_display = ("__str__", "by", "state", "created_at", "expires_at", "opened")

    def save_model(self, request: HttpRequest, obj: ShareLink, form: Any, change: bool) -> None:
        """Make the link, and show it this once."""
        fields = form.cleaned_data
        made, secret = make_share_link(by=request.user.get_username(), days=fields["days"], note=fields["note"])
        obj.pk = made.pk
        address = request.build_absolute_uri(reverse("share", args=[secret]))
        self.message_user(request, f"The link is {address} – keep it: it is not shown again.", messages.WARNING)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "by", "kind", "subject", "action", "sentence")
    list_filter = ("kind", "by")
    search_fields = ("subject", "sentence", "by")
