"""Kraken's names for a pair: the WebSocket v2 symbol is ours, REST and the bulk files have older ones."""

from __future__ import annotations

from collections.abc import Iterable

_NEW_NAMES = {"XBT": "BTC", "XDG": "DOGE"}  # v1 and REST -> v2; no other asset is called otherwise
_OLD_NAMES = {new: old for old, new in _NEW_NAMES.items()}
# Quote currencies of Kraken's pairs, longest first: PYUSD and USDT both hold USD.
_QUOTES = (
    *("PYUSD", "RLUSD", "USDT", "USDC", "USDD", "USDG", "USDQ", "USDR", "USDS", "EURC", "EURQ", "EURR", "EURT"),
    *("USD", "EUR", "GBP", "CAD", "JPY", "CHF", "AUD", "AED", "DAI"),
    *("XBT", "BTC", "ETH", "XDG", "DOGE", "DOT", "SOL", "BNB"),
)


class UnknownPairName(ValueError):
    """A name from which no pair can be read."""


def symbol_of_wsname(wsname: str) -> str:
    """Return the v2 symbol of a v1 name: ``XBT/USD`` is ``BTC/USD``.

    Raises:
        UnknownPairName: there is no slash between two assets.
    """
    base, slash, quote = wsname.partition("/")
    if not (base and slash and quote):
        raise UnknownPairName(f"pair is {wsname!r}; expected BASE/QUOTE")
    return f"{_NEW_NAMES.get(base, base)}/{_NEW_NAMES.get(quote, quote)}"


def wsname_of(symbol: str) -> str:
    """Return the v1 name of a v2 symbol: ``BTC/USD`` is ``XBT/USD``."""
    base, _, quote = symbol_of_wsname(symbol).partition("/")
    return f"{_OLD_NAMES.get(base, base)}/{_OLD_NAMES.get(quote, quote)}"


def altname_of(symbol: str) -> str:
    """Return what REST and the bulk files call a pair that AssetPairs has not given us: ``XBTUSD``."""
    return wsname_of(symbol).replace("/", "")


def symbol_of_altname(altname: str, known: Iterable[str] = ()) -> str:
    """Return the v2 symbol of a REST or bulk-file name; ``known`` symbols count before its letters.

    Raises:
        UnknownPairName: it ends in no quote currency that we know.
    """
    plain = altname.upper()
    for symbol in known:
        if plain in (altname_of(symbol), symbol.replace("/", "")):
            return symbol
    for quote in _QUOTES:
        if plain.endswith(quote) and len(plain) > len(quote):
            return symbol_of_wsname(f"{plain.removesuffix(quote)}/{quote}")
    raise UnknownPairName(f"pair is {altname!r}; expected a name like XBTUSD, ending in a quote currency")
