"""One recorded season: what the pages show is what the API tells, and that is what the ledger adds up to."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from io import StringIO

import pytest
from django.db.models import Sum
from django.test import Client

from dashboard.templatetags.figures import amount, drawdown, grouped, quoted, signed
from marketdata import bus
from marketdata.recording.reading import recorded_frames
from portfolios.models import EquityPoint, Fill, LedgerEntry, RoundTrip, Standing
from strategies.league.files import load_league
from strategies.models import Deployment
from strategies.seasons import open_season
from strategies.worker.hosting import EQUITY_POINT_FRAMES
from strategies.worker.runner import Runner
from tests.leagues import CAPTURE, restless_league
from tests.pages import Node, page_of, stats_in, table_in

pytestmark = pytest.mark.django_db
MARKET = "recording:test:00000000"
SIGNS = {"▲", "▼", "·"}


@pytest.fixture
def running() -> Iterator[Runner]:
    """A league whose worker has a whole recording before it."""
    bus.redis_client().flushall()
    load_league(restless_league(), by="test")
    open_season(market=MARKET)
    bus.publish(MARKET, list(recorded_frames(CAPTURE)))
    runner = Runner(MARKET)
    for deployment in Deployment.objects.select_related("account__season"):
        runner.host(deployment, partial(bus.read, MARKET))
    yield runner
    bus.redis_client().flushall()


@pytest.fixture
def season(running: Runner) -> list[Deployment]:
    """A league that has traded all of it."""
    for at, frame in enumerate(recorded_frames(CAPTURE), start=1):
        running.process(frame)
        if at % 10 == 0:
            running.flush()
    running.flush()
    return list(Deployment.objects.select_related("account__season"))


def api(client: Client, address: str) -> dict[str, object]:
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def rows_of(client: Client, address: str) -> list[dict[str, object]]:
    return api(client, address)["results"]


def page(client: Client, address: str) -> Node:
    answer = client.get(address)
    assert answer.status_code == 200
    return page_of(answer.content.decode())


def shown(text: str) -> str:
    """Return what a person reads of a rendered figure."""
    return page_of(text).text


def number(text: str) -> Decimal:
    """Return the number that a person reads."""
    return Decimal(text.replace(",", "").replace("−", "-"))


def figure(body: object) -> Decimal | None:
    return None if body is None else Decimal(str(body))


def cells_of(league: Node) -> dict[str, dict[str, Node]]:
    """Return the cells of the board by deployment and column."""
    rows = {}
    for row in next(league.find("panel-leaderboard").all("tbody")).all("tr"):
        name = row.attributes["id"].removeprefix("row-")
        rows[name] = {cell.classes[0].removeprefix("c-"): cell for cell in row.all("td")}
    return rows


def test_the_ledger_adds_up_to_what_the_api_tells_of_each_account(client: Client, season: list[Deployment]) -> None:
    rows = {row["slug"]: row for row in api(client, "league/")["rows"]}

    assert len(rows) == len(season) == 7
    for deployment in season:
        row, account = rows[deployment.slug], deployment.account
        entries = LedgerEntry.objects.filter(account=account)
        paid_in = entries.filter(party="account", kind="deposit").aggregate(sum=Sum("amount"))["sum"]
        fees = entries.filter(party="fees").aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
        held = entries.filter(party="account").values("currency").annotate(sum=Sum("amount"))
        balances = {
            b["currency"]: figure(b["amount"]) for b in rows_of(client, f"deployments/{deployment.slug}/balances/")
        }
        fills = Fill.objects.filter(account=account)
        realised = fills.aggregate(sum=Sum("result"))["sum"] or Decimal(0)
        trips = RoundTrip.objects.filter(account=account)

        assert figure(row["stake"]) == paid_in == 100
        assert figure(row["fees"]) == pytest.approx(fees, abs=Decimal("1e-15"))
        assert {line["currency"]: line["sum"] for line in held} == balances
        assert row["fills"] == fills.count()
        assert figure(row["realised"]) == pytest.approx(realised, abs=Decimal("1e-15"))
        assert (row["round_trips"], row["wins"]) == (trips.count(), trips.filter(result__gt=0).count())
        assert figure(row["equity"]) == figure(row["stake"]) + figure(row["realised"]) + figure(row["unrealised"])
    assert sum(row["fills"] for row in rows.values()) > 40


def test_each_point_of_a_curve_is_the_standing_of_its_moment(running: Runner) -> None:
    figures = (
        *("equity", "mid_equity", "stake", "paid_in", "realised", "fees", "exposure", "drawdown_pct"),
        *("max_drawdown_pct", "fills", "round_trips", "wins"),
    )
    compared = 0
    for frame in recorded_frames(CAPTURE):
        running.process(frame)
        if frame.sequence % EQUITY_POINT_FRAMES == 0:
            running.flush()
            for standing in Standing.objects.all():
                # Where nothing has changed since, the point before says it.
                point = EquityPoint.objects.filter(account=standing.account, time__lte=standing.as_of).latest("time")
                assert {name: getattr(point, name) for name in figures} == {
                    name: getattr(standing, name) for name in figures
                }
                compared += 1
    assert compared > 7


@pytest.mark.parametrize("window", ["season", "1h"])
def test_the_league_page_shows_what_the_api_tells(client: Client, season: list[Deployment], window: str) -> None:
    body = api(client, f"league/?window={window}")
    league = page(client, f"/?window={window}")
    board = cells_of(league)

    assert [slug for slug in board if not slug.startswith("yardstick")] == [row["slug"] for row in body["rows"]]
    for row in body["rows"]:
        cells, made = board[row["slug"]], row["window"]
        exactly = {"equity": row["equity"], "exposure": row["exposure"], "return": made["return_pct"]}
        exactly |= {name: made[name] for name in ("realised", "unrealised", "fees")}
        exactly |= {"drawdown": made["worst_pct"], "wins": made["win_rate_pct"], "trades": str(made["round_trips"])}
        assert {name: cells[name].attributes["data-v"] for name in exactly} == {
            name: value or "" for name, value in exactly.items()
        }
        assert cells["equity"].text == amount(figure(row["equity"]))
        assert cells["return"].text.split()[0] == shown(signed(figure(made["return_pct"])))
        assert cells["realised"].text == shown(signed(figure(made["realised"])))
        assert cells["unrealised"].text == shown(signed(figure(made["unrealised"])))
        assert cells["drawdown"].text.split() == [
            shown(drawdown(figure(made["worst_pct"]))),
            shown(drawdown(figure(row["drawdown_pct"]))),
        ]
        assert cells["fees"].text.split()[0] == amount(figure(made["fees"]))
        assert cells["trades"].text.startswith(f"{made['round_trips']} {made['fills']} fill")
        assert cells["rank"].text.split()[0] == str(row["rank"])
        if made["win_rate_pct"] is not None:
            low, high = (grouped(Decimal(bound), 0) for bound in made["win_rate_interval_pct"])
            rate = grouped(Decimal(made["win_rate_pct"]), 0)
            assert cells["wins"].text == f"{rate} n {made['round_trips']} · {low}–{high}"


@pytest.mark.parametrize("window", ["season", "1h"])
def test_the_totals_are_the_sums_of_the_rows(client: Client, season: list[Deployment], window: str) -> None:
    body = api(client, f"league/?window={window}")
    (totals,), rows = body["totals"], body["rows"]
    stats = stats_in(page(client, f"/?window={window}").find("panel-totals"))

    for name in ("equity", "exposure", "realised", "fees"):
        assert figure(totals[name]) == sum(figure(row[name]) for row in rows), name
    for name in ("gain", "realised", "fees", "fills", "round_trips"):
        assert figure(totals["window"][name]) == sum(figure(row["window"][name]) for row in rows), name
    assert stats["Equity"] == amount(figure(totals["equity"]))
    assert stats["P&L (net)"].split()[0] == shown(signed(figure(totals["window"]["gain"])))
    assert stats["Fees paid"] == amount(figure(totals["window"]["fees"]))
    assert stats["Starting balance"] == amount(figure(totals["capital"]))
    assert stats["Fills"].split()[:2] == [str(totals["window"]["fills"]), str(totals["window"]["round_trips"])]


def test_a_past_moment_is_reported_alike_by_page_and_api(client: Client, season: list[Deployment]) -> None:
    point = EquityPoint.objects.filter(fills__gt=0).order_by("time")[3]
    at = point.time.isoformat().replace("+00:00", "Z")

    body = {row["slug"]: row for row in api(client, f"league/?at={at}")["rows"]}
    board = cells_of(page(client, f"/?at={at}"))

    row = body[point.account.slug]
    assert figure(row["equity"]) == point.equity
    assert row["fills"] == Fill.objects.filter(account=point.account, time__lte=point.time).count()
    assert {slug: cells["equity"].attributes["data-v"] for slug, cells in board.items() if slug in body} == {
        slug: row["equity"] for slug, row in body.items()
    }


def test_a_deployments_page_shows_what_the_api_tells(client: Client, season: list[Deployment]) -> None:
    for deployment in season:
        address = f"deployments/{deployment.slug}/"
        standing = api(client, address)["standing"]
        shows = page(client, f"/{address}")
        stats = stats_in(shows.find("panel-figures"))

        assert stats["Equity"] == amount(figure(standing["equity"]), 4)
        assert stats["Realised"] == shown(signed(figure(standing["realised"]), 4))
        assert stats["Unrealised"] == shown(signed(figure(standing["unrealised"]), 4))
        assert stats["Fees"] == amount(figure(standing["fees"]), 4)
        assert stats["Exposure"] == amount(figure(standing["exposure"]))
        assert stats["Rank"] == f"{standing['rank']} of 7"
        assert stats["Fills"].split()[0] == str(standing["fills"])
        assert stats["Starting balance"] == amount(figure(standing["stake"]))
        assert stats["Drawdown"].split() == [
            shown(drawdown(figure(standing["drawdown_pct"]))), "worst",
            shown(drawdown(figure(standing["max_drawdown_pct"]))),
        ]  # fmt: skip


def test_the_tables_of_a_deployments_page_are_the_lists_of_the_api(client: Client, season: list[Deployment]) -> None:
    trader = next(row for row in season if row.strategy == "random_trader")
    address = f"deployments/{trader.slug}/"
    shows = page(client, f"/{address}")

    fills = rows_of(client, f"{address}fills/?limit=30")
    body = [(number(row["Quantity"]), number(row["Price"]), row["Fee"]) for row in table_in(shows.find("panel-fills"))]
    assert body == [(figure(f["qty"]), figure(f["price"]), quoted(figure(f["fee"]))) for f in fills]
    trips = rows_of(client, f"{address}round_trips/?limit=30")
    assert [(row["Fees"], row["P&L (net)"]) for row in table_in(shows.find("panel-round_trips"))] == [
        (quoted(figure(trip["fees"])), shown(signed(figure(trip["result"]), 4))) for trip in trips
    ]
    instruments = rows_of(client, f"{address}instruments/")
    assert [(row["Realised"], row["Fees"], row["Fills"]) for row in table_in(shows.find("panel-instruments"))] == [
        (shown(signed(figure(i["realised"]), 4)), amount(figure(i["fees"]), 4), str(i["fills"])) for i in instruments
    ]
    assert fills
    assert trips


def test_every_table_of_a_deployments_page_leads_to_itself_for_a_spreadsheet(
    client: Client, season: list[Deployment]
) -> None:
    shows = page(client, f"/deployments/{season[0].slug}/")
    links = [link.attributes["href"] for link in shows.all("a") if "csv" in link.classes]

    assert len(links) == 10
    for link in links:
        answer = client.get(link)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8"), link


def test_a_table_for_a_spreadsheet_holds_the_figures_of_the_json(client: Client, season: list[Deployment]) -> None:
    table = list(csv.DictReader(StringIO(client.get("/api/v1/league/?format=csv").content.decode())))
    rows = api(client, "league/")["rows"]

    assert [(row["slug"], row["equity"], row["window.return_pct"]) for row in table] == [
        (row["slug"], row["equity"], row["window"]["return_pct"]) for row in rows
    ]
