"""When an evaluation is interrupted, when its process is ended, and who is blamed for memory."""

import os
import signal

from strategies.warden.blackbox import NOBODY, BlackBox, Sighting
from strategies.warden.postmortem import Postmortem, excess
from strategies.warden.watchdog import Finding, Limits, Watch

MB = 2**20
LIMITS = Limits(budget_s=1.0, hang_s=5.0, memory_bytes=1_000 * MB)
AT_10 = Sighting(7, 10)
KILLED, CRASHED = int(signal.SIGKILL), int(signal.SIGSEGV)


def checked(watch: Watch, sighting: Sighting, now_s: float, memory_mb: int = 100) -> Finding:
    return watch.check(sighting, now_s=now_s, memory_bytes=memory_mb * MB)


def test_an_evaluation_within_its_budget_is_left_alone():
    watch = Watch(LIMITS)

    assert [checked(watch, AT_10, now_s) for now_s in (0.0, 0.5, 0.95)] == [Finding.FINE] * 3


def test_many_short_evaluations_are_not_one_long_one():
    watch = Watch(LIMITS)

    assert {checked(watch, Sighting(7, frame), frame * 0.9) for frame in range(20)} == {Finding.FINE}


def test_an_idle_worker_exceeds_no_budget():
    watch = Watch(LIMITS)

    assert {checked(watch, NOBODY, float(now_s)) for now_s in range(20)} == {Finding.FINE}


def test_an_evaluation_is_interrupted_again_and_again_until_it_counts_as_hung():
    watch = Watch(LIMITS)

    findings = [checked(watch, AT_10, now_s / 2) for now_s in range(12)]

    assert findings == [Finding.FINE] * 2 + [Finding.OVER_BUDGET] * 8 + [Finding.HUNG] * 2


def test_a_watch_that_slept_itself_interrupts_before_it_ends_anything():
    watch = Watch(LIMITS)
    checked(watch, AT_10, 0.0)

    assert checked(watch, AT_10, 60.0) is Finding.OVER_BUDGET


def test_memory_is_blamed_on_the_evaluation_at_hand_when_it_took_most():
    watch = Watch(LIMITS)
    checked(watch, AT_10, 0.0, 200)
    finding = checked(watch, AT_10, 0.1, 1_100)

    verdict = excess(finding, AT_10, LIMITS, watch.greediest((3, 150 * MB)))

    assert verdict.deployment_id == 7
    assert verdict.sentence == "took 900 MB of memory; its whole worker may hold 1000 MB"


def test_memory_is_blamed_on_who_took_it_bit_by_bit_and_not_on_who_is_at_hand():
    watch = Watch(LIMITS)
    finding = checked(watch, AT_10, 0.0, 1_100)

    assert finding is Finding.TOO_LARGE
    assert watch.greediest((3, 800 * MB)) == (3, 800 * MB)


def test_memory_that_nobody_stands_out_for_is_blamed_on_nobody():
    watch = Watch(LIMITS)
    finding = checked(watch, AT_10, 0.0, 1_100)

    assert excess(finding, AT_10, LIMITS, watch.greediest((3, 20 * MB))) is None


def test_a_crash_is_blamed_on_the_evaluation_it_happened_in():
    assert Postmortem().verdict(CRASHED, AT_10).sentence == (
        "crashed its worker (SIGSEGV, in native code) when it was evaluated at frame 10"
    )
    assert Postmortem().verdict(CRASHED, NOBODY) is None


def test_an_end_of_the_process_in_an_evaluation_is_blamed_on_it_whatever_the_code():
    code_3 = 3 << 8

    assert os.waitstatus_to_exitcode(code_3) == 3
    assert "exit code 3" in Postmortem().verdict(code_3, AT_10).sentence
    assert "exit code 0" in Postmortem().verdict(0, AT_10).sentence
    assert Postmortem().verdict(code_3, NOBODY) is None


def test_a_kill_is_blamed_on_nobody_until_it_was_three_times_the_same():
    postmortem = Postmortem()

    verdicts = [postmortem.verdict(KILLED, at) for at in (AT_10, Sighting(8, 4), AT_10, AT_10, NOBODY, AT_10)]

    assert verdicts[:5] == [None] * 5
    assert verdicts[5].sentence == "its worker was killed 3 times in a row, each time when it was evaluated"


def test_a_request_to_stop_is_blamed_on_nobody():
    postmortem = Postmortem()

    assert [postmortem.verdict(int(signal.SIGTERM), AT_10) for _ in range(4)] == [None] * 4


def test_an_interrupt_is_for_one_evaluation_and_no_later_one():
    box = BlackBox()
    box.begin(10)
    box.enter(7)
    box.request_interrupt(box.sighting)
    its_own = box.is_interrupt_requested

    box.enter(8)
    neighbour = box.is_interrupt_requested
    box.begin(11)
    box.enter(7)

    assert (its_own, neighbour, box.is_interrupt_requested) == (True, False, False)
