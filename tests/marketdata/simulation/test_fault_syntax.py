from math import inf

import pytest

from marketdata.simulation.fault_syntax import FAULTS_HELP, InvalidFaults, parse_faults
from marketdata.simulation.faults import KINDS, Fault, Plan, pair_status, system_at


def fields(fault: Fault) -> tuple[object, ...]:
    return fault.name, fault.at_s, fault.value, fault.lasting_s, fault.symbol


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("drop@30", ("drop", 30.0, "", 0.0, "")),
        ("drop:1013@30+20", ("drop", 30.0, "1013", 20.0, "")),
        ("silence@0.5", ("silence", 0.5, "", 0.0, "")),
        ("dead@1", ("dead", 1.0, "book", 0.0, "")),
        ("dead:trade@1:BTC/USD", ("dead", 1.0, "trade", 0.0, "BTC/USD")),
        ("corrupt@45:BTC/USD", ("corrupt", 45.0, "", 0.0, "BTC/USD")),
        ("lose:book@45+3:XRP/BTC", ("lose", 45.0, "book", 3.0, "XRP/BTC")),
        ("slow:3@60", ("slow", 60.0, "3", 10.0, "")),
        ("slow@60+2.5", ("slow", 60.0, "3", 2.5, "")),
        ("rate@45", ("rate", 45.0, "1", 0.0, "")),
        ("maintenance:40@5", ("maintenance", 5.0, "40", 0.0, "")),
        ("delist@60:XRP/USD", ("delist", 60.0, "", inf, "XRP/USD")),
        ("pair:post_only@60+9:XRP/USD", ("pair", 60.0, "post_only", 9.0, "XRP/USD")),
        ("skew:-2.5@60", ("skew", 60.0, "-2.5", 20.0, "")),
        ("rest:html@60+5", ("rest", 60.0, "html", 5.0, "")),
    ],
)
def test_a_fault_is_written_in_one_word(word, expected):
    (fault,) = parse_faults(word).script

    assert fields(fault) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("corupt@45", "fault 'corupt@45': no fault is named 'corupt'; expected one of drop, silence, dead"),
        ("drop", "fault 'drop' has no time; expected drop[:1001|1011|1013]@AT[+LASTING]"),
        ("drop@soon", "fault 'drop@soon': time is 'soon'; expected a number from 0 to 86400"),
        ("drop@-1", "time is '-1'; expected a number from 0"),
        ("drop@nan", "time is 'nan'; expected a number from 0"),
        ("drop@", "time is ''; expected a number from 0"),
        ("drop@1+0", "length is '0'; expected a number from 0.001"),
        ("drop:1000@1", "value is '1000'; expected one of 1001, 1011, 1013"),
        ("drop@1:BTC/USD", "drop takes no symbol, got 'BTC/USD'"),
        ("corrupt:3@1", "value is '3'; expected none, as in corrupt@AT[+LASTING][:SYMBOL]"),
        ("corrupt@1:XBT/USD", "symbol is 'XBT/USD'; expected one of BTC/USD, ETH/USD, XRP/USD, XRP/BTC"),
        ("dead:ohlc@1", "value is 'ohlc'; expected one of book, trade, ticker"),
        ("slow:0@1", "value is '0'; expected a number from 0.1 to 60"),
        ("rate@1+5", "rate takes no +5; expected rate[:1..100]@AT"),
        ("random", "fault 'random': seed is ''; expected a whole number, as in random:SEED[:PER_MINUTE]"),
        ("random:x", "seed is 'x'"),
        ("random:1:often", "per minute is 'often'; expected a number from 0.01 to 600"),
        ("random:1:2@x", "time is 'x'"),
    ],
)
def test_a_bad_word_is_refused_with_what_would_be_right(text, complaint):
    with pytest.raises(InvalidFaults) as refusal:
        parse_faults(f"drop@30,{text}")

    assert complaint in str(refusal.value)


def test_several_words_make_one_script_and_nothing_makes_none():
    plan = parse_faults("drop@30, corrupt@45:BTC/USD,slow:3@60 random:7:2@90+60")

    assert [fault.name for fault in plan.script] == ["drop", "corrupt", "slow"]
    assert [(m.seed, m.per_minute, m.from_s, m.until_s) for m in plan.mixtures] == [(7, 2.0, 90.0, 150.0)]
    assert plan
    assert not parse_faults("")


def test_every_kind_is_explained():
    assert all(f"{name}" in FAULTS_HELP for name in KINDS)


def test_the_same_words_give_the_same_faults_however_time_is_cut():
    one, other = parse_faults("random:7:12,drop@30"), parse_faults("random:7:12,drop@30")

    whole = one.begun(-1.0, 600.0)
    parts = [fault for tenth in range(-10, 6_000) for fault in other.begun(tenth / 10, (tenth + 1) / 10)]

    assert whole == parts
    assert len(whole) == 121
    assert whole != parse_faults("random:8:12,drop@30").begun(-1.0, 600.0)


def test_a_mixture_holds_every_kind_and_ends_when_it_is_to_end():
    faults = parse_faults("random:3:60@10+600", ("ETH/USD",)).begun(-1.0, 10_000.0)

    assert {fault.name for fault in faults} == set(KINDS)
    assert {fault.symbol for fault in faults} == {"", "ETH/USD"}
    assert faults[0].at_s >= 10.0
    assert faults[-1].at_s <= 610.0
    assert all(fault.lasting_s <= 20.0 for fault in faults)


def test_what_goes_on_is_what_has_begun_and_is_not_over():
    plan = parse_faults("random:5:30")
    begun = plan.begun(-1.0, 300.0)

    for now_s in range(0, 300, 7):
        assert plan.going_on(now_s) == [fault for fault in begun if fault.at_s <= now_s < fault.until_s]


def states(plan: Plan, of: str) -> list[str]:
    states = []
    for now_s in range(60):
        faults = plan.going_on(now_s)
        state = system_at(faults, now_s) if of == "system" else pair_status(faults, of)
        states += [state] if states[-1:] != [state] else []
    return states


def test_maintenance_ends_step_by_step():
    plan = parse_faults("maintenance:20@10")

    assert states(plan, "system") == ["online", "maintenance", "cancel_only", "post_only", "online"]
    assert [system_at(plan.going_on(at_s), at_s) for at_s in (19.9, 20.0, 25.0, 30.0)] == [
        *("maintenance", "cancel_only"),
        *("post_only", "online"),
    ]


def test_a_delisted_pair_comes_back_only_when_its_time_is_reported():
    assert states(parse_faults("delist@10:BTC/USD"), "BTC/USD") == ["online", "delisted"]
    assert states(parse_faults("delist@10+20:BTC/USD"), "BTC/USD") == ["online", "delisted", "online"]
    assert states(parse_faults("delist@10:BTC/USD"), "ETH/USD") == ["online"]
