"""The audit log: every change says here who made it, in the transaction that makes it."""

from __future__ import annotations

from portfolios.models import AuditEntry


def note_change(*, by: str, kind: str, subject: str, action: str, sentence: str = "") -> None:
    """Write down a change. It belongs in the transaction of the change."""
    AuditEntry.objects.create(
        by=by[:150], kind=kind, subject=subject[:150], action=action[:40], sentence=_fitting(sentence)
    )


def _fitting(sentence: str) -> str:
    return sentence if len(sentence) <= 500 else f"{sentence[:499]}…"
