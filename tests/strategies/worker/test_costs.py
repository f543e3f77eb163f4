"""What a deployment costs, as its worker measures it."""

import pytest

from strategies.models import DeploymentCost
from strategies.worker.costs import Meter, record_costs, resumed_meters
from tests.rows import enter

MINUTE_NS = 60 * 10**9


def test_mean_and_worst_are_those_of_the_last_five_minutes():
    meter = Meter()
    meter.note(0, 9_000_000, 0)
    for minute in range(1, 6):
        meter.note(minute * MINUTE_NS, 10_000, 0)
        meter.note(minute * MINUTE_NS + 1, 30_000, 0)

    assert (meter.evaluations, meter.mean_us, meter.worst_us) == (10, 20, 30)


def test_a_meter_that_has_measured_nothing_knows_no_time():
    assert (Meter().evaluations, Meter().mean_us, Meter().worst_us) == (0, None, None)


def test_memory_that_is_given_back_is_no_longer_counted():
    meter = Meter()
    for grew in (5_000, 3_000, -7_000, -4_000, 2_000):
        meter.note(0, 1, grew)

    assert meter.grown_bytes == 2_000


@pytest.mark.django_db
def test_the_next_worker_counts_errors_on_and_memory_anew():
    deployment = enter(None, "a")
    first = Meter(grown_bytes=5_000, errors=3, interruptions=2, state_bytes=40)
    first.note(0, 8_000, 0)
    record_costs({deployment.pk: first})

    second = resumed_meters([deployment.pk])[deployment.pk]
    second.errors += 1
    record_costs({deployment.pk: second})

    row = DeploymentCost.objects.get()
    assert (row.errors, row.interruptions, row.grown_bytes, row.mean_us) == (4, 2, 0, None)
