"""A panel drawn once for all readers, and the messages that update it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.page.scene import Scene

ROWS = "<!--rows-->"  # where a panel's template wants its rows


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page that is replaced when its HTML changes. It may not depend on the reader."""

    name: str
    label: str  # its name for screen readers
    has_prices: bool = False  # shows the feed's own figures: rendered anew on every beat
    has_rows: bool = False  # `scene.rows` are table rows that are replaced one by one
    is_quick: bool = False  # shows fills alone: rendered as soon as one is announced

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""
        return f"panel-{self.name}"

    def draw(self, scene: Scene) -> Drawn:
        """Return the panel as it looks now."""
        frame = render_to_string(f"dashboard/panels/{self.name}.html", {"scene": scene})
        rows: dict[str, str] = {}
        if self.has_rows and isinstance(scene, HasRows):
            rows = {row.element_id: _row(row) for row in scene.rows}
        return Drawn(self, frame, rows)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A panel as it looked at one moment."""

    panel: Panel
    frame: str  # with `ROWS` where the rows belong, if there are any
    rows: Mapping[str, str]  # element id -> its cells, in their order

    @property
    def html(self) -> SafeString:
        """All of it."""
        rows = "".join(f'<tr id="{element_id}">{cells}</tr>' for element_id, cells in self.rows.items())
        return mark_safe(self.frame.replace(ROWS, rows))  # noqa: S308

    def is_framed_as(self, other: Drawn | None) -> bool:
        """Return whether both differ in the cells of their rows at most, or in the rows' order: pages sort."""
        return other is not None and self.frame == other.frame and self.rows.keys() == other.rows.keys()

    def rows_changed_since(self, other: Drawn) -> dict[str, str]:
        """Return the rows that have changed."""
        return {element_id: cells for element_id, cells in self.rows.items() if other.rows[element_id] != cells}


class DrawnRow(Protocol):
    """What a row needs to be drawn by `dashboard/rows/<template>.html`."""

    @property
    def template(self) -> str:
        """The template's name."""

    @property
    def element_id(self) -> str:
        """The id of its element on the page."""


@runtime_checkable
class HasRows(Protocol):
    """A scene with table rows."""

    @property
    def rows(self) -> Sequence[DrawnRow]:
        """In their order."""


def _row(row: DrawnRow) -> str:
    return render_to_string(f"dashboard/rows/{row.template}.html", {"row": row})


def drawn(panels: Iterable[Panel], scene: Scene) -> list[Drawn]:
    """Return every panel as it looks."""
    return [panel.draw(scene) for panel in panels]


def whole_message(panels: Iterable[Drawn]) -> str:
    """Return what a socket sends to have these panels replaced; empty without panels.

    `morph` is the page's own way of swapping: it keeps focus, open details and selected text.
    """
    return "".join(
        format_html('<section id="{}" hx-swap-oob="morph">{}</section>', each.panel.element_id, each.html)
        for each in panels
    )


def change_messages(now: Iterable[Drawn], before: Mapping[Panel, Drawn]) -> list[str]:
    """Return what a socket sends to have the page as it is ``now``: nothing where nothing has changed.

    Rows go in a message of their own: a browser parses them only where nothing else surrounds them.
    """
    panels: list[Drawn] = []
    rows: dict[str, str] = {}
    for each in now:
        shown = before.get(each.panel)
        if shown is not None and each.is_framed_as(shown):
            rows |= each.rows_changed_since(shown)
        else:
            panels.append(each)
    changed = "".join(f'<tr id="{element_id}" hx-swap-oob="morph">{cells}</tr>' for element_id, cells in rows.items())
    return [message for message in (whole_message(panels), changed) if message]
