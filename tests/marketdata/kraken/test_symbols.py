import pytest

from marketdata.kraken.symbols import UnknownPairName, altname_of, symbol_of_altname, symbol_of_wsname


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
