"""Spans for OpenTelemetry, where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector; else nothing is done or imported.

A frame has no room for a trace's id, so the span of a frame has ids made of market and sequence: a worker
that evaluates the frame, on whatever machine, can link to it.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from marketdata.proxies import proxy_for

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
MOST_LINKS = 100

_log = logging.getLogger("tracing")


class Span:
    """A span that is not exported."""

    def update(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Give it a better name, and say more about it."""


class _Silence:
    """No span; one for all, because it keeps nothing."""

    def __enter__(self) -> Span:
        return _NO_SPAN

    def __exit__(self, *_: object) -> None:
        pass


_NO_SPAN, _SILENCE = Span(), _Silence()
_tracer: _Tracer | None = None


def is_on() -> bool:
    """Return whether spans are exported."""
    return _tracer is not None


def begin(process: str) -> None:
    """Export the spans of this process from now on, if the environment names a collector."""
    global _tracer  # noqa: PLW0603 - one for the process, as the environment is
    if not os.environ.get(ENDPOINT) or _tracer is not None:
        return
    try:
        _tracer = _Tracer(process)
    except ImportError as error:
        _log.error(
            "%s is set, but %s is not installed: nothing is traced; pip install -r requirements/tracing.txt",
            ENDPOINT,
            error.name,
        )


def span(name: str, *, links: Iterable[tuple[str, int]] = (), **attributes: Any) -> AbstractContextManager[Span]:
    """Return a context that is a span below the one around it.

    ``links`` are frames, as market and sequence.
    """
    return _SILENCE if _tracer is None else _tracer.span(name, links, attributes)


def frame_span(market: str, sequence: int) -> AbstractContextManager[Span]:
    """Return the span of a frame's publication, which others can link to."""
    return _SILENCE if _tracer is None else _tracer.frame_span(market, sequence)


def frame_ids(market: str, sequence: int) -> tuple[int, int]:
    """Return the ids of the trace and the span of a frame's publication."""
    digest = hashlib.blake2b(f"{market} {sequence}".encode(), digest_size=24).digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:])


class _ExportedSpan(Span):
    def __init__(self, span: Any) -> None:
        self._span = span

    def update(self, name: str, attributes: Mapping[str, Any]) -> None:
        self._span.update_name(name)
        self._span.set_attributes(dict(attributes))


def _session() -> Any:
    """Return the connection to the collector; one on this machine is reached directly."""
    from requests import Session

    session = Session()
    proxy = proxy_for(os.environ.get(ENDPOINT, ""))
    session.trust_env = False
    session.proxies = {"http": proxy.url, "https": proxy.url} if proxy else {}
    return session


class _Tracer:
    """The only code that knows OpenTelemetry."""

    def __init__(self, process: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        from opentelemetry.trace import Link, SpanContext, TraceFlags

        wanted = self._wanted = threading.local()

        class Ids(RandomIdGenerator):
            def generate_span_id(self) -> int:
                ids = getattr(wanted, "ids", None)
                return ids[1] if ids else super().generate_span_id()

            def generate_trace_id(self) -> int:
                ids = getattr(wanted, "ids", None)
                return ids[0] if ids else super().generate_trace_id()

        name = os.environ.get("OTEL_SERVICE_NAME") or f"paddock-{process}"
        resource = Resource.create({"service.name": name, "process.pid": os.getpid()})
        provider = TracerProvider(resource=resource, id_generator=Ids(), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(session=_session())))
        atexit.register(provider.shutdown)
        self.shutdown = provider.shutdown
        self._tracer = provider.get_tracer("paddock")
        sampled = TraceFlags(TraceFlags.SAMPLED)

        def link_to(ids: tuple[int, int]) -> Link:
            return Link(SpanContext(ids[0], ids[1], is_remote=True, trace_flags=sampled))

        self._link = link_to

    @contextmanager
    def span(self, name: str, links: Iterable[tuple[str, int]], attributes: Mapping[str, Any]) -> Iterator[Span]:
        linked = [self._link(frame_ids(market, sequence)) for market, sequence in list(links)[-MOST_LINKS:]]
        with self._tracer.start_as_current_span(name, links=linked, attributes=dict(attributes)) as span:
            yield _ExportedSpan(span)

    @contextmanager
    def frame_span(self, market: str, sequence: int) -> Iterator[Span]:
        from opentelemetry.context import Context

        self._wanted.ids = frame_ids(market, sequence)
        try:
            about: dict[str, Any] = {"market": market, "frame.sequence": sequence}
            span = self._tracer.start_span("frame", context=Context(), attributes=about)
        finally:
            self._wanted.ids = None
        with span:
            yield _ExportedSpan(span)


def end() -> None:
    """Export what has not been exported yet, and stop."""
    global _tracer
    tracer, _tracer = _tracer, None
    if tracer is not None:
        tracer.shutdown()
