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

from marketdata.telemetry import pulse
from marketdata.telemetry.hanging import Patience, Silence, Vitals, servers_answer, vitals_of
from marketdata.telemetry.pulse import Beat
from strategies.warden.blackbox import NOBODY, BlackBox, Sighting
from strategies.warden.life import WorkerLife, WorkerState
from strategies.warden.postmortem import Postmortem, Verdict, excess
from strategies.warden.procfs import MemoryGauge, end_with, limit_growth, waited_s
from strategies.warden.search import NobodyToBlame, Search
from strategies.warden.watchdog import Finding, Limits, Watch

INTERRUPT = signal.SIGUSR1  # the worker's handler raises `Interrupted` into the strategy
DUMP = signal.SIGUSR2  # has the worker write its traceback, whatever it is doing
POLL_S = 0.05
HEADROOM_BYTES = 512 * 2**20  # above the limit that is watched; beyond it an allocation fails
DEATHS_IN_A_ROW = 5  # that nobody is to blame for; then the warden gives up, too
DEATHS_TO_SEARCH = 3  # after so many it looks for who might be to blame
OUTSIDE = 75  # exit code of a worker that ended for want of something outside of it: its database, say
HEALTHY_AFTER_S = 60.0
FIRST_DELAY_S = 0.5
_DUMP_WITHIN_S = 0.2
_STOPS = (signal.SIGTERM, signal.SIGINT)
_LAST_WORDS_BYTES = 20_000

_log = logging.getLogger("warden")


class Warden:
    """Keeps one worker process alive.

    ``work`` is the worker's whole life; it runs in the child. ``quarantine`` runs in the warden, with the
    deployment to take out of the workers' hands and why: deployment id, sentence, details.
    """

    def __init__(
        self,
        limits: Limits,
        work: Callable[[BlackBox], None],
        quarantine: Callable[[int, str, str], None],
        patience: Patience | None = None,
    ) -> None:
        """``patience``: with a worker that shows no sign of life; None: a silent one is never ended."""
        self._limits = limits
        self._patience = patience
        self._work = work
        self._quarantine = quarantine
        self._box = BlackBox()
        self._postmortem = Postmortem()
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the warden lives
        self._is_stopping = self._was_silent = False
        self._started_s = 0.0
        self._search: Search | None = None  # while it is not known who ends the workers
        self._trial_began_s = 0.0

    def run(self) -> int:
        """Keep a worker running until SIGTERM; return the exit code."""
        for number in _STOPS:
            signal.signal(number, self._stop)
        gc.freeze()  # what is there now is shared with every worker, as long as nobody touches it
        blameless = 0
        while True:
            verdict, code = self._worker_ended()
            if self._is_stopping or self._box.has_left:
                return max(code, 0)
            has_thrived = time.monotonic() - self._started_s >= HEALTHY_AFTER_S
            blameless = 0 if verdict or self._search else 1 if has_thrived else blameless + 1
            if blameless >= DEATHS_TO_SEARCH and code != OUTSIDE and self._box.hosted:
                self._begin_search(time.monotonic() - self._started_s)
                blameless = 0
            if blameless >= DEATHS_IN_A_ROW:
                _log.error("the worker died %s times in a row, and no deployment is to blame: giving up", blameless)
                return 1
            # What is missing outside of the worker is waited for; a search goes on at once.
            self._rest(FIRST_DELAY_S * 2 ** max(blameless - 1, 0) if blameless or code == OUTSIDE else 0.0)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def _rest(self, delay_s: float) -> None:
        until_s = time.monotonic() + delay_s
        while time.monotonic() < until_s and not self._is_stopping:
            pulse.beat()
            time.sleep(POLL_S)

    def _worker_ended(self) -> tuple[Verdict | None, int]:
        """Start a worker, watch it to its end, and quarantine who caused that; return the verdict and the exit code."""
        self._box.wipe()
        os.ftruncate(self._last_words.fileno(), 0)
        self._last_words.seek(0)
        self._started_s = time.monotonic()
        self._trial_began_s = self._started_s
        process_id = self._fork()
        life = WorkerLife()
        life.begin()
        self._was_silent = False
        verdict, status = self._attend(process_id, life)
        life.end(is_whole=self._box.has_left)
        code = os.waitstatus_to_exitcode(status)
        if verdict is None and life.state is WorkerState.LOST:
            sighting = self._box.sighting
            verdict = self._postmortem.verdict(status, sighting)
            if verdict is not None:
                self._quarantine_culprit(process_id, verdict, sighting)
            elif code and not self._was_silent:
                _log.error("worker %s died: %s", process_id, _how(code))
                verdict = self._searched(process_id, code)
        return verdict, code

    # Who ends the workers, when nothing says so

    def _begin_search(self, lived_s: float) -> None:
        self._search = Search(self._box.hosted, lived_s)
        self._begin_trial()

    def _begin_trial(self) -> None:
        search = self._search
        if search is not None and search.is_over:
            _log.warning("the worker lives with every deployment again")
            search = self._search = None
        self._trial_began_s = time.monotonic()
        held_back = frozenset() if search is None else search.held_back
        self._box.hold_back(held_back)
        if search is not None:
            words = "looks for the deployment that ends the worker: %s held back, %s on trial for %.0f s"
            _log.warning(words, len(held_back), len(search.on_trial), search.trial_s)

    def _watch_trial(self) -> None:
        """Clear who is on trial once the worker has lived with them for long enough."""
        search = self._search
        if search is not None and time.monotonic() - self._trial_began_s >= search.trial_s:
            search.note_survival()
            self._begin_trial()

    def _searched(self, process_id: int, code: int) -> Verdict | None:
        """Take a death into the search; return who is to blame, and quarantine it, once that is known."""
        if self._search is None or code == OUTSIDE:
            return None
        lived_s, hosted = time.monotonic() - self._started_s, self._box.hosted
        try:
            culprit = self._search.note_death(hosted)
        except NobodyToBlame:
            # Without any suspect it died all the same: it is not a deployment's doing, or that of one cleared too soon.
            self._search = Search(hosted, 2 * lived_s) if hosted else None
            culprit = None
        verdict = None
        if culprit is not None:
            verdict = Verdict(culprit, f"ended its worker ({_how(code)}) each time, and workers live without it")
            self._quarantine_culprit(process_id, verdict, NOBODY)
        self._begin_trial()
        return verdict

    def _fork(self) -> int:
        # A signal between the fork and the child's own handlers would find the warden's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        warden = os.getpid()
        process_id = os.fork()
        if process_id == 0:
            self._work_and_exit(warden)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        return process_id

    def _work_and_exit(self, warden: int) -> None:
        """Run the worker. Does not return: what a strategy left behind, a thread maybe, may not hold up the exit."""
        code = 1
        try:
            end_with(warden)
            for number in _STOPS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            faulthandler.enable(self._last_words)
            faulthandler.register(DUMP, self._last_words, all_threads=False)
            limit_growth(self._limits.memory_bytes + HEADROOM_BYTES)
            self._work(self._box)
            self._box.note_left()
            code = 0
        except SystemExit as error:
            code = OUTSIDE
            _log.error("%s", error)
        except BaseException:
            _log.exception("the worker failed")
        finally:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _attend(self, process_id: int, life: WorkerLife) -> tuple[Verdict | None, int]:
        """Watch the worker to its end, or end it; return the reason it was ended, and the wait status."""
        watch, gauge = Watch(self._limits), MemoryGauge(process_id)
        standstill = Standstill(process_id, self._box, self._patience)
        try:
            while True:
                pulse.beat()
                ended, status = os.waitpid(process_id, os.WNOHANG)
                if ended:
                    return None, status
                if self._is_stopping and not life.is_stopping:
                    os.kill(process_id, signal.SIGTERM)
                    life.stop()
                self._watch_trial()
                sighting = self._box.sighting
                if fault := standstill.found():
                    return self._end_silent(process_id, fault)
                now_s = time.monotonic() - waited_s(process_id) - standstill.lasted_s
                finding = watch.check(sighting, now_s=now_s, memory_bytes=gauge.read())
                if self._box.is_full:
                    finding = Finding.TOO_LARGE
                if finding is Finding.OVER_BUDGET:
                    self._box.request_interrupt(sighting)
                    os.kill(process_id, INTERRUPT)
                elif finding is not Finding.FINE:
                    greediest = watch.greediest(self._box.greedy)
                    return self._end(process_id, sighting, excess(finding, sighting, self._limits, greediest))
                time.sleep(POLL_S)
        finally:
            gauge.close()

    def _end_silent(self, process_id: int, fault: str) -> tuple[Verdict | None, int]:
        """End a worker that hangs; what it does then is nobody's evaluation, or one that was stopped with it."""
        os.kill(process_id, DUMP)
        time.sleep(_DUMP_WITHIN_S)
        os.kill(process_id, signal.SIGKILL)
        _, status = os.waitpid(process_id, 0)
        self._box.leave()  # the kill was ours
        self._was_silent = True
        words = os.pread(self._last_words.fileno(), _LAST_WORDS_BYTES, 0).decode(errors="replace").strip()
        _log.error("worker %s %s: it is ended, and another one begins\n%s", process_id, fault, words)
        return None, status

    def _end(self, process_id: int, sighting: Sighting, verdict: Verdict | None) -> tuple[Verdict | None, int]:
        os.kill(process_id, DUMP)
        time.sleep(_DUMP_WITHIN_S)
        try:
            # Before its leases are free: no other worker may host the culprit.
            if verdict is not None:
                self._quarantine_culprit(process_id, verdict, sighting)
            else:
                _log.error("worker %s holds too much memory, and no deployment stands out: ending it", process_id)
        finally:
            os.kill(process_id, signal.SIGKILL)
            _, status = os.waitpid(process_id, 0)
        self._box.leave()  # the kill was ours
        return verdict, status

    def _quarantine_culprit(self, process_id: int, verdict: Verdict, sighting: Sighting) -> None:
        age_s = time.monotonic() - self._started_s
        last = f"deployment {sighting.deployment_id} at frame {sighting.sequence}" if sighting != NOBODY else "nobody"
        known = [f"worker process {process_id}, {age_s:.1f} s old; evaluated last: {last}"]
        words = os.pread(self._last_words.fileno(), _LAST_WORDS_BYTES, 0).decode(errors="replace")
        about = {"deployment_id": verdict.deployment_id, "frame": sighting.sequence, "worker": process_id}
        _log.error("deployment %s is quarantined: %s", verdict.deployment_id, verdict.sentence, extra=about)
        self._quarantine(verdict.deployment_id, verdict.sentence, "\n\n".join([*known, words]).strip())
        self._box.note_quarantine()


class Standstill:
    """Whether a worker hangs outside of any evaluation, and for how long a signal had it stopped."""

    def __init__(self, process_id: int, box: BlackBox, patience: Patience | None) -> None:
        self.lasted_s = 0.0  # for which it was stopped: no evaluation is to blame for that
        self._process_id = process_id
        self._box = box
        self._silence = None if patience is None else Silence(patience)
        self._looked_s = time.monotonic()

    def found(self) -> str:
        """Return what is wrong with the worker, or ""."""
        now_s = time.monotonic()
        step_s, self._looked_s = now_s - self._looked_s, now_s
        vitals = vitals_of(self._process_id)
        if vitals.is_stopped:
            self.lasted_s += step_s
        return "" if self._silence is None else self._fault(self._silence, vitals, now_s)

    def _fault(self, silence: Silence, vitals: Vitals, now_s: float) -> str:
        beats = self._box.beats
        fault = silence.look(Beat(beats, 0.0) if beats else None, vitals, now_s=now_s)
        if fault and not silence.is_stopped and not servers_answer():
            silence.forgive(vitals)  # it waits, as it should
            return ""
        return fault


def _how(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {signal.Signals(-code).name}"
