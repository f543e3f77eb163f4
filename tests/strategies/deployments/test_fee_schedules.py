"""Fee schedules of one's own: added, charged, followed as a family, withdrawn; by service, file, admin and API."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from portfolios.fees import known_schedules, tiers_from_text
from portfolios.models import AuditEntry, FeeSchedule, Fill
from strategies.deployments.fee_schedules import add_fee_schedule, withdraw_fee_schedule
from strategies.deployments.services import change_deployment, create_deployment
from strategies.league.files import InvalidLeague, league_text, load_league, read_league
from strategies.models import Deployment
from tests.working import Work, around
from trading.fees import Liquidity

pytestmark = pytest.mark.django_db
LONG_AGO = date(2026, 1, 1)
LATER = datetime.now(UTC).date() + timedelta(days=2)
TIERS = [["0", "0.1", "0.05"], ["10000", "0.08", "0"]]
ADD = "/admin/portfolios/feeschedule/add/"
LIST = "/admin/portfolios/feeschedule/"
API = "/api/v1/fee-schedules/"
BODY = {
    "name": "broker-2026-01",
    "valid_from": "2026-01-01",
    "tiers": [
        {"volume": "0", "taker_pct": "0.10", "maker_pct": "0.05"},
        {"volume": "10000", "taker_pct": "0.08", "maker_pct": "0"},
    ],
}


def added(name: str = "broker-2026-01", valid_from: date = LONG_AGO, **fields: object) -> FeeSchedule:
    return add_fee_schedule(**{"name": name, "valid_from": valid_from, "tiers": TIERS, "by": "test", **fields})


def charged(fee_schedule: str) -> Deployment:
    return create_deployment(by="test", slug="a", name="A", strategy="buy_and_hold", fee_schedule=fee_schedule)


def test_a_schedule_that_was_added_is_known_beside_those_that_are_published() -> None:
    added(reference="https://example.test/fees")

    known = known_schedules()
    assert known.families() == ["broker", "kraken-spot"]
    schedule = known.schedule("broker-2026-01")
    assert [schedule.rate_bps(Liquidity.TAKER, D(volume)) for volume in (0, 9_999, 10_000)] == [10, 10, 8]
    assert [schedule.rate_bps(Liquidity.MAKER, D(volume)) for volume in (0, 9_999, 10_000)] == [5, 5, 0]
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.subject, entry.action, entry.by) == ("fee schedule", "broker-2026-01", "added", "test")
    assert "from 0 USD 0.1 % / 0.05 %, from 10000 USD 0.08 % / 0 %" in entry.sentence


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": "broker"}, "name", "name is 'broker'; expected FAMILY-YYYY-MM in small letters"),
        ({"name": "Broker-2026-01"}, "name", "name is 'Broker-2026-01'; expected"),
        ({"name": "broker-2026-13"}, "name", "name is 'broker-2026-13'; expected"),
        ({"name": "broker-2026-01-2026-02"}, "name", "its family 'broker-2026-01' has the name of a schedule"),
        ({"name": f"{'b' * 60}-2026-01"}, "name", "expected FAMILY-YYYY-MM"),
        ({"name": "kraken-spot-2026-07"}, "name", "is known already, and a name stands for one table for ever"),
        ({"name": "kraken-spot-2026-08", "valid_from": date(2026, 7, 7)}, "valid_from", "is of the same family"),
        ({"tiers": []}, "tiers", "0 rows were given; expected 1 to 50"),
        ({"tiers": [["0", "0.1", "0.1"]] * 51}, "tiers", "51 rows were given; expected 1 to 50"),
        ({"tiers": [["0", "0.1"]]}, "tiers", "row 1 is '0 0.1'; expected volume in USD, taker % and maker %"),
        ({"tiers": [["0", "0.1", "low"]]}, "tiers", "row 1 is '0 0.1 low'; expected volume in USD"),
        ({"tiers": [["0", "NaN", "0"]]}, "tiers", "its taker rate is NaN; expected 0 to 10 percent"),
        ({"tiers": [["0", "0.1", "-0.01"]]}, "tiers", "its maker rate is -0.01; expected 0 to 10 percent"),
        ({"tiers": [["0", "11", "0"]]}, "tiers", "its taker rate is 11; expected 0 to 10 percent"),
        ({"tiers": [["0", "0.0000001", "0"]]}, "tiers", "with up to 6 decimals"),
        ({"tiers": [["0", "0", "0"], ["Infinity", "0", "0"]]}, "tiers", "its volume is Infinity; expected 0 to 1"),
        ({"tiers": [["5", "0.1", "0.1"]]}, "tiers", "row 1 begins at 5 USD; expected 0"),
        ({"tiers": [*TIERS, TIERS[1]]}, "tiers", "row 3 begins at 10000 USD; expected more than the 10000 of the row"),
    ],
)
def test_what_is_no_schedule_is_refused_beside_its_field(changes: dict, field: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        added(**changes)

    assert words in " ".join(refused.value.message_dict[field])
    assert not FeeSchedule.objects.exists()


def test_several_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        added(name="x", tiers=[])

    assert set(refused.value.message_dict) == {"name", "tiers"}


def test_a_worker_charges_by_it_and_its_fills_derive(client) -> None:
    added()
    work = Work(fee_schedule="broker")

    work.show(around(100))
    work.trade("buy", 1)

    row = Fill.objects.get()
    assert row.fee == row.cost / 1_000
    assert row.evidence["fee_schedule"] == "broker-2026-01"
    assert client.get(f"/api/v1/fills/{row.pk}/").json()["derivation"]["is_verified"] is True
    assert "10 bp as taker by broker-2026-01" in client.get(f"/fills/{row.pk}/").content.decode()


def test_those_who_follow_a_family_are_taken_up_anew_and_their_history_says_why() -> None:
    work = Work(fee_schedule="kraken-spot")
    before = Deployment.objects.get().revision

    added("kraken-spot-2099-01", LATER)

    row = Deployment.objects.get()
    assert row.revision == before + 1
    newest = row.revisions.order_by("-number").first()
    assert (newest.action, newest.note) == ("fees", f"kraken-spot-2099-01 applies from {LATER} on")
    work.dies()  # and comes back as it is configured now
    plan = work.hosted.engine.terms.fee_plan
    assert [schedule.name for schedule in plan.schedules] == ["kraken-spot-2026-07", "kraken-spot-2099-01"]


def test_a_past_day_is_refused_to_those_who_were_charged_until_today() -> None:
    charged("kraken-spot")

    with pytest.raises(ValidationError) as refused:
        added("kraken-spot-2026-08", date(2026, 8, 1))

    assert f"a follows kraken-spot: expected a day after {datetime.now(UTC).date()}" in str(refused.value)


def test_a_family_whose_schedules_all_lie_ahead_charges_by_its_first_and_keeps_it() -> None:
    first = added("broker-2099-01", LATER)
    charged("broker")
    added("broker-2099-02", LATER + timedelta(days=1))

    with pytest.raises(ValidationError) as refused:
        added("broker-2098-12", LATER - timedelta(days=1))
    with pytest.raises(ValidationError, match="broker-2099-01 stays: a was charged by it"):
        withdraw_fee_schedule(schedule=first, by="test")

    assert f"a follows broker: expected a day after {LATER}" in str(refused.value)


def test_a_schedule_that_charged_somebody_stays(client) -> None:
    row, deployment = added(), charged("broker-2026-01")
    change_deployment(deployment=deployment, by="test", fee_schedule="kraken-spot-2026-07")

    with pytest.raises(ValidationError, match="broker-2026-01 stays: a was charged by it, and fills name it"):
        withdraw_fee_schedule(schedule=row, by="test")


def test_the_last_schedule_of_a_family_that_is_followed_stays() -> None:
    row = added("broker-2099-01", LATER)
    charged("broker")

    with pytest.raises(ValidationError, match="broker-2099-01 stays: a was charged by it"):
        withdraw_fee_schedule(schedule=row, by="test")


def test_what_charged_nobody_yet_is_withdrawn_and_its_followers_are_reported() -> None:
    added()
    deployment, row = charged("broker"), added("broker-2099-01", LATER)

    withdraw_fee_schedule(schedule=row, by="ann")

    assert [schedule.name for schedule in known_schedules()] == ["broker-2026-01", "kraken-spot-2026-07"]
    notes = deployment.revisions.filter(action="fees").order_by("number").values_list("by", "note")
    assert list(notes)[-1] == ("ann", "broker-2099-01 was withdrawn")
    assert AuditEntry.objects.filter(kind="fee schedule", action="withdrawn", by="ann").exists()


def test_a_league_file_carries_schedules_there_and_back(tmp_path: Path) -> None:
    added(reference="a page")
    charged("broker")
    path = tmp_path / "league.toml"
    path.write_text(league_text(["BTC/USD"]))
    stored = FeeSchedule.objects.values("name", "valid_from", "tiers", "reference").get()

    assert load_league(read_league(path), by="test") == (0, 0)
    Deployment.objects.all().delete()
    FeeSchedule.objects.all().delete()
    assert load_league(read_league(path), by="test") == (1, 0)

    assert FeeSchedule.objects.values("name", "valid_from", "tiers", "reference").get() == stored


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("name = 'broker-2026-01'\ntiers = [[0, 0.2, 0.1]]", "'broker-2026-01' is known with other rates"),
        ("name = 'broker'\ntiers = [[0, 0.2, 0.1]]", "'broker': name is 'broker'; expected FAMILY-YYYY-MM"),
        ("name = 'broker-2026-02'\ntiers = [[0, 0.2]]", r"Expected `array` of length 3"),
        ("name = 'broker-2026-02'\ntiers = [[0, 0.2, 0.1]]\nfree = true", "unknown field `free`"),
        ("name = 'broker-2026-02'\ntiers = [[1, 0.2, 0.1]]", "row 1 begins at 1 USD; expected 0"),
    ],
)
def test_a_file_with_another_schedule_of_the_name_or_none_is_refused(tmp_path: Path, line: str, words: str) -> None:
    added()
    path = tmp_path / "league.toml"
    path.write_text(f"deployments = []\n[[fee_schedules]]\nvalid_from = 2026-01-01\n{line}\n")

    with pytest.raises(InvalidLeague, match=words):
        load_league(read_league(path), by="test")
    assert FeeSchedule.objects.count() == 1


def test_a_replay_charges_by_the_schedules_of_its_file(tmp_path: Path, capsys) -> None:
    path = tmp_path / "league.toml"
    deployment = "[[deployments]]\nslug = 'a'\nstrategy = 'buy_and_hold'\nfee_schedule = 'broker'\n"
    path.write_text(deployment)
    with pytest.raises(CommandError, match="fee schedule is 'broker'; known are kraken-spot-2026-07"):
        call_command("replay", "nowhere", "--league", str(path))

    schedule = "[[fee_schedules]]\nname = 'broker-2026-01'\nvalid_from = 2026-01-01\ntiers = [[0, 0.1, 0.05]]\n"
    path.write_text(schedule + deployment)
    with pytest.raises(CommandError, match="nowhere"):  # the file is right; the recording is the next to be read
        call_command("replay", "nowhere", "--league", str(path))


def test_a_table_is_written_a_line_each() -> None:
    assert tiers_from_text("0 0.1 0.05\n\n  10000\t0.08 0\n") == TIERS
    with pytest.raises(ValidationError, match=r"line 2 is '10,000 0\.08'; expected volume in USD, taker % and maker %"):
        tiers_from_text("0 0.1 0.05\n10,000 0.08")


def test_the_admin_lists_what_is_published_and_adds_ones_own(admin_client) -> None:
    reported = {"name": "broker-2026-01", "valid_from": "2026-01-01", "reference": "a page", "tiers": "0 0.10 0.05"}

    form = admin_client.get(ADD).content.decode()
    answer = admin_client.post(ADD, reported, follow=True)

    assert "0 0.4 0.25\n10000 0.35 0.2" in form
    assert "was added successfully" in answer.content.decode()
    row = FeeSchedule.objects.get()
    assert (row.by, row.tiers) == ("admin", [["0", "0.1", "0.05"]])
    page = admin_client.get(LIST).content.decode()
    assert "kraken-spot-2026-07, from 2026-07-07: 12 tiers" in page
    assert "0.1 % / 0.05 %" in page
    assert "<td>0.05</td>" in admin_client.get(f"{LIST}{row.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"tiers": "0 0.1"}, "tiers", "line 1 is '0 0.1'; expected volume in USD"),
        ({"tiers": "0 0.1 50"}, "tiers", "its maker rate is 50; expected 0 to 10 percent"),
        ({"name": "broker"}, "name", "name is 'broker'; expected FAMILY-YYYY-MM"),
        ({"valid_from": "soon"}, "valid_from", "Enter a valid date"),
    ],
)
def test_the_admin_refuses_beside_the_field(admin_client, changes: dict, field: str, words: str) -> None:
    reported = {"name": "broker-2026-01", "valid_from": "2026-01-01", "tiers": "0 0.10 0.05"}

    answer = admin_client.post(ADD, {**reported, **changes})

    assert words in " ".join(answer.context["adminform"].form.errors[field])
    assert not FeeSchedule.objects.exists()


def test_the_admin_withdraws_what_nobody_was_charged_by_and_says_who_was(admin_client) -> None:
    free, used = added("free-2026-01"), added()
    charged("broker-2026-01")

    gone = admin_client.post(f"{LIST}{free.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    kept = admin_client.post(f"{LIST}{used.pk}/delete/", {"post": "yes"}, follow=True).content.decode()

    assert "Withdrawn: free-2026-01." in gone
    assert "broker-2026-01 stays: a was charged by it" in kept
    assert list(FeeSchedule.objects.all()) == [used]


def test_the_api_lists_adds_and_withdraws(admin_client, client) -> None:
    made = admin_client.post(API, BODY, content_type="application/json")

    assert made.status_code == 201, made.json()
    own, published = client.get(API).json()
    assert (own["name"], own["family"], own["is_own"], own["added_by"]) == ("broker-2026-01", "broker", True, "admin")
    assert own["tiers"][1] == {"volume": "10000", "taker_bps": "8", "maker_bps": "0"}
    assert (published["name"], published["is_own"], len(published["tiers"])) == ("kraken-spot-2026-07", False, 12)
    assert client.get(f"{API}broker-2026-01/").json() == own
    assert admin_client.delete(f"{API}broker-2026-01/").status_code == 204
    assert client.get(f"{API}broker-2026-01/").status_code == 404
    kept = admin_client.delete(f"{API}kraken-spot-2026-07/")
    assert (kept.status_code, list(kept.json()["errors"])) == (400, ["name"])


def test_the_api_names_the_field_that_is_wrong(admin_client) -> None:
    body = {**BODY, "name": "broker"}

    answer = admin_client.post(API, body, content_type="application/json")

    assert answer.status_code == 400
    assert "expected FAMILY-YYYY-MM" in str(answer.json()["errors"]["name"])
