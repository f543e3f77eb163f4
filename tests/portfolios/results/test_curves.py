"""A curve drawn from its points says what the running figures said of the same marks."""

from __future__ import annotations

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from portfolios.models import EquityPoint
from portfolios.results.curves import Paid, drawn
from tests.desk import lending
from tests.drawing import START_NS
from tests.laws import law
from tests.markets import MIDS, snapshot_of
from trading.accounting.account import Account
from trading.accounting.state import AccountState, Worth
from trading.candles import MINUTE_NS
from trading.fees import PUBLISHED
from trading.frames import utc
from trading.performance.figures import Figures
from trading.performance.returns import return_pct

# Percent that equity has moved since the last mark, and dollars paid in (+) or out (-) meanwhile.
histories = st.lists(st.tuples(st.integers(-70, 90), st.integers(-200, 900)), min_size=1, max_size=25)


def lived(history: list[tuple[int, int]]) -> tuple[list[tuple[D, D]], list[EquityPoint], list[D], list[Paid]]:
    """Return drawdowns, point and return after each mark of an account that began with 1000, and its payments."""
    account = Account(AccountState(currency="USD"), PUBLISHED.plan("kraken-spot"), lending())
    account.fund("a", D(1000), "USD", snapshot_of(dict(MIDS)))
    running, equity = Figures(), D(1000)
    figures, points, returns = [], [], []
    for number, (move_pct, paid) in enumerate(history):
        snapshot = snapshot_of(dict(MIDS), time_ns=START_NS + number * MINUTE_NS)
        equity = (equity * (100 + move_pct) / 100).quantize(D("0.01"))
        before = account.state.stake
        if paid > 0:
            account.deposit(f"in{number}", "USD", D(paid), snapshot)
        elif paid and -paid < min(equity, account.balance("USD")):
            account.withdraw(f"out{number}", "USD", D(-paid), snapshot)
        equity += account.state.stake - before
        running.mark(account, Worth(equity, equity, D(0)), snapshot)
        figures.append((running.drawdown_pct, running.max_drawdown_pct))
        points.append(
            EquityPoint(
                time=utc(snapshot.time_ns), equity=equity, mid_equity=equity,
                stake=running.stake, paid_in=account.state.paid_in,
            )
        )  # fmt: skip
        returns.append(return_pct(equity - account.state.stake, account.state.paid_in))
    paid = [(utc(payment.time_ns), payment.value) for payment in account.state.payments[1:]]
    return figures, points, returns, paid


@law
@given(histories)
def test_drawdown_and_return_of_the_curve_are_those_of_the_running_figures(history):
    figures, points, returns, _ = lived([(0, 0), *history])

    curve = list(drawn(points, D(1000), []))

    assert [point.drawdown_pct for point in curve] == [now for now, _ in figures]
    assert max(point.drawdown_pct for point in curve) == figures[-1][1]
    assert [point.return_pct for point in curve] == returns


@law
@given(histories)
def test_points_that_kept_no_stake_are_drawn_with_the_payments_themselves(history):
    figures, points, returns, paid = lived([(0, 0), *history])
    for point in points:
        point.stake = point.paid_in = None

    curve = list(drawn(points, D(1000), paid))

    assert [point.drawdown_pct for point in curve] == [now for now, _ in figures]
    assert [point.return_pct for point in curve] == returns
