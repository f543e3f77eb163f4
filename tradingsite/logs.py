"""One line per event on standard error: ``LEVEL name message key=value``, or JSON.

The launcher reads the first word to colour the line, so the shape is a contract.
"""

import logging
import logging.config
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def add_place(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add where the process is, from the function bound as ``at``: binding a place at every frame would be slower."""
    at = event.pop("at", None)
    if callable(at):
        event.update((key, value) for key, value in at().items() if key not in event)
    elif at is not None:
        event["at"] = at
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    add_place,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


def render_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return the event as one line; only a traceback adds lines below it."""
    level = str(event.pop("level", "info")).upper()
    name = event.pop("logger", "paddock")
    message = str(event.pop("event", "")).rstrip("\n")
    after = [str(event.pop(key)) for key in ("stack", "exception") if event.get(key)]
    fields = [f"{key}={_written(value)}" for key, value in event.items() if not key.startswith("_")]
    return "\n".join([" ".join([level, name, message, *fields]), *after])


def _written(value: object) -> str:
    text = str(value)
    return repr(text) if not text or any(letter in text for letter in ' "=\n') else text


def is_server_error(record: logging.LogRecord) -> bool:
    """Return whether a failed request is worth a line: that ``/readyz`` says "not yet" is its work."""
    return getattr(getattr(record, "request", None), "path", "") != "/readyz"


def logging_config(*, as_json: bool, level: str) -> dict[str, Any]:
    """Return the ``LOGGING`` setting.

    Raises:
        ValueError: ``level`` is none of ``LEVELS``.
    """
    if level not in LEVELS:
        raise ValueError(f"PADDOCK_LOG_LEVEL is {level!r}: expected one of {', '.join(LEVELS)}")
    last: list[Any] = (
        [structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.processors.JSONRenderer()]
        if as_json
        else [render_line]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"server_errors": {"()": lambda: is_server_error}},
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Their messages are of no use to a reader of a market's log.
            "django.request": {"level": "ERROR", "filters": ["server_errors"]},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "daphne": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "websockets": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }


def configure(config: Mapping[str, Any]) -> None:
    """Set up the standard library's logging and structlog to write the same lines."""
    logging.config.dictConfig(dict(config))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
