"""Kraken's public REST API: requests are slow, repeated when it is busy, and errors name what it refused."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import httpx

from marketdata.kraken import rest_answers
from marketdata.kraken.rest_answers import BadAnswer, ExchangeError, PairName, SystemStatus
from marketdata.kraken.rest_body import MAX_BYTES, BadBody, read_body
from marketdata.kraken.symbols import altname_of
from marketdata.proxies import proxy_for, through, transport_to
from marketdata.telemetry import tracing
from trading.book import BookTop
from trading.candles import TIMEFRAME_MINUTES, Candle
from trading.frames import NS_PER_S, Trade
from trading.instruments import Instrument

USER_AGENT = "paddock (paper trading)"
INTERVAL_S = 1.0  # between two requests: what Kraken sustains per address
MAX_TRIES = 5
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
JITTER = 0.5  # of a wait, added at random
TIMEOUT_S = 10.0
MAX_CANDLES = 720  # closed ones that OHLC returns, whatever is requested
TRADES_A_PAGE = 1_000
DEEPEST = 500
_SHOWN = 80  # letters of a header in an error
# Whatever the bytes, reading them raises nothing else.
_UNREADABLE = (ValueError, ArithmeticError, RecursionError, TypeError, LookupError)
_HTTP_OK, _HTTP_TOO_MANY, _HTTP_SERVER_ERROR = 200, 429, 500

_T = TypeVar("_T")


class RestError(RuntimeError):
    """Base of a request's errors; the text names endpoint, pair and the exchange's own text."""


class RestRefused(RestError):
    """The exchange will not answer this request, however often it is sent."""


class RestUnavailable(RestError):
    """The exchange did not answer in any of the tries."""


class _TryAgain(Exception):
    """An answer that a later request may better."""


class ClockReading(NamedTuple):
    """The exchange's clock, read over REST; ns since the epoch."""

    sent_ns: int  # by the clock of this machine
    exchange_ns: int  # in whole seconds
    received_ns: int  # by the clock of this machine

    @property
    def ahead_ns(self) -> int:
        """How far the exchange is ahead of this machine; within half a second, and half the way there and back."""
        return self.exchange_ns + NS_PER_S // 2 - (self.sent_ns + self.received_ns) // 2


class Pace:
    """Lets requests through one at a time, ``interval_s`` apart, whichever thread makes them."""

    def __init__(
        self,
        interval_s: float = INTERVAL_S,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.sleep = sleep
        self._interval_s = interval_s
        self._clock = clock
        self._next_s = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next request may be made."""
        with self._lock:
            now_s = self._clock()
            wait_s = max(0.0, self._next_s - now_s)
            self._next_s = now_s + wait_s + self._interval_s
        if wait_s:
            self.sleep(wait_s)


class KrakenRest:
    """A client of the public endpoints. Prices and quantities come as ticks and lots, exactly.

    Every method may raise RestRefused or RestUnavailable.
    """

    def __init__(
        self,
        base_url: str,
        *,
        pace: Pace | None = None,
        chance: Callable[[], float] = random.random,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._chance = chance
        self._altnames: dict[str, str] = {}
        self._way = through(proxy_for(base_url))
        self._http = httpx.Client(
            base_url=base_url,
            timeout=TIMEOUT_S,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"},
            follow_redirects=False,
            transport=transport or transport_to(base_url),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def system_status(self) -> SystemStatus:
        """Return the exchange's own status."""
        return self._request("SystemStatus", {}, rest_answers.read_status)

    def asset_pairs(self) -> dict[str, PairName]:
        """Return every pair by its v2 symbol, and know their REST names from now on."""
        pairs = {pair.instrument.symbol: pair for pair in self._request("AssetPairs", {}, rest_answers.read_pairs)}
        self._altnames |= {symbol: pair.altname for symbol, pair in pairs.items()}
        return pairs

    def candles(self, instrument: Instrument, timeframe: str, since_s: int | None = None) -> list[Candle]:
        """Return the newest closed candles in ticks and lots, oldest first; never the forming one.

        There are at most MAX_CANDLES; ``since_s`` (exclusive) can only make them fewer.
        """
        about: dict[str, Any] = {"pair": self._name(instrument), "interval": TIMEFRAME_MINUTES[timeframe]}
        if since_s is not None:
            about["since"] = since_s
        return self._request("OHLC", about, lambda result: rest_answers.read_candles(result, instrument))

    def trades(self, instrument: Instrument, since_ns: int) -> Iterator[list[Trade]]:
        """Yield the public prints after ``since_ns`` page by page, oldest first, each print once.

        Ends where the exchange has no more.
        """
        since, last_id = str(since_ns), -1
        while True:
            about = {"pair": self._name(instrument), "since": since, "count": TRADES_A_PAGE}
            page = self._request("Trades", about, lambda result: rest_answers.read_trades(result, instrument))
            # Equal times at a border bring a print twice: its id shows it.
            fresh = [trade for trade in page.trades if trade.trade_id > last_id]
            if not fresh or page.last == since:
                return
            last_id, since = fresh[-1].trade_id, page.last
            yield fresh

    def depth(self, instrument: Instrument, count: int = 100) -> BookTop:
        """Return the book, best first; ``count`` levels a side, 1 to 500."""
        if not 1 <= count <= DEEPEST:
            raise ValueError(f"count is {count}; expected 1 to {DEEPEST}")
        about = {"pair": self._name(instrument), "count": count}
        return self._request("Depth", about, lambda result: rest_answers.read_depth(result, instrument))

    def _name(self, instrument: Instrument) -> str:
        return self._altnames.get(instrument.symbol) or altname_of(instrument.symbol)

    def _request(self, endpoint: str, about: dict[str, Any], read: Callable[[bytes], _T]) -> _T:
        what = f"{endpoint} of {about['pair']}" if "pair" in about else endpoint
        reason = ""
        for attempt in range(MAX_TRIES):
            if attempt:
                wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1))
                self._pace.sleep(wait_s * (1.0 + JITTER * self._chance()))
            self._pace.wait()
            try:
                with tracing.span(f"REST {endpoint}", **about):
                    return read(self._result(endpoint, about))
            except _TryAgain as error:
                reason = str(error)
            except _UNREADABLE as error:
                raise RestRefused(f"{what}: {error}") from None
        raise RestUnavailable(f"{what}: no answer in {MAX_TRIES} tries; the last: {reason}")

    def _result(self, endpoint: str, about: dict[str, Any]) -> bytes:
        try:
            status, kind, body = self._get(f"/0/public/{endpoint}", about)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, BadBody) as error:
            raise _TryAgain(f"{type(error).__name__} {error}".strip() + self._way) from None
        if status == _HTTP_TOO_MANY or status >= _HTTP_SERVER_ERROR:
            raise _TryAgain(f"HTTP {status}")
        if "json" not in kind:
            # A proxy's page in the exchange's stead, 403 and 200 alike, or a redirection, which is not followed.
            raise _TryAgain(f"HTTP {status} with {kind[:_SHOWN] or 'no content type'}")
        try:
            result = rest_answers.result_of(body)
        except ExchangeError as error:
            if error.is_temporary:
                raise _TryAgain(str(error)) from None
            raise
        except BadAnswer as error:
            raise _TryAgain(str(error)) from None  # torn on its way: the next may be whole
        if status != _HTTP_OK:
            raise BadAnswer(f"HTTP {status}")
        return result

    def _get(self, path: str, about: dict[str, Any]) -> tuple[int, str, bytes]:
        """Return status, content type and body; nothing is read of a body that is not used."""
        with self._http.stream("GET", path, params=about) as answer:
            kind = answer.headers.get("content-type", "")
            if answer.status_code >= _HTTP_SERVER_ERROR or "json" not in kind:
                return answer.status_code, kind, b""
            length = answer.headers.get("content-length", "")
            if length.isdigit() and int(length) > MAX_BYTES:
                raise BadBody(f"body has {length} bytes; expected at most {MAX_BYTES}")
            if answer.is_stream_consumed:  # by a transport that had it whole, unpacked
                return answer.status_code, kind, read_body(iter([answer.content]), "")
            encoding = answer.headers.get("content-encoding", "").strip().lower()
            return answer.status_code, kind, read_body(answer.iter_raw(), encoding)

    def exchange_clock(self) -> ClockReading | None:
        """Return the exchange's time with ours before and after; None where it does not tell. Requested once."""
        for endpoint, read in (("Time", rest_answers.read_time), ("SystemStatus", rest_answers.read_status_time)):
            sent_ns = time.time_ns()
            try:
                exchange_ns = read(self._result(endpoint, {}))
            except (_TryAgain, *_UNREADABLE):
                continue
            return ClockReading(sent_ns, exchange_ns, time.time_ns())
        return None
