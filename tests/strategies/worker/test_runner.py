"""Workers without their processes: the same frames give the same rows, however they are shared out or interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from marketdata import bus
from portfolios.models import Balance, EquityPoint, Fill, LedgerEntry, Position, Standing
from strategies.deployments.services import change_deployment, enable_deployment, pause_deployment, reset_deployment
from strategies.league.files import load_league
from strategies.models import Deployment, DeploymentEvent, DeploymentStatus
from strategies.seasons import open_season
from strategies.worker.runner import Runner
from tests.leagues import restless_league
from tests.making import make_strategy
from tests.season import MARKET, host, on_the_stream, replayed, season_digest
from trading.book import Side
from trading.frames import Frame
from trading.orders import Order, Purpose
from trading.signals import OrderType

pytestmark = pytest.mark.django_db


@pytest.fixture
def stream() -> Iterator[list[Frame]]:
    with on_the_stream() as frames:
        yield frames


@pytest.fixture
def league(stream: list[Frame]) -> list[Deployment]:
    load_league(restless_league(), by="test")
    open_season(market=MARKET)
    return list(Deployment.objects.select_related("account__season"))


def trader_of(league: list[Deployment]) -> Deployment:
    return next(row for row in league if row.strategy == "random_trader")


def test_one_worker_writes_the_fills_that_a_replay_computes(
    league: list[Deployment], stream: list[Frame], tmp_path: Path
) -> None:
    runner = host(Runner(MARKET), league)
    for at, frame in enumerate(stream):
        runner.process(frame)
        if at % 10 == 0:
            runner.flush()
    runner.flush()

    expected = replayed(restless_league(), tmp_path)

    assert Fill.objects.count() == expected["fills"] > 40
    assert season_digest() == expected["fills_sha256"]
    equity = {s.account.slug: s.equity for s in Standing.objects.select_related("account")}
    assert {slug: f"{value.normalize():f}" for slug, value in equity.items()} == expected["equity"]


def test_balances_are_the_sums_of_the_ledger(league: list[Deployment], stream: list[Frame]) -> None:
    runner = host(Runner(MARKET), league)
    for frame in stream:
        runner.process(frame)
    runner.flush()

    sums: dict[tuple[int, str], Decimal] = {}
    for entry in LedgerEntry.objects.filter(party="account"):
        key = (entry.account_id, entry.currency)
        sums[key] = sums.get(key, Decimal(0)) + entry.amount

    assert {(b.account_id, b.currency): b.amount for b in Balance.objects.all()} == sums
    assert EquityPoint.objects.count() >= 4 * len(league)


def test_three_workers_write_what_one_would(league: list[Deployment], stream: list[Frame], tmp_path: Path) -> None:
    for share in (league[::3], league[1::3], league[2::3]):
        runner = host(Runner(MARKET), share)
        for frame in stream:
            runner.process(frame)
        runner.flush()

    assert season_digest() == replayed(restless_league(), tmp_path)["fills_sha256"]


@pytest.mark.parametrize("killed_at", [3, 60, 111, 200])
def test_a_worker_that_dies_between_commits_loses_and_doubles_nothing(
    league: list[Deployment], stream: list[Frame], tmp_path: Path, killed_at: int
) -> None:
    first = host(Runner(MARKET), league)
    for at, frame in enumerate(stream[:killed_at]):
        first.process(frame)
        if at % 7 == 0:
            first.flush()
    del first  # with whatever it had not committed

    second = host(Runner(MARKET), league)
    for frame in stream:
        second.process(frame)
    second.flush()

    assert season_digest() == replayed(restless_league(), tmp_path)["fills_sha256"]


def test_a_deployment_taken_over_late_catches_up_with_the_market(
    league: list[Deployment], stream: list[Frame], tmp_path: Path
) -> None:
    busy = host(Runner(MARKET), league[:3])
    for frame in stream[:150]:
        busy.process(frame)
    host(busy, league[3:])
    for frame in stream[150:]:
        busy.process(frame)
    busy.flush()

    assert season_digest() == replayed(restless_league(), tmp_path)["fills_sha256"]


def test_many_who_stopped_at_different_frames_catch_up_together(
    league: list[Deployment], stream: list[Frame], tmp_path: Path
) -> None:
    for stopped_at, row in zip((20, 60, 61, 140), league, strict=False):
        before = host(Runner(MARKET), [row])
        for frame in stream[:stopped_at]:
            before.process(frame)
        before.flush(is_last=True)
    runner = Runner(MARKET)
    for frame in stream[:150]:
        runner.process(frame)
    read: list[int] = []

    def frames_after(sequence: int) -> Iterator[Frame]:
        read.append(sequence)
        return bus.read(MARKET, sequence)

    assert runner.host_all(league, frames_after) == []
    assert len(read) == 1
    for frame in stream[150:]:
        runner.process(frame)
    runner.flush()

    assert season_digest() == replayed(restless_league(), tmp_path)["fills_sha256"]


def test_writing_a_batch_twice_writes_it_once(league: list[Deployment], stream: list[Frame]) -> None:
    runner = host(Runner(MARKET), league)
    for frame in stream:
        runner.process(frame)
    kept = {key: (hosted.outcomes[:], hosted.marks[:]) for key, hosted in runner.hosted.items()}
    runner.flush()
    before = (Fill.objects.count(), LedgerEntry.objects.count(), season_digest())

    for key, (outcomes, marks) in kept.items():
        runner.hosted[key].outcomes, runner.hosted[key].marks = outcomes, marks
    runner.flush()

    assert (Fill.objects.count(), LedgerEntry.objects.count(), season_digest()) == before


def test_frames_that_the_stream_no_longer_holds_are_a_gap_on_record(
    league: list[Deployment], stream: list[Frame]
) -> None:
    runner = host(Runner(MARKET), league[:1])
    for frame in [*stream[:40], *stream[90:]]:
        runner.process(frame)
    runner.flush()

    (event,) = DeploymentEvent.objects.filter(kind="gap")

    keyframe = next(frame for frame in stream[90:] if frame.is_keyframe)
    seconds = (keyframe.sequence - 1 - stream[39].sequence) / 10
    assert event.summary == f"{seconds:.1f} s of the market were not seen: the stream no longer held these frames"


def test_a_paused_deployment_is_not_evaluated_and_an_enabled_one_is_again(
    league: list[Deployment], stream: list[Frame]
) -> None:
    row = trader_of(league)
    runner = host(Runner(MARKET), [row])
    pause_deployment(deployment=row, by="test")
    runner.reload(row)
    for frame in stream[:100]:
        runner.process(frame)
    assert runner.hosted[row.pk].engine.why == {}

    enable_deployment(deployment=row, by="test")
    runner.reload(row)
    for frame in stream[100:]:
        runner.process(frame)

    assert runner.hosted[row.pk].engine.why["coin"] > 50


def test_a_changed_config_applies_and_the_account_goes_on(league: list[Deployment], stream: list[Frame]) -> None:
    row = trader_of(league)
    runner = host(Runner(MARKET), [row])
    for frame in stream[:100]:
        runner.process(frame)
    runner.flush()
    fills = Fill.objects.count()

    change_deployment(deployment=row, by="test", config={"trades_per_minute": 1, "size_usd": 7})
    runner.reload(row)
    for frame in stream[100:]:
        runner.process(frame)
    runner.flush()

    assert runner.hosted[row.pk].engine.config.size_usd == 7
    assert Fill.objects.count() >= fills
    assert "changed by test: config" in DeploymentEvent.objects.filter(kind="config").first().summary


def test_a_reset_closes_the_account_and_begins_anew(league: list[Deployment], stream: list[Frame]) -> None:
    row = trader_of(league)
    runner = host(Runner(MARKET), [row])
    for frame in stream:
        runner.process(frame)
    runner.flush()
    old = row.account

    reset_deployment(deployment=row, by="test")

    old.refresh_from_db()
    assert old.closed_at is not None
    assert old.fills.count() > 0
    assert (row.account.pk != old.pk, row.account.fills.count()) == (True, 0)


def test_a_strategy_that_keeps_failing_is_paused_with_its_reason(league: list[Deployment], stream: list[Frame]) -> None:
    row = trader_of(league)
    runner = host(Runner(MARKET), league[:2])
    engine = runner.hosted[row.pk].engine

    def broken(data, config, state):
        return 1 / 0

    engine.strategy = make_strategy(broken)
    for frame in stream:
        runner.process(frame)
    runner.flush()

    row.refresh_from_db()

    assert row.status == DeploymentStatus.PAUSED
    assert "ZeroDivisionError" in row.status_reason
    assert (row.revisions.first().by, row.revisions.first().action) == ("worker", "paused")
    assert DeploymentEvent.objects.filter(deployment=row, kind="error").count() == 5
    assert Fill.objects.exclude(account__slug=row.slug).exists()


def test_a_short_and_what_it_owes_are_rows_like_any_other(league: list[Deployment], stream: list[Frame]) -> None:
    runner = host(Runner(MARKET), league[:1])
    (hosted,) = runner.hosted.values()
    engine = hosted.engine
    engine.is_paused = True
    for frame in stream[:50]:
        runner.process(frame)
    (symbol, *_) = engine.terms.symbols
    instrument = runner.market.snapshot().instrument(symbol)
    lots = instrument.lots_within(Decimal(40) / instrument.price(runner.market.snapshot().top(symbol).bids[0].ticks))
    engine.venue.send(
        Order(
            order_id=f"{engine.terms.slug}:short",
            symbol=symbol,
            side=Side.SELL,
            type=OrderType.MARKET,
            purpose=Purpose.ENTRY,
            lots=lots,
            created_sequence=runner.sequence,
            created_ns=runner.market.time_ns,
            arrives_ns=runner.market.time_ns,
            leverage=Decimal(2),
        )
    )
    for frame in stream[50:60]:
        runner.process(frame)
    runner.flush()

    mine = {"account_id": hosted.account_id}
    position = Position.objects.get(**mine, symbol=symbol)
    kinds = set(LedgerEntry.objects.filter(**mine).values_list("kind", "party"))
    lent = -sum(LedgerEntry.objects.filter(**mine, party="lender").values_list("amount", flat=True))

    assert position.qty < 0 < position.average_price
    assert {("loan", "lender"), ("opening_fee", "fees")} <= kinds
    assert lent == engine.account.loan(instrument.base) == -position.qty
