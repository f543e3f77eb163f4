"""The second factor: a code of six digits from an app (TOTP), and codes on paper for who has lost it."""

from __future__ import annotations

import secrets
from base64 import b32encode

import segno
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.safestring import SafeString, mark_safe
from django_otp import verify_token
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from portfolios.audit import note_change
from tradingsite.access.tokens import digest_of
from tradingsite.models import RecoveryCode

CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is taken for something else
DIGITS = 6


def device_of(user: User) -> TOTPDevice | None:
    """Return the user's second factor; None without one."""
    found: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).order_by("-pk").first()
    return found


def is_right(user: User, code: str) -> bool:
    """Return whether a code is the second factor's at this moment, or one on paper; each is taken once."""
    device = device_of(user)
    given = "".join(code.split()).replace("-", "").lower()
    if device is None or not given.isascii():
        return False
    if given.isdigit() and len(given) == DIGITS:
        return verify_token(user, device.persistent_id, given) is not None
    with transaction.atomic():
        used, _ = RecoveryCode.objects.filter(user=user, digest=digest_of(given)).delete()
        if used:
            left = RecoveryCode.objects.filter(user=user).count()
            _note(user, "recovery code used", f"{left} left")
    return bool(used)


def new_secret() -> str:
    """Return the secret of a second factor that is not there yet, in hexadecimal."""
    return secrets.token_hex(20)


def shown_secret(secret: str) -> str:
    """Return a secret as it is typed into an app: groups of four letters."""
    text = b32encode(bytes.fromhex(secret)).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def picture_of(user: User, secret: str) -> SafeString:
    """Return the QR code that an app reads the secret from, as SVG without a style of its own."""
    url = TOTPDevice(user=user, key=secret).config_url
    return mark_safe(segno.make(url, error="m").svg_inline(scale=5, border=3, light="white"))  # noqa: S308 - drawn here


@transaction.atomic
def switch_on(user: User, secret: str, code: str) -> list[str] | None:
    """Make the secret the user's second factor if the code is right; return the codes for paper, None if it is not."""
    device = TOTPDevice(user=user, name="app", key=secret, confirmed=True)
    given = "".join(code.split())
    if not (given.isascii() and given.isdigit() and len(given) == DIGITS):
        return None
    clock = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    if not clock.verify(int(given), device.tolerance):
        return None
    TOTPDevice.objects.filter(user=user).delete()
    device.last_t, device.drift = clock.t(), clock.drift  # the code that switched it on opens nothing else
    device.save()
    _note(user, "second factor on")
    return new_codes(user)


@transaction.atomic
def switch_off(user: User, *, by: str) -> bool:
    """Take the second factor away; return whether there was one."""
    removed, _ = TOTPDevice.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    if removed:
        note_change(by=by, kind="user", subject=user.get_username(), action="second factor off")
    return bool(removed)


@transaction.atomic
def new_codes(user: User) -> list[str]:
    """Return fresh codes for paper, which are shown this once; those of before open nothing any more."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=digest_of(code)) for code in codes)
    _note(user, "new recovery codes")
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _note(user: User, action: str, sentence: str = "") -> None:
    name = user.get_username()
    note_change(by=name, kind="user", subject=name, action=action, sentence=sentence)
