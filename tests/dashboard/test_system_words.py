"""Each rule of the system page: what it says, how bad it is, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.page.banner import Tone
from dashboard.system.processes import Process
from dashboard.system.readings import Backup, Database, Disk, Jobs, Redis, Run
from dashboard.system.state import SystemState, Versions, Worker
from dashboard.system.summary import RULES, system_words
from tests.rows import feed

NIGHT = datetime(2026, 7, 7, 2, 14, tzinfo=UTC)
NOW = NIGHT + timedelta(minutes=5)


def process(kind: str, version: str = "0.1.0", **figures: float) -> Process:
    return Process(
        kind=kind,
        instance=f"here:{kind}",
        version=version,
        started=NIGHT,
        memory_bytes=1e8,
        cpu_share=0.1,
        figures=figures,
    )


def worker(name: str = "w1", **changes: object) -> Worker:
    whole = {
        "name": name,
        "started": NIGHT,
        "last_seen": NOW,
        "is_silent": False,
        "holds_leases": True,
        "deployments": 7,
        "slugs": ("alpha",),
        "behind_s": 0.1,
        "process": None,
    }
    return Worker(**{**whole, **changes})


def silent(name: str = "w2", **changes: object) -> Worker:
    return worker(name, **{"is_silent": True, "last_seen": NIGHT, "holds_leases": False, **changes})


DATABASE = Database(
    version="18.1",
    bytes=10**8,
    connections=9,
    most_connections=100,
    oldest_transaction_s=None,
    clock_ahead_s=0.01,
    tables=[],
)
REDIS = Redis(server="Valkey", version="9", bytes=10**7, most_bytes=None, clients=5, uptime_s=60, streams=[])
DISK = Disk("/data", 50 * 10**9, 100 * 10**9)
ALL_KINDS = ("feed", "worker", "warden", "web", "jobs", "beat")
WELL = SystemState(
    now=NOW,
    season=None,
    feed=feed(),
    database=DATABASE,
    redis=REDIS,
    disk=DISK,
    jobs=Jobs(queues={"celery": 0}, runs={"thin": Run(NIGHT, 0.1, "done")}),
    processes=[process(kind) for kind in ALL_KINDS],
    last_seen={},
    workers=[worker()],
    due=7,
    unheld=(),
    quarantined=(),
    unloadable=(),
    backup=Backup("paddock-20260707T000000Z.dump", NIGHT),
    versions=Versions(paddock="0.1.0", python="3.11", django="5.2", postgres="18.1", redis="Valkey 9"),
)


def without(*kinds: str) -> list[Process]:
    return [process(kind) for kind in ALL_KINDS if kind not in kinds]


FAILED = Jobs(queues={"celery": 0}, runs={"thin": Run(NIGHT, 0.1, "failed"), "tidy": Run(NOW, 0.1, "done")})
CASES = [
    ({"database": None, "workers": None, "due": None}, Tone.BAD, "The database does not answer: nothing is saved"),
    ({"redis": None, "feed": None, "processes": None, "jobs": None}, Tone.BAD, "Redis does not answer: no frames"),
    ({"disk": Disk("/data", 4 * 10**9, 10**11)}, Tone.WARNING, "The disk of /data has 4.0 GB left."),
    ({"disk": Disk("/data", 10**8, 10**11)}, Tone.BAD, "The disk of /data has 0.1 GB left: recordings"),
    (
        {"redis": replace(REDIS, most_bytes=10**9, policy="allkeys-lru", evicted_keys=1_234)},
        Tone.BAD,
        "Redis has evicted 1,234 keys for want of memory: frames may be lost.",
    ),
    ({"redis": replace(REDIS, is_saved=False)}, Tone.BAD, "Redis cannot write to its disk: it refuses frames"),
    ({"feed": None, "last_seen": {"feed": NIGHT}}, Tone.BAD, "No feed running since 02:14 UTC: no market data"),
    ({"feed": feed(connected=False)}, Tone.BAD, "Feed disconnected, reconnecting"),
    ({"feed": feed(system="post_only")}, Tone.WARNING, "Exchange status: post only."),
    ({"workers": [], "unheld": ["a"]}, Tone.BAD, "No worker running: 7 deployments not being processed."),
    ({"workers": [], "due": 0}, Tone.BAD, "No worker running: no season will start."),
    (
        {"workers": [worker(), silent("w2"), silent("w3")], "unheld": list("abcdefg")},
        Tone.BAD,
        "No heartbeat from two of three workers since 02:14 UTC: 7 deployments not being processed.",
    ),
    (
        {"workers": [silent(holds_leases=True)]},
        Tone.BAD,
        "No heartbeat from the only worker since 02:14 UTC: 7 deployments not being processed.",
    ),
    (
        {"workers": [worker(), silent()]},
        Tone.WARNING,
        "No heartbeat from one of two workers since 02:14 UTC: other workers took over.",
    ),
    ({"unheld": ["alpha"]}, Tone.WARNING, "No worker runs alpha: 1 deployment not being processed."),
    ({"workers": [worker(behind_s=12.3)]}, Tone.WARNING, "w1 is 12 s behind the market: signals are late"),
    ({"workers": [worker(behind_s=99.0)]}, Tone.BAD, "w1 is 99 s behind the market"),
    (
        {"processes": [*without("worker"), process("worker", evaluating=0.9, writing=0.05)]},
        Tone.WARNING,
        "here:worker busy 95% of the time",
    ),
    ({"quarantined": ["alpha"]}, Tone.WARNING, "alpha is quarantined: it crashed or blocked a worker"),
    ({"quarantined": list("abcde")}, Tone.WARNING, "a, b, c and 2 more are quarantined: they crashed"),
    ({"processes": without("jobs", "beat")}, Tone.WARNING, "No job worker and no scheduler running: no cleanup"),
    (
        {"processes": without("beat"), "last_seen": {"beat": NIGHT}},
        Tone.WARNING,
        "No scheduler running since 02:14 UTC: no scheduled jobs.",
    ),
    ({"jobs": Jobs(queues={"celery": 1_234}, runs={})}, Tone.WARNING, "1,234 jobs queued."),
    ({"jobs": FAILED}, Tone.WARNING, "thin failing since 02:14 UTC."),
    ({"unloadable": ["mine/x.py"]}, Tone.WARNING, "mine/x.py failed to load: deployments keep running"),
    ({"database": replace(DATABASE, connections=95)}, Tone.WARNING, "95 of the database's 100 connections are in use"),
    ({"database": replace(DATABASE, oldest_transaction_s=600.0)}, Tone.WARNING, "A database transaction has been open"),
    ({"redis": replace(REDIS, most_bytes=10**7)}, Tone.WARNING, "Redis uses 100% of its memory limit"),
    ({"backup": Backup("old.dump", NOW - timedelta(days=12))}, Tone.WARNING, "The last backup is 12 days old: newer"),
    ({"database": replace(DATABASE, clock_ahead_s=-3.0)}, Tone.WARNING, "This machine's clock is 3.0 s behind the"),
    (
        {"processes": [*without("web"), process("web", "0.2.0")]},
        Tone.WARNING,
        "Processes run different Paddock versions: 0.1.0, 0.2.0",
    ),
]


@pytest.mark.parametrize(("changes", "tone", "sentence"), CASES, ids=[case[2][:40] for case in CASES])
def test_a_single_problem_is_the_summary_with_what_to_do(changes, tone, sentence):
    words = system_words(replace(WELL, **changes))

    assert words.tone is tone
    assert words.sentence.startswith(sentence)
    assert words.head.do
    assert words.also == ()


def test_without_problems_all_systems_are_ok():
    words = system_words(WELL)

    assert (words.tone, words.answer, words.head, words.also) == (Tone.GOOD, "All systems OK", None, ())
    assert words.sentence == "Receiving frames; 1 worker runs 7 deployments; jobs running."


def test_no_recorded_backup_is_no_problem():
    assert system_words(replace(WELL, backup=None)).tone is Tone.GOOD


def test_a_failure_of_long_ago_is_no_news():
    runs = {"gone": Run(NOW - timedelta(days=2), 0.1, "failed")}

    assert system_words(replace(WELL, jobs=Jobs(queues={"celery": 0}, runs=runs))).tone is Tone.GOOD


def test_every_rule_has_a_case():
    spoken = {rule for rule in RULES for changes, _, _ in CASES if rule(replace(WELL, **changes)) is not None}

    assert [rule.__name__ for rule in RULES if rule not in spoken] == []


def test_what_is_broken_goes_before_what_is_only_odd_and_none_is_lost():
    words = system_words(
        replace(WELL, quarantined=["alpha"], processes=without("jobs", "beat"), workers=[worker(behind_s=99.0)])
    )

    assert words.head.code == "behind"
    assert [cause.code for cause in words.also] == ["quarantined", "no-jobs"]
    assert words.answer == "System error"


def test_a_hung_worker_is_to_be_ended_and_a_dead_one_started_anew():
    hung = system_words(replace(WELL, workers=[silent("east-17-020000", holds_leases=True)])).head
    dead = system_words(replace(WELL, workers=[silent("w9")], unheld=["alpha"])).head

    assert hung.do.startswith("kill -9 17 on east: it holds deployments")
    assert "manage.py run_worker" in dead.do


def test_a_silent_worker_is_not_reported_as_late_too():
    words = system_words(replace(WELL, workers=[silent(holds_leases=True, behind_s=99.0)]))

    assert (words.head.code, words.also) == ("silent-workers", ())


def test_a_recording_at_its_end_owes_nobody_a_frame():
    words = system_words(replace(WELL, feed=feed(finished=True), workers=[worker(behind_s=99.0)]))

    assert [words.head.code, *(cause.code for cause in words.also)] == ["market"]
