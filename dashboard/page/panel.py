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
MOST_CHARACTERS = 200_000  # of one message, as far as it can be divided: many clients take no more than a megabyte


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
        return self._filled(_row_element(element_id, cells) for element_id, cells in self.rows.items())

    def begun(self) -> tuple[SafeString, dict[str, str]]:
        """Return as much of it as one message holds, and the rows that are to follow; each has its place already."""
        room = MOST_CHARACTERS - len(self.frame)
        elements: list[str] = []
        later: dict[str, str] = {}
        for element_id, cells in self.rows.items():
            room -= len(cells)
            if room < 0:
                later[element_id] = cells
                elements.append(format_html('<tr id="{}" data-later></tr>', element_id))
            else:
                elements.append(_row_element(element_id, cells))
        return self._filled(elements), later

    def _filled(self, elements: Iterable[str]) -> SafeString:
        return mark_safe(self.frame.replace(ROWS, "".join(elements)))  # noqa: S308

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


def messages_since(before: Mapping[Panel, Drawn], now: Iterable[Drawn]) -> list[str]:
    """Return what a socket sends to a page that shows ``before``, to have it as it is ``now``; maybe nothing.

    `morph` is the page's own way of swapping: it keeps focus, open details and selected text. Rows go in messages
    of their own: a browser parses them only where nothing else surrounds them.
    """
    sections: list[str] = []
    rows: dict[str, str] = {}
    for each in now:
        shown = before.get(each.panel)
        if each is shown:
            continue
        if shown is not None and each.is_framed_as(shown):
            rows |= each.rows_changed_since(shown)
            continue
        begun, later = each.begun()
        sections.append(format_html('<section id="{}" hx-swap-oob="morph">{}</section>', each.panel.element_id, begun))
        # What the page shows of them already stays.
        rows |= {key: cells for key, cells in later.items() if shown is None or shown.rows.get(key) != cells}
    swapped = (f'<tr id="{element_id}" hx-swap-oob="morph">{cells}</tr>' for element_id, cells in rows.items())
    return [*_packed(sections), *_packed(swapped)]


def _packed(parts: Iterable[str]) -> list[str]:
    """Return the parts, joined to as few messages as hold them."""
    messages: list[str] = []
    for part in parts:
        if messages and len(messages[-1]) + len(part) <= MOST_CHARACTERS:
            messages[-1] += part
        else:
            messages.append(part)
    return messages


def _row_element(element_id: str, cells: str) -> str:
    return f'<tr id="{element_id}">{cells}</tr>'
