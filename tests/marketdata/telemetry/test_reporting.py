import time

import pytest

from marketdata import bus
from marketdata.telemetry import report_store
from marketdata.telemetry.metrics import counter, gauge
from marketdata.telemetry.reporting import Family, Report, Reporter, Sample, living_reports, merged
from tests.processes import wait_until


@pytest.fixture(autouse=True)
def empty_redis():
    bus.redis_client().flushall()
    yield
    bus.redis_client().flushall()


class Till:
    """Counts sales."""

    def __init__(self):
        self.sales = 0

    def collect(self):
        yield counter("shop_sales", "Sales.", self.sales)


def shops() -> list[Report]:
    """Return the reports of this test's process; the web site's code, once imported, reports from here, too."""
    return [report for report in living_reports() if report.process == "shop"]


def test_what_a_process_counts_is_known_to_all_until_it_ends():
    till = Till()
    till.sales = 3

    reporter = Reporter("shop", till.collect).start()
    wait_until(shops, "the first report")
    (report,) = shops()
    reporter.stop()

    assert (report.process, report.value("shop_sales_total")) == ("shop", 3)
    assert report.value("process_resident_memory_bytes") > 1_000_000
    assert report.value("process_start_time_seconds") == pytest.approx(time.time(), abs=86_400)
    assert report.value("paddock_build_info") == 1
    assert shops() == []
    assert not [name for name in report_store.signs_of_life() if name.startswith("shop@")]


def test_a_process_that_fell_silent_is_no_longer_among_the_living_but_when_it_was_received_is_known():
    report_store.write_report("shop@here:1", b"")

    bus.redis_client().delete("paddock:report:shop@here:1")

    assert report_store.reports() == {}
    assert report_store.signs_of_life()["shop@here:1"] == pytest.approx(time.time(), abs=10)


def test_rates_are_those_since_the_last_report():
    till = Till()
    reporter = Reporter("shop", till.collect)

    first = reporter.report()
    till.sales = 10
    began_s = time.monotonic()
    wait_until(lambda: time.monotonic() - began_s > 0.2, "a little time")
    second = reporter.report()

    assert first.rates == {}
    assert 0 < second.rates["shop_sales_total"] <= 50


def test_a_counter_that_cannot_be_read_silences_the_metrics_and_nothing_else():
    def fall_over():
        raise RuntimeError("the till is stuck")
        yield

    reporter = Reporter("shop", fall_over).start()
    reporter.stop()

    assert living_reports() == []


def test_one_metric_of_many_processes_is_one_family_labelled_by_process_and_instance():
    def family(value):
        return [Family("shop_sales", "counter", "Sales.", [Sample("shop_sales_total", {"till": "a"}, value)])]

    (metric,) = merged([Report("shop", "here:1", family(1)), Report("shop", "there:2", family(2))])

    assert [(sample.labels, sample.value) for sample in metric.samples] == [
        ({"process": "shop", "instance": "here:1", "till": "a"}, 1),
        ({"process": "shop", "instance": "there:2", "till": "a"}, 2),
    ]


def test_of_two_versions_that_disagree_on_a_type_one_is_believed():
    old = Report("shop", "old:1", [Family("sales", "gauge", "Sales.", [Sample("sales", {}, 1)])])
    new = Report("shop", "new:1", [Family("sales", "counter", "Sales.", [Sample("sales_total", {}, 2)])])

    (metric,) = merged([new, old])

    assert (metric.type, len(metric.samples)) == ("counter", 1)


def test_a_report_of_another_version_is_left_out():
    report_store.write_report("shop@here:1", b"\xc1 what is this")

    assert living_reports() == []


def test_a_gauge_without_labels_is_the_number_itself():
    report = Reporter("shop", lambda: [gauge("shop_open", "Open.", 1)]).report()

    assert report.value("shop_open") == 1
    assert report.value("shop_shut") is None
