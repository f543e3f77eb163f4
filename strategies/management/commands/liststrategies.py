"""`manage.py liststrategies`: every file in a strategy folder, what it is, or why it cannot be loaded."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from strategies.deployments.config_fields import ConfigField, config_fields
from strategies.versions import registry
from strategies.versions.files import assets_of
from strategies.versions.registry import LoadFailure
from trading.strategy import Strategy


class Command(BaseCommand):
    """The registry as a list."""

    help = (
        "List the strategies there are, with version, hash, symbols, trigger, warm-up and parameters, "
        "and the files that cannot be loaded, with file and line. "
        "Exit codes: 0 all could be loaded, 1 some could not."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        found = sorted(registry.found().values(), key=lambda strategy: strategy.name)
        failures = sorted(registry.failures(), key=lambda failure: failure.path)
        if options["json"]:
            rows = [*map(_row, found), *map(_failure_row, failures)]
            self.stdout.write(json.dumps(rows, allow_nan=False, default=str))
        else:
            for strategy in found:
                self.stdout.write(_text(strategy))
            broken = self.style.ERROR if self.stdout.isatty() else None
            for failure in failures:
                self.stdout.write(f"✗ {failure.path}\n    {failure.error}", broken)
        if failures:
            raise SystemExit(1)


def _row(strategy: Strategy) -> dict[str, Any]:
    return {
        "status": "loaded",
        "error": None,
        "path": strategy.path,
        "name": strategy.name,
        "version": strategy.version,
        "hash": strategy.hash,
        "symbols": list(strategy.symbols),
        "trigger": strategy.trigger,
        "warmup": dict(strategy.warmup),
        "description": strategy.description,
        "assets": [{"name": name, "bytes": size} for name, size in assets_of(strategy.sources).items()],
        "parameters": [_parameter(field) for field in config_fields(strategy.schema())],
    }


def _failure_row(failure: LoadFailure) -> dict[str, Any]:
    return {"status": "failed", "error": failure.error, "path": failure.path}


def _parameter(field: ConfigField) -> dict[str, Any]:
    return {
        "key": field.key,
        "kind": field.kind.value,
        "default": field.default,
        "bounds": field.bounds,
        "choices": list(field.choices),
        "help": field.help,
    }


def _text(strategy: Strategy) -> str:
    warmup = ", ".join(f"{count} × {timeframe}" for timeframe, count in strategy.warmup.items()) or "none"
    first = strategy.description.partition("\n")[0]
    lines = [
        f"✓ {strategy.name} {strategy.version} ({strategy.hash[:8]})  {strategy.path}",
        *([f"    {first}"] if first else []),
        f"    {', '.join(strategy.symbols)}; trigger {strategy.trigger}; warm-up {warmup}",
    ]
    lines += [f"    asset {name}: {size:,} bytes" for name, size in assets_of(strategy.sources).items()]
    for field in config_fields(strategy.schema()):
        limits = field.bounds or ", ".join(map(str, field.choices))
        help_text = f"{field.help} ({limits})" if limits else field.help
        lines.append(f"    {field.key} = {json.dumps(field.default, default=str)}  {help_text}".rstrip())
    return "\n".join(lines)
