"""What follows from the runs of a rehearsal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from strategies.checking.findings import Mark, Report
from strategies.checking.performing import CLOCK_SHIFT_S, Performances
from strategies.checking.rehearsal import RESUMES, Run
from trading import bounds
from trading.frames import utc

BUDGET_MS = 1_000.0
MOST_CODES = 40  # a code is counted: with numbers in it each is another one
_SHOWN_CODES = 8
_SHOWN_CHARACTERS = 160

Notes = Sequence[tuple[int, int, str]]  # sequence, ns, what was


def figures_of(run: Run, source: str, frames: int) -> dict[str, Any]:
    """Return what a run came to, as JSON has it."""
    return {
        "source": source,
        "frames": frames,
        "evaluations": len(run.said),
        "signals": run.signals,
        "orders": run.orders,
        "fills": run.fills,
        "refusals": run.refusals,
        "why": run.why,
        "errors": run.errors,
        "equity": run.equity or None,
        "evaluation_ms": _milliseconds(run),
    }


def _milliseconds(run: Run) -> dict[str, float] | None:
    times = sorted(run.evaluation_ns)
    if not times:
        return None
    chosen = {"mean": sum(times) / len(times), "p99": times[len(times) * 99 // 100], "worst": times[-1]}
    return {name: round(ns / 1e6, 4) for name, ns in chosen.items()}


def check_run(report: Report, run: Run, source: str, frames: int, passed_over: Sequence[str] = ()) -> None:
    """Note what it did; doing nothing is allowed, but a warning."""
    acts = f"{sum(run.signals.values())} signals{_counted(run.signals)}, {run.orders} orders, {run.fills} fills"
    refused = sum(run.refusals.values())
    words = f"{source}: {frames:,} frames, evaluated {len(run.said):,} times; {acts}, "
    words += f"{refused} refused{_counted(run.refusals)}" if refused else "none refused"
    words += f"; 100.00 became {run.equity}" if run.equity else ""
    why = {code: count for code, count in run.why.items() if not code.startswith("refused_")}
    lines = [*passed_over, *([f"did not trade: {', '.join(_top(why))}"] if why else [])]
    if len(why) > MOST_CODES:
        lines.append(f"{len(why)} codes: a code is counted, so put numbers into NoSignal's detail")
    is_mute = not run.said or len(why) > MOST_CODES
    if not run.said:
        lines.append("it was never evaluated: is WARMUP met, does the market have its symbols, does TRIGGER come?")
    elif not run.signals and not run.errors:
        is_mute = True
        lines.append("it gave no signal: try --minutes 240, another --recording, or read the reasons above")
    report.add("run", Mark.WARNING if is_mute else Mark.FINE, words, lines)


def check_errors(report: Report, run: Run) -> None:
    """Note what it raised."""
    if not run.errors:
        report.add("errors", Mark.FINE, "none")
        return
    halted = "; it was paused after too many in a row" if run.is_halted else ""
    lines = run.tracebacks[0].rstrip().splitlines()
    report.add("errors", Mark.BROKEN, f"it raised {run.errors} times{halted}; the first:", lines)


def check_bounds(report: Report, run: Run) -> None:
    """Note what of it was too large to be stored, or more than is taken; nothing where there is no such thing."""
    lines = [f"{count:,} beyond the bound of {what.replace('_', ' ')} left out" for what, count in run.surplus.items()]
    if refused := run.refusals.get("bad_number", 0):
        lines.insert(0, f"rejected as bad_number {refused:,} times, at first: {run.bad_number}")
    if others := run.why.get(bounds.OTHER, 0):
        lines.append(f"{others:,} reasons became other: the {bounds.MOST_CODES} most frequent codes are kept")
    if lines:
        report.add("bounds", Mark.WARNING, "it emits what cannot be stored, or more than is taken", lines)


def check_time(report: Report, run: Run) -> None:
    """Note how long it takes to answer."""
    ms = _milliseconds(run)
    if ms is None:
        report.add("time", Mark.SKIPPED, "it never answered")
        return
    words = f"{ms['mean']:.3f} ms mean, {ms['p99']:.3f} ms p99, {ms['worst']:.3f} ms worst per evaluation"
    if ms["worst"] > BUDGET_MS:
        report.add("time", Mark.WARNING, f"{words}; an evaluation may take {BUDGET_MS:,.0f} ms")
    elif ms["p99"] > BUDGET_MS / 10:
        report.add("time", Mark.WARNING, f"{words}; a worker shows ten frames a second to all its deployments")
    else:
        report.add("time", Mark.FINE, words)


def check_look_ahead(report: Report, runs: Performances) -> None:
    """Compare what it said when the future was still to come with what it says when it lies in memory."""
    if not runs.streamed.said:
        report.add("look-ahead", Mark.SKIPPED, "it was never evaluated")
        return
    if runs.streamed.said != runs.again.said:
        report.add("look-ahead", Mark.SKIPPED, "cannot be known while two equal runs differ: see determinism")
        return
    difference = _first_difference(runs.streamed.said, runs.known.said)
    if difference is None:
        words = f"all {len(runs.streamed.said):,} answers are the same whether the rest was yet to come or in memory"
        report.add("look-ahead", Mark.FINE, words)
        return
    when, before, after = difference
    lines = [
        f"at {when} it answered, the rest still to come: {before}",
        f"and when it had seen the rest: {after}",
        "read nothing but `data`, `config` and `state`: no module variables, nothing behind `data`'s methods",
    ]
    report.add("look-ahead", Mark.BROKEN, "it uses what it could not know yet", lines)


def check_determinism(report: Report, runs: Performances) -> None:
    """Compare two runs in one process, and one in another with another hash seed and wall clock."""
    if difference := _first_difference(runs.streamed.said, runs.again.said):
        cause = (
            "two runs over the same frames differ: chance, a clock, or memory outside `state`; use data.rng, data.time"
        )
    elif difference := _first_difference(runs.streamed.said, runs.elsewhere.said):
        is_clock = runs.other_seed is not None and runs.other_seed.said == runs.streamed.said
        days = CLOCK_SHIFT_S / 86_400
        cause = f"with the wall clock {days:.0f} days on it answers otherwise: use data.time"
        if not is_clock:
            cause = (
                "another process answers otherwise: the order of a set, an id or the environment; sort what you iterate"
            )
    elif difference := _first_difference(runs.streamed.kept, runs.elsewhere.kept, runs.again.kept):
        cause = "the same answers, but another state: the order of a set or dict, a clock or chance in `state`"
    else:
        words = "two runs and a new process with another hash seed and clock give the same answers and checkpoints"
        report.add("determinism", Mark.FINE, words)
        return
    when, one, other = difference
    report.add("determinism", Mark.BROKEN, cause, [f"at {when}: {one}", f"and then: {other}"])


def check_state(report: Report, runs: Performances) -> None:
    """Check that all it keeps is in `state`, and that this can be saved."""
    if unsavable := runs.streamed.unsavable or runs.resumed.unsavable:
        report.add("state", Mark.BROKEN, f"it cannot be saved: {unsavable}")
        return
    difference = _first_difference(runs.elsewhere.said, runs.resumed.said) or _first_difference(
        runs.elsewhere.kept, runs.resumed.kept
    )
    if difference is None:
        words = f"saved and taken up anew at {RESUMES} frames, by modules just loaded: the rest is the same"
        report.add("state", Mark.FINE, words)
        return
    when, before, after = difference
    lines = [f"at {when} it goes on with {before}", f"and after a restart with {after}"]
    advice = "a restart changes what it does: keep everything in `state`, nothing in modules or objects"
    report.add("state", Mark.BROKEN, advice, lines)


def _first_difference(one: Notes, *others: Notes) -> tuple[str, str, str] | None:
    """Return the time at which two runs part, and what each has there; None when they never do."""
    for other in others:
        for here, there in zip(one, other, strict=False):
            if here != there:
                when = min(here[1], there[1])
                return f"{utc(when):%H:%M:%S.%f}"[:-5], _at(here, when), _at(there, when)
        if len(one) != len(other):
            longer = max(one, other, key=len)[min(len(one), len(other))]
            sides = ("nothing", _short(longer[2]))
            return (f"{utc(longer[1]):%H:%M:%S.%f}"[:-5], *(sides if len(one) < len(other) else sides[::-1]))
    return None


def _at(note: tuple[int, int, str], time_ns: int) -> str:
    return _short(note[2]) if note[1] == time_ns else "nothing"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _top(counts: Mapping[str, int]) -> list[str]:
    shown = [f"{code} {count:,}" for code, count in Counter(counts).most_common(_SHOWN_CODES)]
    return [*shown, f"and {len(counts) - _SHOWN_CODES} more"] if len(counts) > _SHOWN_CODES else shown


def _counted(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{code} {count}' for code, count in counts.items())})" if counts else ""
