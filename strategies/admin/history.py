"""Pages of a deployment in the admin, beside its form: its history, and another version of its strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from strategies.deployments.challengers import Misfit, enter_challenger, label, misfit, switch_over
from strategies.deployments.revisions import UnknownRevision, changes_between, changes_of, revision_of
from strategies.deployments.selectors import offered, traded
from strategies.deployments.services import fields_of, roll_back
from strategies.models import Deployment, DeploymentRevision
from strategies.versions import registry

TEMPLATES = "admin/strategies/deployment"
DROP = "drop"  # posted to go on without the keys that the other version does not take
VERSION_CHANGES: dict[str, tuple[str, Callable[..., Deployment], str]] = {
    "challenger": ("Enter as challenger", enter_challenger, "{row.name} ({row.slug}) was entered as challenger."),
    "switch": ("Switch over", switch_over, "{row.name} trades the other version from the next frame on."),
}


class DeploymentPages(admin.ModelAdmin[Deployment]):
    """Views and addresses that DeploymentAdmin adds to Django's own."""

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, ours before the one that takes any word for an id."""
        site = self.admin_site
        return [
            path(
                "<int:pk>/version/<str:change>/",
                site.admin_view(self.version_view),
                name="strategies_deployment_version",
            ),
            path(
                "<int:pk>/history/<int:number>/roll-back/",
                site.admin_view(self.roll_back_view),
                name="strategies_deployment_roll_back",
            ),
            *super().get_urls(),
        ]

    def version_context(self, row: Deployment | None) -> dict[str, Any]:
        """Return which version is traded, and which other is there."""
        registry.refresh()
        if row is None or (other := offered(row)) is None:
            return {}
        ours = traded(row)[0]
        return {"offered": label(other), "traded": label(ours) if ours else f"({row.strategy_hash[:8]})"}

    def version_view(self, request: HttpRequest, pk: int, change: str) -> HttpResponse:
        """Ask once more, then enter a challenger or switch over."""
        row = self._row(request, pk)
        if change not in VERSION_CHANGES:
            raise Http404(f"{change!r} is no change of version; expected one of {', '.join(VERSION_CHANGES)}.")
        if change == "challenger" and not self.has_add_permission(request):
            raise PermissionDenied("a challenger is a new deployment: it needs the right to add one")
        title, service, done = VERSION_CHANGES[change]
        context = self.version_context(row)
        other = offered(row)
        wrong = misfit(other, row.config) if other else None
        if request.method == "POST":
            config = wrong.fitting if wrong and DROP in request.POST else None
            return self._done(request, row, lambda by: service(deployment=row, by=by, config=config), done)
        if other is None:
            self.message_user(
                request, f"{row.name} trades the version that is there: no other to go to.", messages.INFO
            )
            return HttpResponseRedirect(self._address(row))
        return self._page(request, row, "confirm_version", title, {**context, "change": change, **_misfit_words(wrong)})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show every revision: who, when, what; and what differs between two of them."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"No deployment has the id {object_id!r}.")
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        revisions = list(row.revisions.all())
        context = {
            "revisions": [(revision, changes_of(revision)) for revision in revisions],
            "may_change": self.has_change_permission(request, row),
            "current": row.revision,
            **self._compared(request, row, revisions),
        }
        return self._page(request, row, "history", f"History of {row.name}", context)

    def roll_back_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """Ask once more, then make the deployment what it was as of a revision."""
        row = self._row(request, pk)
        revision = _revision(row, number)
        if request.method == "POST":
            done = f"{{row.name}} is what it was as of revision {number}."
            return self._done(request, row, lambda by: roll_back(deployment=row, number=number, by=by), done)
        now = row.revisions.first()
        changes = changes_between(now.settings, revision.settings) if now else []
        context = {"revision": revision, "changes": [c for c in changes if c.key.partition(".")[0] in fields_of(row)]}
        return self._page(request, row, "confirm_roll_back", f"Roll back to revision {number}", context)

    def _row(self, request: HttpRequest, pk: int) -> Deployment:
        row: Deployment | None = self.get_object(request, str(pk))
        if row is None:
            raise Http404(f"No deployment has the id {pk}.")
        if not self.has_change_permission(request, row):
            raise PermissionDenied("a change of a deployment needs the right to change it")
        return row

    def _compared(self, request: HttpRequest, row: Deployment, revisions: list[DeploymentRevision]) -> dict[str, Any]:
        """Return the two revisions that the address asks to compare, and what differs."""
        numbers = [request.GET.get(side, "") for side in ("from", "to")]
        if not all(number.isdecimal() for number in numbers):
            newest = [revision.number for revision in revisions[:2]]
            return {"from_number": newest[-1] if newest else None, "to_number": newest[0] if newest else None}
        old, new = (_revision(row, int(number)) for number in numbers)
        return {
            "from_number": old.number,
            "to_number": new.number,
            "compared": changes_between(old.settings, new.settings),
            "is_compared": True,
        }

    def _done(
        self, request: HttpRequest, row: Deployment, change: Callable[[str], Deployment], done: str
    ) -> HttpResponse:
        try:
            changed = change(request.user.get_username())
        except ValidationError as error:
            self.message_user(request, "; ".join(error.messages), messages.ERROR)
            return HttpResponseRedirect(self._address(row))
        self.message_user(request, done.format(row=changed), messages.SUCCESS)
        return HttpResponseRedirect(self._address(changed))

    def _address(self, row: Deployment) -> str:
        return reverse("admin:strategies_deployment_change", args=[row.pk])

    def _page(
        self, request: HttpRequest, row: Deployment, template: str, title: str, context: dict[str, Any]
    ) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "row": row}
        return TemplateResponse(request, f"{TEMPLATES}/{template}.html", {**shared, **context})


def _revision(row: Deployment, number: int) -> DeploymentRevision:
    try:
        return revision_of(row, number)
    except UnknownRevision as error:
        raise Http404(f"{error}.") from None


def _misfit_words(wrong: Misfit | None) -> dict[str, Any]:
    return {"problems": wrong.problems, "fitting": wrong.fitting} if wrong else {}
