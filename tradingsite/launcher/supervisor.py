"""Keeping child processes alive, and ending them in order.

One thread, one loop: children are started by the main thread (the kernel ends them when that
thread ends), their lines are passed on as they come, their ends noticed at once.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from marketdata.telemetry.hanging import Patience, Silence, servers_answer, vitals_of
from tradingsite.launcher.console import Console
from tradingsite.launcher.embedded import OURSELVES, Account, die_with_parent
from tradingsite.launcher.inheritance import inherited
from tradingsite.launcher.pulses import Pulse

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
HEALTHY_AFTER_S = 30.0
LONGEST_LINE = 64_000  # bytes; more without a line end is cut
KEPT_LINES = 40
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, and how to end it."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)  # added to what it inherits
    cwd: Path | None = None
    account: Account = OURSELVES
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends when the launcher itself was killed: nothing may outlive it.
    orphan_signal: signal.Signals = signal.SIGKILL
    grace_s: float = 10.0
    least_level: str = "INFO"  # lines below go to the log alone
    may_finish: bool = False  # an exit with 0 is its end, not its death
    pulse: Pulse | None = None  # None: it is watched for its death alone, not for hanging
    patience: Patience | None = None  # None: it is never ended for being silent


class Child:
    """A program, and its process when it has one."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.started_s = 0.0
        self.delay_s = FIRST_DELAY_S
        self.restart_at_s: float | None = None
        self.exit_code: int | None = None  # of the last process; negative: the signal
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.unfinished = b""
        self.silence: Silence | None = None
        self.fault = ""  # what it was ended for

    @property
    def is_running(self) -> bool:
        """Whether it has a process that was not yet seen to end."""
        return self.process is not None


def describe_exit(code: int) -> str:
    """Return "exit code 3" or "signal SIGKILL"."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


class Supervisor:
    """Starts programs, passes their lines to the console, and restarts those that die."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.children: list[Child] = []
        self.stop_requested: signal.Signals | None = None
        self._console = console
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._stop_requested_twice = False
        self._looked_s = 0.0
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._wake, selectors.EVENT_READ, None)

    def listen_for_signals(self) -> None:
        """Take SIGINT, SIGTERM and SIGHUP as requests to stop; a second one cuts the grace short."""
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_stop_signal)
        # start.py has blocked them until somebody listens.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop

    def _on_stop_signal(self, number: int, _frame: object) -> None:
        self._stop_requested_twice = self.stop_requested is not None
        self.stop_requested = signal.Signals(number)

    def start(self, program: Program) -> Child:
        """Start ``program`` and keep it alive from now on.

        Raises:
            OSError: there is no such program, or it may not be run.
        """
        child = Child(program)
        self._spawn(child)
        self.children.append(child)
        return child

    def run_once(self, program: Program, *, timeout_s: float) -> Child:
        """Run ``program`` to its end, a failure included; the children are looked after meanwhile.

        Raises:
            TimeoutError: it was still running after ``timeout_s`` and was killed.
        """
        child = Child(program)
        self._spawn(child)
        try:
            done = self.run_until(lambda: self._has_ended(child), timeout_s=timeout_s)
            if not done and self.stop_requested is None:
                raise TimeoutError(f"{program.name} did not end within {timeout_s:.0f} s")
            return child
        finally:
            self._end([child])

    def run_until(self, condition: Callable[[], bool], *, timeout_s: float | None = None) -> bool:
        """Look after the children until ``condition``, a request to stop, or ``timeout_s``.

        Returns whether the condition came true.
        """
        end_s = None if timeout_s is None else self._clock() + timeout_s
        while not condition():
            left_s = 0.25 if end_s is None else min(0.25, end_s - self._clock())
            if self.stop_requested is not None or left_s <= 0:
                return False
            self._pump(left_s)
            self._restart_dead()
            self._end_hung()
        return True

    def stop(self, names: Sequence[str] | None = None) -> None:
        """End the named children, or all, the last started first and each before the next.

        Children of one kind (the part of the name before ``-``) end together.
        """
        leaving = [child for child in self.children if names is None or child.program.name in names]
        while leaving:
            kind = _kind(leaving[-1])
            self._end([child for child in leaving if _kind(child) == kind])
            leaving = [child for child in leaving if _kind(child) != kind]

    def close(self) -> None:
        """Give back the pipes; no child may be running any more."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        os.close(self._wake)
        os.close(self._waker)

    def _spawn(self, child: Child) -> None:
        program = child.program
        child.silence = self._watched(program)
        child.process = subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**inherited(program.name, os.environ), **program.environ},
            cwd=program.cwd,
            user=program.account.uid,
            group=program.account.gid,
            # A group of its own: Ctrl-C reaches the launcher alone, which then ends them in order.
            process_group=0,
            preexec_fn=die_with_parent(program.orphan_signal),  # noqa: PLW1509 - the main thread starts them
        )
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)
        child.started_s = self._clock()
        child.restart_at_s = None
        child.fault = ""

    def _watched(self, program: Program) -> Silence | None:
        """Begin to watch for signs of life; without a file for them only its death is noticed."""
        if program.pulse is None or program.patience is None:
            return None
        try:
            program.pulse.begin()
        except OSError as error:
            self._console.say(f"{program.name} is not watched for hanging: {error}", level="WARNING")
            return None
        return Silence(program.patience)

    def _pump(self, timeout_s: float) -> None:
        """Wait for news for at most ``timeout_s`` and take it in."""
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
            else:
                self._read(key.data)

    def _read(self, child: Child) -> bool:
        """Take in what the child has written; return whether there may be more."""
        assert child.process is not None
        assert child.process.stdout is not None
        try:
            chunk = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return False
        if not chunk:
            self._close_output(child)
            return False
        *lines, child.unfinished = (child.unfinished + chunk).split(b"\n")
        if len(child.unfinished) > LONGEST_LINE:
            lines, child.unfinished = [*lines, child.unfinished], b""
        for line in lines:
            self._pass_on(child, line)
        return True

    def _close_output(self, child: Child) -> None:
        assert child.process is not None
        output = child.process.stdout
        if output is not None and not output.closed:
            self._selector.unregister(output)
            output.close()
        if child.unfinished:
            self._pass_on(child, child.unfinished)
            child.unfinished = b""

    def _pass_on(self, child: Child, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        child.last_lines.append(text)
        self._console.line(child.program.name, text, least=child.program.least_level)

    def _has_ended(self, child: Child) -> bool:
        """Take note of an ended process; return whether the child is without one."""
        process = child.process
        if process is None:
            return True
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        # Not reaped yet, so that its group's number is still its own: end what it left behind.
        self._kill_group(process)
        while process.stdout is not None and not process.stdout.closed and self._read(child):
            pass
        self._close_output(child)
        child.exit_code = process.wait()
        child.process = None
        return True

    def _restart_dead(self) -> None:
        now_s = self._clock()
        for child in self.children:
            if child.is_running and self._has_ended(child):
                assert child.exit_code is not None
                if child.exit_code == 0 and child.program.may_finish:
                    self._console.say(f"{child.program.name} has finished")
                    continue
                if now_s - child.started_s >= HEALTHY_AFTER_S:
                    child.delay_s = FIRST_DELAY_S
                died = f"died after {now_s - child.started_s:.1f} s ({describe_exit(child.exit_code)})"
                self._plan_restart(child, f"{child.fault} and was killed" if child.fault else died)
            if child.restart_at_s is not None and now_s >= child.restart_at_s:
                try:
                    self._spawn(child)
                    self._console.say(f"{child.program.name} restarted")
                except OSError as error:
                    self._plan_restart(child, f"could not be started ({error})")

    def _end_hung(self) -> None:
        """Kill the children that hang; their ends are noticed like any other's."""
        now_s = self._clock()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        for child in self.children:
            process, silence, pulse = child.process, child.silence, child.program.pulse
            if process is None or silence is None or pulse is None or child.fault:
                continue
            vitals = vitals_of(process.pid)
            fault = silence.look(pulse.last(), vitals, now_s=now_s)
            if not fault:
                continue
            if not silence.is_stopped and not servers_answer({**os.environ, **child.program.environ}):
                silence.forgive(vitals)  # it waits, as it should
                continue
            child.fault = fault
            self._kill_group(process)

    def _plan_restart(self, child: Child, what: str) -> None:
        self._console.say(f"{child.program.name} {what}; restarting in {child.delay_s:g} s", level="ERROR")
        child.restart_at_s = self._clock() + child.delay_s
        child.delay_s = min(child.delay_s * 2, LONGEST_DELAY_S)

    def _end(self, children: list[Child]) -> None:
        """Signal the children to end, kill those that have not within their grace, and forget them."""
        self.children = [child for child in self.children if child not in children]
        for child in children:
            child.restart_at_s = None
            if child.process is not None and not self._has_ended(child):
                child.process.send_signal(child.program.stop_signal)
        requested_s = self._clock()
        for child in children:
            while child.process is not None and not self._has_ended(child):
                if self._stop_requested_twice or self._clock() - requested_s >= child.program.grace_s:
                    self._console.say(f"{child.program.name} did not end on its signal; killing it", level="WARNING")
                    self._kill_group(child.process)
                    os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)
                else:
                    self._pump(0.1)

    @staticmethod
    def _kill_group(process: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _kind(child: Child) -> str:
    return child.program.name.split("-", maxsplit=1)[0]
