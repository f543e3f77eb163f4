"""The whole check of one strategy, from its import to its restart."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from marketdata.recording.files import InvalidRecording
from marketdata.simulation.pairs import PAIRS
from strategies.checking import reading, stretches, verdicts
from strategies.checking.findings import Mark, Report
from strategies.checking.performing import Died, Performances, performances
from strategies.checking.rehearsal import write_frames
from strategies.versions.loading import load
from strategies.versions.registry import described
from trading.frames import Frame
from trading.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """On what a strategy is to be rehearsed."""

    minutes: int
    symbols: tuple[str, ...] = ()  # empty: its own
    recording: Path | None = None  # given by name: nothing else will do
    recordings: Path | None = None  # the folder whose newest is taken, if it serves


def checked(path: Path, wanted: Wanted) -> Report:
    """Return all that there is to say of the strategy in ``path``.

    Raises:
        InvalidRecording: the requested recording cannot be read.
    """
    began_s = time.monotonic()
    report = Report(path=str(path))
    try:
        strategy = load(path)
        strategy.schema()
    except (Exception, SystemExit) as error:  # a user's file may fail in any way at import
        report.add("contract", Mark.BROKEN, f"it cannot be loaded: {described(error, path)}")
    else:
        report.name, report.version, report.hash = strategy.name, strategy.version, strategy.hash
        with TemporaryDirectory(prefix="checkstrategy-") as place, ThreadPoolExecutor(1) as aside:
            types = aside.submit(_types, path, Path(place))
            _rehearse(report, strategy, path, wanted, Path(place))
            report.findings[2:2] = types.result().findings
    report.seconds = round(time.monotonic() - began_s, 1)
    return report


def _types(path: Path, place: Path) -> Report:
    aside = Report(path=str(path))
    reading.read_types(aside, path, place / "types")
    return aside


def _rehearse(report: Report, strategy: Strategy, path: Path, wanted: Wanted, place: Path) -> None:
    reading.read_contract(report, strategy)
    reading.read_config(report, strategy)
    reading.read_purity(report, path)
    symbols = wanted.symbols or strategy.symbols
    if report.is_broken:
        report.add("run", Mark.SKIPPED, "not rehearsed before what is above is right")
        return
    passed_over: list[str] = []
    for source, frames in _stretches(strategy, symbols, wanted):
        file = place / "frames"
        try:
            count = write_frames(file, frames)
            runs = performances(path, file, count, symbols, place)
        except InvalidRecording as error:
            if wanted.recording is not None:
                raise
            passed_over.append(f"not rehearsed on {source}: {error}")
            continue
        except Died as died:
            report.add("run", Mark.BROKEN, f"{source}: {died}; its last words:", died.lines)
            return
        if runs.streamed.said or wanted.recording is not None:
            break
        passed_over.append(f"not rehearsed on {source}: it was never evaluated there{_chief_reason(runs.streamed.why)}")
    _check(report, runs, source, count, passed_over if runs.streamed.said else passed_over[:-1])


def _chief_reason(why: Mapping[str, int]) -> str:
    return f", mostly for {max(why, key=lambda code: why[code])}" if why else ""


def _stretches(strategy: Strategy, symbols: Sequence[str], wanted: Wanted) -> Iterator[tuple[str, Iterator[Frame]]]:
    """Yield what to rehearse on, and what to take when the strategy was never evaluated there."""
    recording = wanted.recording
    if recording is None and wanted.recordings is not None:
        recording = stretches.newest_recording(wanted.recordings)
    if recording is not None:
        yield f"{wanted.minutes} min of {recording.name}", stretches.recorded(recording, wanted.minutes)
    known = [symbol for symbol in symbols if symbol in PAIRS]
    words = f"{wanted.minutes} min of the simulated market with {', '.join(known) or 'none of its symbols'}"
    yield words, stretches.simulated(known, wanted.minutes, strategy.warmup)


def _check(report: Report, runs: Performances, source: str, frames: int, passed_over: Sequence[str]) -> None:
    report.figures = verdicts.figures_of(runs.streamed, source, frames)
    verdicts.check_run(report, runs.streamed, source, frames, passed_over)
    verdicts.check_errors(report, runs.streamed)
    verdicts.check_bounds(report, runs.streamed)
    verdicts.check_time(report, runs.streamed)
    verdicts.check_look_ahead(report, runs)
    verdicts.check_determinism(report, runs)
    verdicts.check_state(report, runs)
