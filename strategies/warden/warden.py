"""The warden: a small process that forks the worker, watches it from outside, and starts the next one when it dies.

From outside, because native code may hold the interpreter's lock: no thread of the worker would run
beside it. What the worker was doing it reads from the black box.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable

from strategies.warden.blackbox import NOBODY, BlackBox, Sighting
from strategies.warden.postmortem import Coroner, Verdict, excess
from strategies.warden.procfs import MemoryGauge, end_with, limit_growth, waited_s
from strategies.warden.watchdog import Finding, Limits, Watch

INTERRUPT = signal.SIGUSR1  # the worker's handler raises `Interrupted` into the strategy
TELL = signal.SIGUSR2  # has the worker write down where it is, whatever it is doing
LOOK_S = 0.05
HEADROOM_BYTES = 512 * 2**20  # above the limit that is watched; beyond it an allocation fails
DEATHS_IN_A_ROW = 5  # that nobody is to blame for; then the warden gives up, too
HEALTHY_AFTER_S = 60.0
FIRST_DELAY_S = 0.5
_TELL_WITHIN_S = 0.2
_STOPS = (signal.SIGTERM, signal.SIGINT)
_LAST_WORDS_BYTES = 20_000

_log = logging.getLogger("warden")


class Warden:
    """Keeps one worker process alive.

    ``work`` is the worker's whole life; it runs in the child. ``quarantine`` is told, in the warden,
    whom to take out of the workers' hands and why: deployment id, sentence, details.
    """

    def __init__(
        self, limits: Limits, work: Callable[[BlackBox], None], quarantine: Callable[[int, str, str], None]
    ) -> None:
        self._limits = limits
        self._work = work
        self._quarantine = quarantine
        self._box = BlackBox()
        self._coroner = Coroner()
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the warden lives
        self._is_stopping = False
        self._started_s = 0.0

    def run(self) -> int:
        """Keep a worker at work until told to stop; return the exit code."""
        for number in _STOPS:
            signal.signal(number, self._stop)
        gc.freeze()  # what is there now is shared with every worker, as long as nobody touches it
        blameless = 0
        while True:
            verdict, code = self._one_life()
            if self._is_stopping or self._box.has_left:
                return max(code, 0)
            has_thrived = time.monotonic() - self._started_s >= HEALTHY_AFTER_S
            blameless = 0 if verdict else 1 if has_thrived else blameless + 1
            if blameless >= DEATHS_IN_A_ROW:
                _log.error("the worker died %s times in a row, and no deployment is to blame: giving up", blameless)
                return 1
            self._rest(0.0 if verdict else FIRST_DELAY_S * 2 ** (blameless - 1))

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def _rest(self, delay_s: float) -> None:
        until_s = time.monotonic() + delay_s
        while time.monotonic() < until_s and not self._is_stopping:
            time.sleep(LOOK_S)

    def _one_life(self) -> tuple[Verdict | None, int]:
        """Start a worker, watch it to its end, and quarantine who brought that about; return that and the exit code."""
        self._box.wipe()
        os.ftruncate(self._last_words.fileno(), 0)
        self._last_words.seek(0)
        self._started_s = time.monotonic()
        process_id = self._fork()
        verdict, status = self._attend(process_id)
        code = os.waitstatus_to_exitcode(status)
        if verdict is None and not self._box.has_left:
            sighting = self._box.sighting
            verdict = self._coroner.verdict(status, sighting)
            if verdict is not None:
                self._convict(process_id, verdict, sighting)
            elif code:
                _log.error("worker %s died: %s", process_id, _how(code))
        return verdict, code

    def _fork(self) -> int:
        # A signal between the fork and the child's own handlers would find the warden's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        warden = os.getpid()
        process_id = os.fork()
        if process_id == 0:
            self._live(warden)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        return process_id

    def _live(self, warden: int) -> None:
        """Be the worker. Does not return: what a strategy left behind, a thread maybe, may not hold up the end."""
        code = 1
        try:
            end_with(warden)
            for number in _STOPS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            faulthandler.enable(self._last_words)
            faulthandler.register(TELL, self._last_words, all_threads=False)
            limit_growth(self._limits.memory_bytes + HEADROOM_BYTES)
            self._work(self._box)
            self._box.say_goodbye()
            code = 0
        except SystemExit as error:
            _log.error("%s", error)
        except BaseException:
            _log.exception("the worker fell over")
        finally:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _attend(self, process_id: int) -> tuple[Verdict | None, int]:
        """Watch the worker to its end, or bring that about; return who made that needful, and the wait status."""
        watch, gauge, has_asked = Watch(self._limits), MemoryGauge(process_id), False
        try:
            while True:
                ended, status = os.waitpid(process_id, os.WNOHANG)
                if ended:
                    return None, status
                if self._is_stopping and not has_asked:
                    os.kill(process_id, signal.SIGTERM)
                    has_asked = True
                sighting = self._box.sighting
                now_s = time.monotonic() - waited_s(process_id)
                finding = watch.look(sighting, now_s=now_s, memory_bytes=gauge.read())
                if self._box.is_full:
                    finding = Finding.TOO_LARGE
                if finding is Finding.OVER_BUDGET:
                    self._box.accuse(sighting)
                    os.kill(process_id, INTERRUPT)
                elif finding is not Finding.FINE:
                    greediest = watch.greediest(self._box.greedy)
                    return self._put_down(process_id, sighting, excess(finding, sighting, self._limits, greediest))
                time.sleep(LOOK_S)
        finally:
            gauge.close()

    def _put_down(self, process_id: int, sighting: Sighting, verdict: Verdict | None) -> tuple[Verdict | None, int]:
        os.kill(process_id, TELL)
        time.sleep(_TELL_WITHIN_S)
        try:
            # Before its leases are free: no other worker may take the culprit on.
            if verdict is not None:
                self._convict(process_id, verdict, sighting)
            else:
                _log.error("worker %s holds too much memory, and no deployment stands out: ending it", process_id)
        finally:
            os.kill(process_id, signal.SIGKILL)
            _, status = os.waitpid(process_id, 0)
        self._box.leave()  # the kill was ours
        return verdict, status

    def _convict(self, process_id: int, verdict: Verdict, sighting: Sighting) -> None:
        age_s = time.monotonic() - self._started_s
        last = f"deployment {sighting.deployment_id} at frame {sighting.sequence}" if sighting != NOBODY else "nobody"
        known = [f"worker process {process_id}, {age_s:.1f} s old; evaluated last: {last}"]
        words = os.pread(self._last_words.fileno(), _LAST_WORDS_BYTES, 0).decode(errors="replace")
        whom = {"deployment_id": verdict.deployment_id, "frame": sighting.sequence, "worker": process_id}
        _log.error("deployment %s is quarantined: %s", verdict.deployment_id, verdict.sentence, extra=whom)
        self._quarantine(verdict.deployment_id, verdict.sentence, "\n\n".join([*known, words]).strip())
        self._box.note_quarantine()


def _how(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {signal.Signals(-code).name}"
