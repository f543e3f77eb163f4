"""The versions of strategies that were ever found, in the admin: what they held, and who trades them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from marketdata.admin import ReadOnlyAdmin
from strategies.deployments import selectors, services
from strategies.models import StrategyVersion
from strategies.versions import kept, registry
from strategies.versions.files import assets_of, is_python


@admin.register(StrategyVersion)
class StrategyVersionAdmin(ReadOnlyAdmin):
    """Versions by strategy, newest first."""

    list_display = ("name", "version", "short_hash", "first_seen_at", "traded_by", "is_present")
    list_filter = ("name",)
    search_fields = ("name", "version", "hash")
    fields = (
        "name", "version", "hash", "first_seen_at", "traded_by", "is_present", "description", "symbols", "trigger",
        "warmup", "schema", "files",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[StrategyVersion]:
        """Return the versions with how many deployments trade each; their files are read one by one."""
        return selectors.strategy_versions()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """List what is there now, and say what could not be loaded."""
        services.note_versions()
        for failure in registry.failures():
            self.message_user(request, f"{failure.path} could not be loaded: {failure.error}", messages.WARNING)
        return super().changelist_view(request, extra_context)

    @admin.display(description="hash", ordering="hash")
    def short_hash(self, row: StrategyVersion) -> str:
        """Return what people call the hash."""
        return row.hash[:8]

    @admin.display(description="deployments that trade it")
    def traded_by(self, row: StrategyVersion) -> int:
        """Return how many there are."""
        count: int = row.deployments  # type: ignore[attr-defined]
        return count

    @admin.display(description="lies in its folder", boolean=True)
    def is_present(self, row: StrategyVersion) -> bool:
        """Return whether it is the version that a new deployment would trade."""
        present = registry.found().get(row.name)
        return present is not None and present.hash == row.hash

    @admin.display(description="files")
    def files(self, row: StrategyVersion) -> SafeString:
        """Return the kept Python files, folded, and the assets by name and size."""
        try:
            kept_files = kept.kept_files(row)
        except kept.VersionNotKept as error:
            return format_html("{}", error)
        texts = ((name, content.decode(errors="replace")) for name, content in kept_files.items() if is_python(name))
        folded = '<details><summary><code>{}</code></summary><pre class="paddock-source">{}</pre></details>'
        sizes = ((name, f"{size:,}") for name, size in assets_of(kept_files).items())
        assets = format_html_join("", "<p><code>{}</code> {} bytes</p>", sizes)
        return format_html("{}{}", format_html_join("", folded, texts), assets)
