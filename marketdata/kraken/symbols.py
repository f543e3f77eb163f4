"""Names of a pair: ours is the WebSocket v2 symbol; REST, the bulk files and people have others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

_NEW_NAMES = {"XBT": "BTC", "XDG": "DOGE"}  # v1 and REST -> v2; no other asset is called otherwise
_OLD_NAMES = {new: old for old, new in _NEW_NAMES.items()}
# Assets that REST's own ids prefix with X or Z; other names may begin with these letters.
_PREFIXED = (
    *("XXBT", "XETH", "XXRP", "XLTC", "XXDG", "XXLM", "XXMR", "XZEC", "XETC", "XREP", "XMLN"),
    *("ZUSD", "ZEUR", "ZGBP", "ZCAD", "ZJPY", "ZAUD"),
)
_REST_ID = re.compile(rf"({'|'.join(_PREFIXED)})({'|'.join(_PREFIXED)})")
# Quote currencies of Kraken's pairs, longest first: USDT holds USD.
_QUOTES = (
    *("USDT", "USDC", "USDD", "USDG", "USDQ", "USDR", "USDS", "EURC", "EURQ", "EURR", "EURT"),
    *("USD", "EUR", "GBP", "CAD", "JPY", "CHF", "AUD", "AED", "DAI"),
    *("XBT", "BTC", "ETH", "XDG", "DOGE", "DOT", "SOL", "BNB"),
)
# These end in another quote: HAPPYUSD is HAPPY in USD and not HAP in PYUSD. Only these are traded in them.
_LONG_QUOTES = {"PYUSD": ("XBT", "BTC", "ETH", "SOL", "XRP", "USDC", "USDT"), "RLUSD": ("XBT", "BTC", "ETH", "XRP")}
_ALIKE = 0.6  # of one: less is no likeness
_SEPARATORS = re.compile(r"[/\-_:. ]")
_TOKENISED = re.compile(r"[A-Z0-9.]+x", re.ASCII)  # AAPLx: a stock as a token, which Kraken spells with a small x
_ASSET = re.compile(r"[A-Za-z0-9.]{1,20}", re.ASCII)


class UnknownPairName(ValueError):
    """A name from which no pair can be read."""


def currency_of(name: str) -> str:
    """Return an asset as the v2 API spells it: ``xbt`` is ``BTC``, ``AAPLx`` stays as it is."""
    plain = name.strip()
    if not _TOKENISED.fullmatch(plain):
        plain = plain.upper()
    if plain in _PREFIXED:
        plain = plain[1:]
    return _NEW_NAMES.get(plain, plain)


def symbol_of(name: str, known: Iterable[str] = ()) -> str:
    """Return the v2 symbol of a pair in whatever spelling: ``XBT/USD``, ``btc-usd``, ``XXBTZUSD``, ``XDGEUR``.

    ``known`` symbols count before its letters. Whether the exchange lists such a pair is another question.

    Raises:
        UnknownPairName: no two assets can be read from it.
    """
    plain = name.strip()
    parts = _SEPARATORS.split(plain)
    if len(parts) == 1:
        return symbol_of_altname(plain, known)
    if len(parts) != 2 or not all(_ASSET.fullmatch(part) for part in parts):
        raise UnknownPairName(f"pair is {name!r}; expected BASE/QUOTE, such as BTC/USD")
    symbol = f"{currency_of(parts[0])}/{currency_of(parts[1])}"
    return next((one for one in known if one.upper() == symbol.upper()), symbol)


def tokenised_too(symbols: Iterable[str]) -> dict[str, bool]:
    """Return what a request for all pairs adds where a stock as a token is among ``symbols``, such as AAPLx/USD."""
    has_one = any(_TOKENISED.fullmatch(symbol.partition("/")[0]) for symbol in symbols)
    return {"include_tokenized_assets": True} if has_one else {}


def symbols_of(names: Iterable[str], known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the v2 symbols of pairs in whatever spelling, each once.

    Raises:
        UnknownPairName: no two assets can be read from one of them.
    """
    listed = list(known)
    return tuple(dict.fromkeys(symbol_of(name, listed) for name in names if name.strip()))


def nearest(symbol: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known symbols that a person may have meant, the likeliest first."""
    wanted = symbol.upper()
    base, _, quote = wanted.partition("/")

    def likeness(one: str) -> float:
        name = one.upper()
        bonus = 1.0 if name == f"{quote}/{base}" else 0.5 if name.startswith(f"{base}/") else 0.0
        return bonus + SequenceMatcher(None, wanted, name).ratio()

    alike = sorted((-likeness(one), one) for one in known)
    return [one for score, one in alike[:most] if -score >= _ALIKE]


def unlisted(symbol: str, known: Sequence[str]) -> str:
    """Return that the exchange lists no such pair, and which it lists that are spelled alike."""
    alike = nearest(symbol, known)
    return "the exchange lists no such pair" + (f"; nearest: {', '.join(alike)}" if alike else "")


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
        if plain in (altname_of(symbol).upper(), symbol.replace("/", "").upper()):
            return symbol
    by_id = _REST_ID.fullmatch(plain)
    if by_id is not None:
        return f"{currency_of(by_id[1])}/{currency_of(by_id[2])}"
    long = [q for q, bases in _LONG_QUOTES.items() if plain.endswith(q) and plain.removesuffix(q) in bases]
    for quote in (*long, *_QUOTES):
        if plain.endswith(quote) and len(plain) > len(quote) and _ASSET.fullmatch(plain):
            return f"{currency_of(altname[: -len(quote)])}/{currency_of(quote)}"
    raise UnknownPairName(f"pair is {altname!r}; expected a name like XBTUSD, ending in a quote currency")
