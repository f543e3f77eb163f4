"""Versions on real files: what is traded stays what it was, whatever becomes of the files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from marketdata import bus
from marketdata.recording.reading import recorded_frames
from portfolios.models import Fill
from strategies.deployments.challengers import enter_challenger, switch_over
from strategies.deployments.selectors import traded
from strategies.deployments.services import create_deployment, note_versions
from strategies.models import Deployment, DeploymentEvent, StrategyVersion
from strategies.seasons import open_season
from strategies.versions import kept as versions
from strategies.versions import registry
from strategies.versions.registry import UnknownVersion
from strategies.worker.runner import Runner
from tests.flipping import write_flipper
from tests.leagues import CAPTURE
from tests.rows import enter
from trading.frames import Frame

pytestmark = pytest.mark.django_db
MARKET = "recording:test:00000000"


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return list(recorded_frames(CAPTURE))


@pytest.fixture
def stream(frames: list[Frame]) -> Iterator[list[Frame]]:
    bus.redis_client().flushall()
    bus.publish(MARKET, frames)
    open_season(market=MARKET)
    yield frames
    bus.redis_client().flushall()


@pytest.fixture
def flipper(folder: Path, stream: list[Frame]) -> Deployment:
    write_flipper(folder)
    return create_deployment(by="anna", slug="flip", name="Flip", strategy="flipper")


def new_process() -> None:
    """Forget what a process would not know that has just begun."""
    registry.rescan()


def worker(*deployments: Deployment) -> Runner:
    runner = Runner(MARKET)
    for deployment in deployments:
        deployment.refresh_from_db()
        runner.host(deployment, partial(bus.read, MARKET))
    return runner


def work(runner: Runner, frames: list[Frame]) -> None:
    for frame in frames:
        runner.process(frame)
    runner.flush()


def fills(deployment: Deployment) -> list[tuple[object, ...]]:
    rows = Fill.objects.filter(account__slug=deployment.slug).order_by("sequence", "id")
    return list(rows.values_list("sequence", "side", "qty", "price", "fee", "reason"))


def reasons(deployment: Deployment) -> set[str]:
    """Return the versions and sizes that the fills' reasons tell."""
    return {str(fill[-1]).partition(" after ")[0] for fill in fills(deployment)}


def test_a_new_deployment_is_tied_to_the_present_version_which_is_kept(folder: Path, flipper: Deployment) -> None:
    row = StrategyVersion.objects.get(hash=flipper.strategy_hash)

    assert (row.name, row.version, row.symbols, row.trigger) == ("flipper", "1.0.0", ["BTC/USD"], "frame")
    assert row.schema["properties"]["every"]["maximum"] == 100
    assert versions.kept_files(row) == {
        "_rules/__init__.py": b"",
        "_rules/sizes.py": b"SIZE = 20\n",
        "flipper.py": (folder / "flipper.py").read_bytes(),
    }


def test_a_version_trades_on_after_its_files_were_edited_and_the_worker_began_anew(
    folder: Path, flipper: Deployment, stream: list[Frame]
) -> None:
    work(worker(flipper), stream[:100])
    write_flipper(folder, "2.0.0", size=30)
    new_process()

    work(worker(flipper), stream)
    kept = fills(flipper)

    used = registry.strategy_of(flipper)
    assert registry.strategy("flipper").version == "2.0.0"
    assert Path(used.path) == versions.kept_folder() / flipper.strategy_hash / "flipper.py"
    assert reasons(flipper) == {"1.0.0 with 20"}
    write_flipper(folder)
    new_process()
    undisturbed = create_deployment(by="anna", slug="alone", name="Alone", strategy="flipper")
    work(worker(undisturbed), stream)
    assert kept == fills(undisturbed)
    assert len(kept) > 5


def test_two_versions_with_different_rules_trade_side_by_side(
    folder: Path, flipper: Deployment, stream: list[Frame]
) -> None:
    write_flipper(folder, "1.0.0", size=30)  # only what it imports has changed
    new_process()
    challenger = enter_challenger(deployment=flipper, by="anna")

    work(worker(flipper, challenger), stream)

    assert (reasons(flipper), reasons(challenger)) == ({"1.0.0 with 20"}, {"1.0.0 with 30"})
    assert len(fills(flipper)) == len(fills(challenger)) > 5


def test_a_challenger_of_the_same_code_fills_exactly_like_its_champion(
    folder: Path, flipper: Deployment, stream: list[Frame]
) -> None:
    write_flipper(folder, ending="# a comment is another version\n")
    new_process()
    challenger = enter_challenger(deployment=flipper, by="anna")

    work(worker(flipper, challenger), stream)

    assert challenger.strategy_hash != flipper.strategy_hash
    assert fills(challenger) == fills(flipper)
    assert len(fills(flipper)) > 5


@pytest.mark.parametrize("is_working", [True, False], ids=["while a worker has it", "while none has it"])
def test_a_switch_keeps_account_and_orders_and_begins_the_memory_anew(
    folder: Path, flipper: Deployment, stream: list[Frame], is_working: bool
) -> None:
    runner = worker(flipper)
    work(runner, stream[:50])
    before = runner.hosted[flipper.pk].engine
    orders, balance = dict(before.open_orders), before.account.balance("BTC")
    write_flipper(folder, "2.0.0")
    new_process()
    switch_over(deployment=flipper, by="anna")

    if is_working:
        runner.reload(flipper)
    else:
        runner.drop(flipper.pk)
        runner = worker(flipper)
    after = runner.hosted[flipper.pk].engine
    assert (after.open_orders, after.account.balance("BTC")) == (orders, balance)
    work(runner, stream)

    reported = [fill[-1] for fill in fills(flipper)]
    assert reported.index("2.0.0 with 20 after 20") == len(
        [reason for reason in reported if str(reason).startswith("1.0.0")]
    )
    event = DeploymentEvent.objects.get(deployment=flipper, kind="version")
    assert event.summary.startswith(f"flipper 2.0.0 ({flipper.strategy_hash[:8]}) replaces flipper 1.0.0 (")
    assert flipper.account.closed_at is None


def test_a_broken_edit_is_a_failure_and_the_kept_version_goes_on(
    folder: Path, flipper: Deployment, stream: list[Frame]
) -> None:
    work(worker(flipper), stream[:100])
    (folder / "flipper.py").write_text("def broken(:\n")
    new_process()

    work(worker(flipper), stream)

    assert [failure.error for failure in registry.failures()] == ["SyntaxError: invalid syntax (flipper.py, line 1)"]
    assert reasons(flipper) == {"1.0.0 with 20"}
    assert fills(flipper)[-1][0] > stream[100].sequence


def test_a_deployment_from_before_versions_were_kept_is_tied_when_it_is_first_hosted(
    folder: Path, stream: list[Frame]
) -> None:
    write_flipper(folder)
    row = enter(open_season(market=MARKET), "old", strategy="flipper")
    assert row.strategy_hash == ""

    runner = worker(row)

    row.refresh_from_db()
    assert row.strategy_hash == registry.strategy("flipper").hash
    assert [revision.action for revision in row.revisions.all()] == ["pinned", "found"]
    assert runner.hosted[row.pk].revision == row.revision


def test_a_scan_keeps_every_version_it_meets_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LOOK_EVERY_S", 0)
    for version in ("1.0.0", "1.1.0", "1.0.0"):
        write_flipper(folder, version)
        note_versions()

    assert sorted(StrategyVersion.objects.filter(name="flipper").values_list("version", flat=True)) == [
        "1.0.0",
        "1.1.0",
    ]
    assert StrategyVersion.objects.filter(name="ema_cross").count() == 1


def test_a_default_that_json_cannot_hold_is_kept_as_unknown(folder: Path) -> None:
    write_flipper(folder)
    text = (folder / "flipper.py").read_text()
    (folder / "flipper.py").write_text(text.replace("] = 20\n", "] = 20\n    most: float = float('inf')\n"))

    note_versions()

    assert StrategyVersion.objects.get(name="flipper").schema["properties"]["most"]["default"] is None


def test_a_kept_folder_that_was_touched_is_unpacked_anew(folder: Path, flipper: Deployment) -> None:
    write_flipper(folder, "2.0.0")
    new_process()
    kept = Path(registry.strategy_of(flipper).path)
    kept.write_text(kept.read_text().replace("1.0.0", "6.6.6"))
    new_process()

    assert registry.strategy_of(flipper).version == "1.0.0"
    assert [path.name for path in versions.kept_folder().iterdir()] == [flipper.strategy_hash]


def test_a_version_whose_kept_files_are_not_its_own_is_refused(folder: Path, flipper: Deployment) -> None:
    write_flipper(folder, "2.0.0")
    new_process()
    note_versions()
    other = StrategyVersion.objects.get(name="flipper", version="2.0.0")
    StrategyVersion.objects.filter(hash=flipper.strategy_hash).update(sources=other.sources)

    with pytest.raises(UnknownVersion, match="what was kept of it has another hash"):
        registry.strategy_of(flipper)


def test_a_version_that_was_kept_nowhere_is_named(folder: Path, flipper: Deployment) -> None:
    flipper.strategy_hash = "ab12cd34" * 8

    strategy, why = traded(flipper)

    assert strategy is None
    assert why == "version ab12cd34 of flipper is not in its folder, and it was not kept in this database"


def test_a_kept_version_that_can_no_longer_be_imported_says_where(folder: Path) -> None:
    write_flipper(folder, ending="import os\nos.environ['PADDOCK_TEST_NEEDS']\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PADDOCK_TEST_NEEDS", "1")
        row = create_deployment(by="anna", slug="flip", name="Flip", strategy="flipper")
    write_flipper(folder)
    new_process()

    with pytest.raises(
        UnknownVersion, match=r"cannot be loaded: KeyError: 'PADDOCK_TEST_NEEDS' \(flipper.py, line 2\d\)"
    ):
        registry.strategy_of(row)
