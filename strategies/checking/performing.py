"""Rehearses a strategy in processes that differ in all that must not matter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from strategies.checking.rehearsal import Job, Run

ROOT = Path(__file__).parent.parent.parent
CLOCK_SHIFT_S = 37 * 86_400 + 5 * 3_600 + 13 * 60.0
_SECONDS_A_FRAME = 0.02  # no rehearsal takes as long; a hang is noticed before
_LEAST_S = 60.0
_MOST_LINES = 12


class Died(Exception):
    """The process of a rehearsal ended before its time."""

    def __init__(self, sentence: str, lines: Sequence[str]) -> None:
        super().__init__(sentence)
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class Performances:
    """The runs of one strategy over one stretch."""

    streamed: Run  # frame after frame
    again: Run  # the same, once more
    known: Run  # the whole stretch in memory, and in that of the strategy's modules
    elsewhere: Run  # another process, hash seed and wall clock
    resumed: Run  # elsewhere, put away and taken up anew on the way
    other_seed: Run | None = None  # elsewhere with the true clock; only when `elsewhere` differs


def performances(path: Path, frames: Path, frame_count: int, symbols: Sequence[str], place: Path) -> Performances:
    """Rehearse the strategy at ``path``; files are made in ``place``.

    Raises:
        Died: a process ended, or had to be ended, before it was done.
    """
    here = Job(
        path=str(path.absolute()), frames=str(frames), frame_count=frame_count, symbols=tuple(symbols),
        runs=("streamed", "again", "known"),
    )  # fmt: skip
    elsewhere = msgspec.structs.replace(here, runs=("streamed", "resumed"), clock_shift_s=CLOCK_SHIFT_S)
    processes = [_Process(here, place / "here", "0"), _Process(elsewhere, place / "elsewhere", "1")]
    try:
        runs, other = (process.runs() for process in processes)
    finally:
        for process in processes:
            process.end()
    third = None
    if other["streamed"].said != runs["streamed"].said:
        process = _Process(msgspec.structs.replace(here, runs=("streamed",)), place / "third", "1")
        try:
            third = process.runs()["streamed"]
        finally:
            process.end()
    return Performances(runs["streamed"], runs["again"], runs["known"], other["streamed"], other["resumed"], third)


class _Process:
    def __init__(self, job: Job, stem: Path, hash_seed: str) -> None:
        self._result, self._said = stem.with_suffix(".result"), stem.with_suffix(".said")
        stem.with_suffix(".job").write_bytes(msgspec.json.encode(job))
        self._limit_s = _LEAST_S + job.frame_count * _SECONDS_A_FRAME * len(job.runs)
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "strategies.checking.rehearsal",
                    str(stem.with_suffix(".job")),
                    str(self._result),
                ],
                cwd=ROOT,
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def runs(self) -> dict[str, Run]:
        """Wait for the result.

        Raises:
            Died: there is none.
        """
        try:
            code = self._process.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            raise Died(
                f"the rehearsal was not over after {self._limit_s:.0f} s", self._words()[-_MOST_LINES:]
            ) from None
        if code != 0 or not self._result.exists():
            raise _death(code, self._words())
        return msgspec.msgpack.decode(self._result.read_bytes(), type=dict[str, Run])

    def end(self) -> None:
        """End it if it is still there."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _words(self) -> list[str]:
        return self._said.read_text(errors="replace").splitlines()


def _death(code: int, words: Sequence[str]) -> Died:
    at = next((at for at, line in enumerate(words) if line.startswith("Timeout (")), None)
    if at is not None:  # faulthandler names the innermost call first
        return Died("an evaluation did not return within ten seconds", words[at : at + _MOST_LINES])
    last = words[-_MOST_LINES:]
    if code < 0:
        return Died(f"the process was killed by signal {-code}: native code crashed", last)
    return Died(f"the strategy ended the whole process with exit code {code}", last)
