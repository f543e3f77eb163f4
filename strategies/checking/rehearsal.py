"""A strategy at work on frames from a file, in a process of its own: what it said, got and kept.

`python -m strategies.checking.rehearsal JOB RESULT`. The process knows no framework, and
reads each frame when it is due: the future is not in its memory.
"""

from __future__ import annotations

import datetime as dt
import faulthandler
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from strategies.versions.loading import load
from trading.bounds import storable
from trading.engine import Engine, Outcome, Terms
from trading.engine.strategy_state import UnsavableState
from trading.frames import Frame, decode_frame, encode_frame
from trading.market import Market
from trading.market_snapshot import MarketSnapshot
from trading.run import Progress, Scene, folded, run
from trading.signals import Amend, Cancel, Signal
from trading.snapshot import DataSnapshot
from trading.strategy import Answer, Strategy

KEEP_EVERY_FRAMES = 600
RESUMES = 4
HANG_S = 10.0
_WATCH_EVERY_FRAMES = 10
_MOST_TRACEBACKS = 3
_MOST_PRINTED = 20_000  # characters of an answer


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to rehearse, and how."""

    path: str  # of the strategy
    frames: str  # a file of `write_frames`
    frame_count: int
    symbols: tuple[str, ...]
    runs: tuple[str, ...]  # streamed, again, known or resumed, in this order
    clock_shift_s: float = 0.0  # the wall clock is wrong by so much


class Run(msgspec.Struct, kw_only=True):
    """One run over the whole stretch."""

    said: list[tuple[int, int, str]] = []  # sequence, ns, what it answered
    kept: list[tuple[int, int, str]] = []  # sequence, ns, digest of the checkpoint
    evaluation_ns: list[int] = []
    signals: dict[str, int] = {}  # buy, sell, short, cover, cancel or amend -> times
    orders: int = 0
    refusals: dict[str, int] = {}
    bad_number: str = ""  # the first refusal of a number that nothing could hold
    surplus: dict[str, int] = {}  # what went beyond the bounds of what it may emit -> how often
    fills: int = 0
    why: dict[str, int] = {}
    errors: int = 0
    tracebacks: list[str] = []
    is_halted: bool = False
    unsavable: str = ""
    equity: str = ""


def write_frames(path: Path, frames: Iterator[Frame]) -> int:
    """Write frames for `read_frames`; return how many."""
    count = 0
    with path.open("wb") as file:
        for frame in frames:
            encoded = encode_frame(frame)
            file.write(len(encoded).to_bytes(4) + encoded)
            count += 1
    return count


def read_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames that `write_frames` wrote, each read when it is due."""
    with path.open("rb") as file:
        while head := file.read(4):
            yield decode_frame(file.read(int.from_bytes(head)))


class Rehearsal:
    """One run: an engine, and a record of all that the strategy answers it."""

    def __init__(self, job: Job, strategy: Strategy | None = None) -> None:
        self._job = job
        self._terms = Terms(slug="check", symbols=job.symbols)
        self.run = Run()
        self.strategy = strategy or load(Path(job.path))
        self.engine = self._engine()
        self._resumed_at: frozenset[int] = frozenset()

    def streamed(self, *, resumed_at: frozenset[int] = frozenset()) -> Run:
        """Show it frame after frame; at the numbers in ``resumed_at`` it is put away and taken up anew."""
        self._resumed_at = resumed_at
        return self._shown(self._scenes())

    def known(self) -> Run:
        """Show it the same when the whole stretch is in memory already."""
        return self._shown(list(self._scenes()))

    def _scenes(self) -> Iterator[Scene]:
        return folded(read_frames(Path(self._job.frames)), Market())

    def _shown(self, scenes: Iterable[Scene]) -> Run:
        numbers = count()

        def watch(_: Frame) -> None:
            if next(numbers) % _WATCH_EVERY_FRAMES == 0:
                faulthandler.dump_traceback_later(HANG_S, exit=True)

        run(scenes, (self,), Rehearsal._take_turn, begin=watch, between=self._keep)
        return self._ended()

    def _take_turn(self, frame: Frame, snapshot: MarketSnapshot) -> None:
        outcome = self.engine.process(frame, snapshot)
        if outcome.has_facts:
            self._note(outcome)

    def _keep(self, progress: Progress) -> bool:
        number = progress.frames
        if (number % KEEP_EVERY_FRAMES == 0 or number == self._job.frame_count) and (kept := self._checkpoint()):
            self.run.kept.append((progress.sequence, progress.time_ns, sha256(kept).hexdigest()))
        if number in self._resumed_at and (kept := self._checkpoint()):
            forget_strategies()
            self.strategy = load(Path(self._job.path))
            self.engine = self._engine(kept)
        return True

    def _engine(self, kept: bytes | None = None) -> Engine:
        found = self.strategy
        config, recorded = found.config({}), replace(found, generate_signal=self._recorded(found))
        if kept is None:
            return Engine(recorded, config, self._terms)
        return Engine.resume(recorded, config, self._terms, kept)

    def _recorded(self, found: Strategy) -> Any:
        run = self.run

        def recorded(data: DataSnapshot, config: Any, state: dict[str, Any]) -> Answer:
            began_ns = time.perf_counter_ns()
            try:
                answer: Answer = found.generate_signal(data, config, state)
            except Exception as error:
                run.said.append((data.sequence, data.time_ns, f"raised {_printed(error)}"))
                raise
            run.evaluation_ns.append(time.perf_counter_ns() - began_ns)
            run.said.append((data.sequence, data.time_ns, _printed(answer)))
            for one in answer if isinstance(answer, list) else [answer]:
                if isinstance(one, Signal | Cancel | Amend):
                    action = one.action.value if isinstance(one, Signal) else type(one).__name__.lower()
                    run.signals[action] = run.signals.get(action, 0) + 1
            return answer

        return recorded

    def _note(self, outcome: Outcome) -> None:
        run = self.run
        run.fills += len(outcome.fills)
        run.orders += sum(
            order.refusal is None and order.created_ns == outcome.time_ns for order in outcome.orders.values()
        )
        bad = (o.refusal for o in outcome.orders.values() if o.refusal is not None and o.refusal.code == "bad_number")
        run.bad_number = run.bad_number or next((refusal.sentence for refusal in bad), "")
        for error in outcome.errors:
            run.errors += 1
            run.is_halted |= error.halted
            if len(run.tracebacks) < _MOST_TRACEBACKS:
                run.tracebacks.append(error.traceback)

    def _checkpoint(self) -> bytes | None:
        try:
            return self.engine.checkpoint()
        except UnsavableState as error:
            self.run.unsavable = str(error)
            return None

    def _ended(self) -> Run:
        faulthandler.cancel_dump_traceback_later()
        engine, run = self.engine, self.run
        run.why = dict(engine.why)
        run.surplus = {**engine.state.surplus}
        refused = {code.removeprefix("refused_"): n for code, n in run.why.items() if code.startswith("refused_")}
        run.refusals = dict(Counter(refused).most_common())
        run.equity = "" if engine.figures.equity is None else f"{engine.figures.equity:.2f}"
        return run


def _printed(answer: object) -> str:
    try:
        return storable(repr(answer), _MOST_PRINTED)
    except Exception:
        # It may lie too deep, or print itself by an author's own code.
        return f"a {type(answer).__name__} that cannot be printed"


def rehearse(job: Job) -> dict[str, Run]:
    """Return the job's runs, each by modules just loaded unless it says otherwise."""
    runs: dict[str, Run] = {}
    strategy: Strategy | None = None
    for name in job.runs:
        if name == "known":  # its modules remember what they have lived through
            runs[name] = Rehearsal(job, strategy).known()
            continue
        forget_strategies()
        rehearsal = Rehearsal(job)
        strategy = rehearsal.strategy
        if name == "resumed":
            places = {job.frame_count * n // (RESUMES + 1) for n in range(1, RESUMES + 1)}
            runs[name] = rehearsal.streamed(resumed_at=frozenset(places))
        else:
            runs[name] = rehearsal.streamed()
    return runs


def forget_strategies() -> None:
    """Forget the modules of strategies, as a new process would."""
    for name in [name for name in sys.modules if name.startswith("strategies_at_")]:
        del sys.modules[name]


def shift_clock(seconds: float) -> None:
    """Let the wall clock be wrong from now on, for all who read it after this."""
    true_time, true_ns, true_datetime = time.time, time.time_ns, dt.datetime
    shift = dt.timedelta(seconds=seconds)

    class OtherClock(type):
        def __instancecheck__(cls, thing: object) -> bool:
            return isinstance(thing, true_datetime)

    def now(tz: dt.tzinfo | None = None) -> dt.datetime:
        return true_datetime.now(tz) + shift

    methods = {
        "now": staticmethod(now),
        "today": staticmethod(now),
        "utcnow": staticmethod(lambda: now(dt.UTC).replace(tzinfo=None)),
    }
    # It must not differ from the true one in anything else, its printed name included.
    dt.datetime = OtherClock("datetime.datetime", (true_datetime,), methods)  # type: ignore[misc, assignment]
    time.time = lambda: true_time() + seconds
    time.time_ns = lambda: true_ns() + int(seconds * 1e9)


def main(job_path: str, result_path: str) -> None:
    """Do the job in one file, write the result to the other."""
    faulthandler.enable()
    job = msgspec.json.decode(Path(job_path).read_bytes(), type=Job)
    if job.clock_shift_s:
        shift_clock(job.clock_shift_s)
    Path(result_path).write_bytes(msgspec.msgpack.encode(rehearse(job)))


if __name__ == "__main__":
    main(*sys.argv[1:])
