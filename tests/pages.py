"""What a page says, as a test reads it: tables by their labels, figures by their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"br", "img", "input", "link", "meta", "hr", "path", "polyline", "use", "data", "rect", "line"}


@dataclass
class Node:
    """An element."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that stands in it, blanks as one."""
        reported = "".join(child if isinstance(child, str) else f" {child.text} " for child in self.children)
        return " ".join(reported.split())

    def all(self, tag: str) -> Iterator[Node]:
        """Yield the elements of a kind below it, in their order."""
        for child in self.children:
            if isinstance(child, Node):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)

    def find(self, element_id: str) -> Node:
        """Return the element with that id."""
        return next(each for each in self._below() if each.attributes.get("id") == element_id)

    def _below(self) -> Iterator[Node]:
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child._below()

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return self.attributes.get("class", "").split()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("page")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        while tag not in _VOID and len(self._open) > 1 and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def page_of(html: str) -> Node:
    """Return the page as a tree."""
    reader = _Reader()
    reader.feed(html)
    return reader.root


def table_in(part: Node) -> list[dict[str, str]]:
    """Return the rows of the part's first table: what its cells say, by their labels."""
    body = next(part.all("tbody"))
    return [{cell.attributes.get("data-label", cell.attributes.get("class", "")): cell.text for cell in row.all("td")}
            for row in body.all("tr")]  # fmt: skip


def stats_in(part: Node) -> dict[str, str]:
    """Return the figures of a part, by their names without the unit."""
    reported = {}
    for stat in part.all("div"):
        if "stat" in stat.classes:
            name, value = next(stat.all("dt")), next(stat.all("dd"))
            reported[" ".join(child.strip() for child in name.children if isinstance(child, str)).strip()] = value.text
    return reported
