"""Whatever a strategy answers, keeps and shows, on a real runner and real rows: no deployment is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from portfolios.models import Checkpoint, Order, Standing
from tests.anything import answers, is_the_same, numbers, signals, states
from tests.drawing import Scene, instrument
from tests.making import make_strategy
from tests.working import Work, around
from trading.engine.state import decode_state
from trading.engine.strategy_state import UnsavableState, pack_state, unpack_state
from trading.orders import OrderStatus
from trading.signals import Amend, Signal

pytestmark = pytest.mark.django_db

few = settings(
    max_examples=60,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
PAIRS = (
    instrument("BTC/USD", price_decimals=1, qty_decimals=8),
    instrument("XRP/USD", price_decimals=5, qty_decimals=8),
)


class Stage:
    """A deployment at work whose strategy does what each example says."""

    def __init__(self) -> None:
        self.work = Work(Scene(*PAIRS), latency_ms=0)
        self.work.show({"BTC/USD": around(600), "XRP/USD": around(110_000)})
        self.work.show()
        engine = self.work.hosted.engine
        engine.is_paused = False
        engine.strategy = make_strategy(self._generate_signal, symbols=("BTC/USD", "XRP/USD"))
        self._answer: Any = None
        self._kept: dict[str, Any] = {}

    def _generate_signal(self, data: Any, config: Any, state: dict[str, Any]) -> Any:
        answer, self._answer = self._answer, None
        state.update(self._kept)
        if isinstance(answer, Exception):
            raise answer
        live = [order.order_id for order in data.portfolio.open_orders()]
        of = answer if isinstance(answer, list) else [answer]
        meant = [
            Amend(live[0], o.qty, o.limit_price, o.trigger_price) if isinstance(o, Amend) and live else o for o in of
        ]
        return [one for one in meant if not isinstance(one, Exception)] if isinstance(answer, list) else meant[0]

    def show(self, answer: Any = None, **kept: Any) -> None:
        """Evaluate, match and commit."""
        engine = self.work.hosted.engine
        engine.lift_halt()
        self.work.hosted.unsavable = 0
        self._answer, self._kept = answer, kept
        for _ in range(3):
            self.work.runner.process(self.work.scene.frame())
        self.work.runner.flush(is_last=True)
        assert self.work.runner.dropped == set()
        stored = Checkpoint.objects.get(account=self.work.account)
        assert stored.sequence == self.work.runner.sequence
        decode_state(bytes(stored.payload))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_whatever_it_answers_is_an_order_or_a_refusal_that_can_be_written(stage: Stage) -> None:
    @few
    @given(answers)
    def show(answer: Any) -> None:
        stage.show(answer)

    show()

    assert Standing.objects.get(account=stage.work.account).why
    assert Order.objects.filter(account=stage.work.account, status=OrderStatus.REFUSED).exists()


def test_whatever_its_signals_hold_the_next_one_is_carried_out(stage: Stage) -> None:
    @few
    @given(signals)
    def show(signal: Any) -> None:
        stage.show([signal])

    show()
    stage.show([Signal.buy("BTC/USD", 5)])

    assert stage.work.account.fills.exists()


def test_whatever_it_shows_as_indicators_is_written_or_left_out(stage: Stage) -> None:
    @few
    @given(states, numbers)
    def show(kept: Any, one: Any) -> None:
        stage.show(indicators={"BTC/USD": kept, "one": one})
        stage.show(indicators=kept)

    show()


def test_what_it_keeps_comes_back_in_every_type_or_is_refused_at_once() -> None:
    @settings(few, max_examples=400)
    @given(states)
    def keep(kept: Any) -> None:
        state = {"kept": kept}
        try:
            packed = pack_state(state)
        except UnsavableState as error:
            assert str(error).startswith("state['kept']") or "MB packed" in str(error)
            return
        again = unpack_state(packed)
        assert is_the_same(again, state)
        assert pack_state(again) == packed

    keep()


def test_whatever_it_keeps_the_account_is_saved(stage: Stage) -> None:
    @few
    @given(states)
    def show(kept: Any) -> None:
        stage.show(kept=kept)

    show()
