"""What is typed to log in, to confirm it, and to change the password."""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import SetPasswordForm


class LoginForm(forms.Form):
    username = forms.CharField(
        label="Username", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        max_length=4_096, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=20,
        help_text="six digits from the app, or a recovery code",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True}),
    )


class ConfirmForm(forms.Form):
    password = forms.CharField(
        max_length=4_096, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    code = forms.CharField(
        max_length=20,
        help_text="six digits from the app, or a recovery code",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )


class PasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # generic to the type checker alone
    """The new password twice, and the old one, which the view looks at: every look is counted."""

    old_password = forms.CharField(
        max_length=4_096, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    field_order = ("old_password", "new_password1", "new_password2")
