"""An exchange that announces other decimals while its market stays as it is; what is heard of it, as frames."""

from __future__ import annotations

from decimal import Decimal

from marketdata.framing.listener import Listener
from tests.marketdata import wire
from trading.book import OrderBook
from trading.frames import Frame

SYMBOL = "BTC/USD"
_LEVELS = 10


class AnnouncingExchange:
    """Ten bids at 60,000 and below, ten asks at 60,001 and above, two Bitcoin each; a print a second."""

    def __init__(self, price_decimals: int = 2, qty_decimals: int = 8) -> None:
        self.listener = Listener([SYMBOL], depth=10)
        self.now_ns = wire.NOON_NS
        self.decimals = (price_decimals, qty_decimals)
        self._trade_id = 0
        self.frames: list[Frame] = []
        self.listener.connected(self.now_ns)
        self.hear(b'{"channel":"status","type":"update","data":[{"system":"online","version":"2.0.10"}]}')
        self.announce(price_decimals, qty_decimals, kind="snapshot")

    def hear(self, message: bytes) -> None:
        """Let a message come now."""
        self.frames += self.listener.receive(message, self.now_ns)

    def announce(self, price_decimals: int, qty_decimals: int, kind: str = "update") -> None:
        """Announce the pair with these decimals, and send its book in them."""
        self.decimals = (price_decimals, qty_decimals)
        rules = wire.instruments(SYMBOL, price=price_decimals, qty=qty_decimals, kind=kind)
        self.hear(rules.replace(b'"qty_min":5e-05', f'"qty_min":1e-{qty_decimals:02d}'.encode()))
        self.send_book()

    def send_book(self) -> None:
        """Send the whole book."""
        bids = [(Decimal(60_000 - at), Decimal(2)) for at in range(_LEVELS)]
        asks = [(Decimal(60_001 + at), Decimal(2)) for at in range(_LEVELS)]
        book = OrderBook(_LEVELS)
        book.apply(*([(self._units(p, 0), self._units(q, 1)) for p, q in side] for side in (bids, asks)))
        texts = [" ".join(f"{self._text(p, 0)}:{self._text(q, 1)}" for p, q in side) for side in (bids, asks)]
        self.hear(wire.book(SYMBOL, book.checksum(), *texts))

    def print(self, price: str = "60000", qty: str = "0.1") -> None:
        """Let somebody trade."""
        self._trade_id += 1
        seconds, ns = divmod(self.now_ns - wire.NOON_NS, 10**9)
        row = (
            f'{{"symbol":"{SYMBOL}","side":"buy","price":{self._text(Decimal(price), 0)},'
            f'"qty":{self._text(Decimal(qty), 1)},"ord_type":"limit","trade_id":{self._trade_id},'
            f'"timestamp":"2026-07-07T12:{seconds // 60:02d}:{seconds % 60:02d}.{ns:09d}Z"}}'
        )
        self.hear(f'{{"channel":"trade","type":"update","data":[{row}]}}'.encode())

    def wait(self, seconds: float) -> None:
        """Let time pass, with a print a second."""
        for _ in range(round(seconds * 10)):
            self.now_ns += 100_000_000
            self.frames += self.listener.pass_time(self.now_ns)
            if self.now_ns % 10**9 == 0:
                self.print()

    def take(self) -> list[Frame]:
        """Return the frames that are over and were not taken before."""
        taken, self.frames = self.frames, []
        return taken

    def _units(self, number: Decimal, at: int) -> int:
        return int(number.scaleb(self.decimals[at]))

    def _text(self, number: Decimal, at: int) -> str:
        return f"{number:.{self.decimals[at]}f}"
