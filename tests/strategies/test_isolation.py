"""What one strategy keeps, says or gives the exchange harms no other deployment of its worker."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from marketdata import bus
from portfolios.models import Standing
from strategies.deployments.services import enable_deployment, quarantine_deployment
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.warden.blackbox import BlackBox
from strategies.worker.evaluations import Evaluations
from strategies.worker.hosting import Unloadable
from strategies.worker.runner import Runner
from tests.neighbours import League
from tests.season import MARKET
from trading.frames import Frame
from trading.signals import NoSignal

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kept", "error"),
    [
        (object, "UnsavableState: state['kept'] is a object; expected plain values"),
        (lambda: b"x" * 5 * 2**20, "UnsavableState: the state takes 5.0 MB packed; at most 4 MB are kept"),
    ],
)
def test_a_state_that_cannot_be_kept_is_the_strategys_error_and_pauses_it(
    league: League, stream: list[Frame], kept: Callable[[], object], error: str
) -> None:
    def hoard(data: Any, config: Any, state: dict[str, Any]) -> NoSignal:
        state["kept"] = kept()
        return NoSignal("hoarding")

    league.give(hoard)
    league.work(stream)

    assert league.culprit.status == DeploymentStatus.PAUSED
    assert len(league.errors) == 5
    assert all(each.startswith(error) for each in league.errors)
    league.assert_the_neighbour_is_whole()


def test_an_account_is_saved_beside_the_state_that_could_be_kept_last(league: League, stream: list[Frame]) -> None:
    def grow(data: Any, config: Any, state: dict[str, Any]) -> NoSignal:
        state["seen"] = state.get("seen", 0) + 1
        if state["seen"] > 30:
            state["kept"] = object()
        return NoSignal("growing")

    league.give(grow)
    league.work(stream)
    enable_deployment(deployment=league.culprit, by="test")
    league.runner.reload(league.culprit)

    engine = league.runner.hosted[league.culprit.pk].engine
    assert engine.sequence == stream[-1].sequence
    assert 0 < engine._memory["seen"] <= 30
    assert "kept" not in engine._memory
    assert not engine.is_halted


@pytest.mark.parametrize(("words", "counted"), [("no\x00thing", "no\\x00thing"), ("half \ud83d", "half \\ud83d")])
def test_words_that_the_database_refuses_are_counted_as_it_can_hold_them(
    league: League, stream: list[Frame], words: str, counted: str
) -> None:
    league.give(lambda data, config, state: NoSignal(words))
    league.work(stream)

    assert league.culprit.status == DeploymentStatus.ENABLED
    assert Standing.objects.get(account=league.culprit.account).why[counted] > 100
    league.assert_the_neighbour_is_whole()


def test_what_makes_the_engine_itself_fail_quarantines_its_deployment(league: League, stream: list[Frame]) -> None:
    hosted = league.give(lambda data, config, state: None)
    hosted.engine.state.figures = None  # as if a strategy had found a way to it
    league.work(stream)

    assert league.culprit.status == DeploymentStatus.QUARANTINED
    assert league.culprit.status_reason.startswith("could not be evaluated: AttributeError: ")
    assert "Traceback" in DeploymentEvent.objects.get(kind="quarantined").detail
    league.assert_the_neighbour_is_whole()


def test_a_deployment_whose_strategy_is_gone_cannot_be_taken_on_and_says_why(league: League) -> None:
    Deployment.objects.filter(pk=league.culprit.pk).update(strategy="vanished")
    league.culprit.refresh_from_db()

    with pytest.raises(Unloadable, match="UnknownVersion"):
        Runner(MARKET).host(league.culprit, partial(bus.read, MARKET))
    with pytest.raises(Unloadable, match="UnknownVersion"):
        league.runner.reload(league.culprit)


def test_a_quarantine_keeps_its_first_reason_and_is_lifted_by_a_person(league: League) -> None:
    quarantine_deployment(deployment_id=league.culprit.pk, reason="hung", detail="where")
    quarantine_deployment(deployment_id=league.culprit.pk, reason="crashed")
    league.culprit.refresh_from_db()
    first = (league.culprit.status, league.culprit.status_reason)
    enable_deployment(deployment=league.culprit, by="ann")

    assert first == ("quarantined", "hung")
    assert (league.culprit.status, league.culprit.status_reason) == ("enabled", "")
    kinds = DeploymentEvent.objects.filter(deployment=league.culprit, kind__in=("quarantined", "resumed"))
    assert [(event.kind, event.detail) for event in kinds.order_by("id")] == [("quarantined", "where"), ("resumed", "")]


@pytest.fixture
def interrupting(stream: list[Frame]) -> Iterator[tuple[League, BlackBox]]:
    box = BlackBox()
    evaluations = Evaluations(box, budget_s=0.4)
    before = signal.signal(signal.SIGUSR1, evaluations.interrupt)
    yield League(evaluations), box
    signal.signal(signal.SIGUSR1, before)


def test_an_interruption_is_the_error_of_the_evaluation_it_was_meant_for(
    interrupting: tuple[League, BlackBox], stream: list[Frame]
) -> None:
    league, box = interrupting

    def slow(data: Any, config: Any, state: dict[str, Any]) -> NoSignal:
        state["evaluations"] = state.get("evaluations", 0) + 1
        if state["evaluations"] == 3:
            box.request_interrupt(box.sighting)
            signal.raise_signal(signal.SIGUSR1)
        return NoSignal("in time")

    hosted = league.give(slow)
    league.work(stream)

    (error,) = league.errors
    assert error.startswith("Interrupted: took longer than 400 ms (slow, line ")
    assert (hosted.meter.interruptions, hosted.meter.errors) == (1, 1)
    assert hosted.engine.why["in time"] > 20
    league.assert_the_neighbour_is_whole()


def test_an_interruption_that_comes_too_late_interrupts_nobody(
    interrupting: tuple[League, BlackBox], stream: list[Frame]
) -> None:
    league, box = interrupting

    def punctual(data: Any, config: Any, state: dict[str, Any]) -> NoSignal:
        signal.raise_signal(signal.SIGUSR1)  # meant for the evaluation before
        box.request_interrupt(box.sighting)
        return NoSignal("in time")

    hosted = league.give(punctual)
    league.work(stream)

    assert league.errors == []
    assert hosted.meter.interruptions == 0
    assert hosted.meter.evaluations >= len(stream) // 8
