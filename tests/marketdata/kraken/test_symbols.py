import pytest

from marketdata.kraken.symbols import (
    UnknownPairName,
    altname_of,
    nearest,
    symbol_of,
    symbol_of_altname,
    symbol_of_wsname,
)


@pytest.mark.parametrize(
    ("symbol", "altname", "wsname"),
    [
        ("BTC/USD", "XBTUSD", "XBT/USD"),
        ("DOGE/USD", "XDGUSD", "XDG/USD"),
        ("ETH/BTC", "ETHXBT", "ETH/XBT"),
        ("BTC/USDT", "XBTUSDT", "XBT/USDT"),
        ("XTZ/USD", "XTZUSD", "XTZ/USD"),
        ("ZRX/EUR", "ZRXEUR", "ZRX/EUR"),
        ("XRP/BTC", "XRPXBT", "XRP/XBT"),
    ],
)
def test_a_pair_has_one_v2_symbol_and_older_names(symbol, altname, wsname):
    assert altname_of(symbol) == altname
    assert symbol_of_altname(altname) == symbol
    assert symbol_of_wsname(wsname) == symbol


def test_a_bulk_file_may_spell_the_asset_as_v2_does():
    assert symbol_of_altname("BTCUSDC") == "BTC/USDC"


def test_known_symbols_are_believed_before_the_letters():
    assert symbol_of_altname("XBTMXN", ["BTC/MXN"]) == "BTC/MXN"


@pytest.mark.parametrize("name", ["", "USD", "XBT", "HELLO"])
def test_a_name_that_is_no_pair_is_refused_by_name(name):
    with pytest.raises(UnknownPairName, match=f"pair is '{name}'"):
        symbol_of_altname(name)


@pytest.mark.parametrize(
    ("spelled", "symbol"),
    [
        ("XBT/USD", "BTC/USD"),
        ("btc/usd", "BTC/USD"),
        (" Btc-Eur ", "BTC/EUR"),
        ("BTC_USDT", "BTC/USDT"),
        ("XDG/EUR", "DOGE/EUR"),
        ("xdgusd", "DOGE/USD"),
        ("XXBTZUSD", "BTC/USD"),
        ("XETHXXBT", "ETH/BTC"),
        ("XTZ/USD", "XTZ/USD"),
        ("AAPLx/USD", "AAPLx/USD"),
        ("AAPLxUSD", "AAPLx/USD"),
        ("HAPPYUSD", "HAPPY/USD"),
        ("XBTPYUSD", "BTC/PYUSD"),
    ],
)
def test_a_pair_is_understood_in_every_usual_spelling(spelled, symbol):
    assert symbol_of(spelled) == symbol


def test_a_listed_pair_is_found_whatever_its_letters_case():
    assert symbol_of("aaplx/usd", ["AAPLx/USD"]) == "AAPLx/USD"


@pytest.mark.parametrize("name", ["BTC", "BTC/USD/EUR", "/USD", "BTC/", "B$C/USD"])
def test_what_is_no_pair_in_any_spelling_is_refused_by_name(name):
    with pytest.raises(UnknownPairName, match="pair is "):
        symbol_of(name)


@pytest.mark.parametrize(
    ("wanted", "likeliest"), [("BTC/USDD", "BTC/USD"), ("USD/BTC", "BTC/USD"), ("ETHH/USD", "ETH/USD")]
)
def test_the_nearest_listed_pairs_are_named(wanted, likeliest):
    assert nearest(wanted, ["BTC/EUR", "BTC/USD", "ETH/USD", "XRP/BTC"])[0] == likeliest
