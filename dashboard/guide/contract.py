"""What strategy authors may use, read from the code itself, so that the guide is always current."""

from __future__ import annotations

import ast
import inspect
import io
import pkgutil
import re
import textwrap
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from enum import Enum
from importlib import import_module
from types import MemberDescriptorType, ModuleType
from typing import Any

import msgspec

_RAISES = re.compile(r"\n\s*(?:Args|Returns|Raises|Yields):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of the contract."""

    name: str
    form: str  # its type, or how it is called
    default: str = ""
    help: str = ""
    raises: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A module and its public names."""

    name: str
    help: str
    entries: list[Entry]


def fields_of(cls: type) -> list[Entry]:
    """Return the fields of a class, or the members of an enum, each with the comment beside it."""
    source = textwrap.dedent(inspect.getsource(cls))
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef), "the source of a class is its definition"
    comments = _comments(source)
    entries = []
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = ast.unparse(node.value) if node.value is not None else ""
            form, name = ast.unparse(node.annotation), node.target.id
        elif isinstance(node, ast.Assign) and issubclass(cls, Enum) and isinstance(node.targets[0], ast.Name):
            form, name, default = ast.unparse(node.value), node.targets[0].id, ""
        else:
            continue
        if not name.startswith("_"):
            default = "" if default.startswith("field(") else default
            entries.append(Entry(name, form, default, comments.get(node.end_lineno or 0, "")))
    return entries


def members_of(cls: type) -> list[Entry]:
    """Return the public methods, properties and attributes of a class, in the order of its source."""
    entries = [entry for entry in _attributes(cls) if not entry.name.startswith("_")]
    for name, member in vars(cls).items():
        if name.startswith("_") or isinstance(member, MemberDescriptorType):
            continue
        if isinstance(member, property):
            assert member.fget is not None, "our properties can be read"
            entries.append(_entry(name, member.fget, is_called=False))
        elif isinstance(member, classmethod | staticmethod):
            entries.append(_entry(name, member.__func__))
        elif inspect.isfunction(member):
            entries.append(_entry(name, member))
    return entries


def chapters_of(package: ModuleType) -> list[Chapter]:
    """Return the public modules of a package with their functions and structs, skipping empty modules."""
    chapters = []
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if info.name.startswith("_"):
            continue
        module = import_module(f"{package.__name__}.{info.name}")
        entries = [
            _of_module(name, value)
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__ and callable(value)
        ]
        if entries:
            chapters.append(Chapter(info.name, _summary_of(inspect.getdoc(module)), entries))
    return chapters


def public_names(cls: type) -> list[str]:
    """Return every public name of a class: fields, slots, properties and methods."""
    slots = [name for name in getattr(cls, "__slots__", ()) if not name.startswith("_")]
    named = [name for name in (*vars(cls), *getattr(cls, "__annotations__", {})) if not name.startswith("_")]
    return sorted({*slots, *named})


def _of_module(name: str, value: Any) -> Entry:
    if not inspect.isclass(value):
        return _entry(name, value)
    keys = ", ".join(value.__struct_fields__) if issubclass(value, msgspec.Struct) else ""
    return Entry(name, f"({keys})" if keys else "", help=_summary_of(inspect.getdoc(value)))


def _entry(name: str, function: Callable[..., Any], *, is_called: bool = True) -> Entry:
    doc = inspect.getdoc(function) or ""
    raised = doc.partition("Raises:")[2]
    return Entry(
        name,
        _called(function) if is_called else str(inspect.signature(function).return_annotation),
        help=_summary_of(doc),
        raises=" ".join(raised.split()),
    )


def _called(function: Callable[..., Any]) -> str:
    """Return a signature as a caller sees it."""
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        star = (
            "*"
            if parameter.kind is parameter.VAR_POSITIONAL
            else "**"
            if parameter.kind is parameter.VAR_KEYWORD
            else ""
        )
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parameters.append(f"{star}{parameter.name}{default}")
    back = inspect.signature(function).return_annotation
    return f"({', '.join(parameters)})" + ("" if back is inspect.Signature.empty else f" → {back}")


def _attributes(cls: type) -> Iterator[Entry]:
    """Yield the attributes that a class with slots sets when it is made, with the comments beside them."""
    slots = getattr(cls, "__slots__", ())
    if not slots or is_dataclass(cls) or "__init__" not in vars(cls):
        return
    source = textwrap.dedent(inspect.getsource(vars(cls)["__init__"]))
    comments = _comments(source)
    for node in ast.walk(ast.parse(source)):
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(target, ast.Attribute) and target.attr in slots:
            form = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
            yield Entry(target.attr, form, help=comments.get(target.lineno, ""))


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _summary_of(doc: str | None) -> str:
    """Return a docstring without its sections, in one line a paragraph."""
    text = _RAISES.split(doc or "")[0]
    return "\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip())
