"""The three roles: who reads, who trades, who runs the place."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from portfolios.audit import note_change
from tradingsite.access.live import end_sockets

VIEWER, TRADER, ADMIN = ROLES = ("viewer", "trader", "admin")

# A trader sees every row, changes deployments, fee schedules and notifications, and begins seasons;
# users, tokens and links are the admin's.
_TRADER = Q(content_type__app_label__in=("marketdata", "portfolios", "strategies"), codename__startswith="view_") | Q(
    content_type__app_label="strategies", codename__in=("add_deployment", "change_deployment")
)
_TRADER |= Q(content_type__app_label="notifications") | Q(
    content_type__app_label="portfolios", codename__in=("add_season", "add_feeschedule", "delete_feeschedule")
)


def ensure_roles() -> None:
    """Make the groups of the roles, and give them their permissions. Safe to repeat."""
    for name in ROLES:
        Group.objects.get_or_create(name=name)
    Group.objects.get(name=TRADER).permissions.set(Permission.objects.filter(_TRADER))
    Group.objects.get(name=ADMIN).permissions.set(Permission.objects.all())


@transaction.atomic
def give_role(*, user: User, role: str, by: str) -> None:
    """Give a user one role instead of any other.

    Raises:
        ValidationError: an unknown role.
    """
    if role not in ROLES:
        raise ValidationError({"role": f"role is {role!r}; expected one of {', '.join(ROLES)}"})
    ensure_roles()
    user.groups.remove(*Group.objects.filter(name__in=ROLES).exclude(name=role))
    user.groups.add(Group.objects.get(name=role))
    user.is_staff, user.is_superuser = role != VIEWER, role == ADMIN
    user.save(update_fields=["is_staff", "is_superuser"])
    note_change(by=by, kind="user", subject=user.get_username(), action="given a role", sentence=role)
    end_sockets(user_id=user.pk)


def role_of(user: User) -> str:
    """Return a user's role; a superuser is an admin, one without any a viewer."""
    if user.is_superuser:
        return ADMIN
    names = set(user.groups.values_list("name", flat=True))
    return next((role for role in (ADMIN, TRADER) if role in names), VIEWER)
