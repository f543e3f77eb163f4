"""The market as the frames describe it."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from trading.book import BookTop
from trading.candles import MINUTE_NS, TIMEFRAME_MINUTES, Candle, Closed, counted, counts, width_ns
from trading.frames import FRAME_INTERVAL_MS, NS_PER_MS, CandleCounts, Frame, History, Trade
from trading.history import CandleHistory
from trading.instruments import Instrument
from trading.minutes import CandleBuilder
from trading.recount import Decimals, decimals_of, in_finer, recount
from trading.snapshot import DataSnapshot

__all__ = ["DataSnapshot", "Market"]  # strategies have imported the first from here
from trading.market_snapshot import TAPE_LENGTH, MarketSnapshot, MarketView, recounted_view


def _with_print(tape: list[Trade], length: int, trade: Trade) -> tuple[list[Trade], int]:
    """Return a tape that holds one print more, in the order of ids; snapshots of before still read the old one."""
    if length >= 2 * TAPE_LENGTH:
        tape, length = tape[length - TAPE_LENGTH : length], TAPE_LENGTH
    if length == 0 or trade.trade_id > tape[length - 1].trade_id:
        tape.append(trade)
        return tape, length + 1
    tape = tape[:length]
    insort(tape, trade, key=lambda known: known.trade_id)
    return tape, length + 1


class _SavedMarket(msgspec.Struct):
    sequence: int
    time_ns: int
    instruments: dict[str, Instrument]
    statuses: dict[str, str]
    system: str
    books: dict[str, BookTop]
    last_ticks: dict[str, int]
    tapes: dict[str, list[Trade]]
    builders: dict[str, CandleBuilder]
    correctable: list[tuple[str, str, CandleCounts]]  # closed; symbol, timeframe, numbers
    tape_decimals: dict[str, Decimals] = {}


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(_SavedMarket)


class Market:
    """Folds frames into the state that snapshots show. Same frames, same market."""

    def __init__(self) -> None:
        self.sequence = 0
        self.time_ns = 0
        self._view = MarketView({}, {}, "", {}, {}, {}, {})
        self._builders: dict[str, CandleBuilder] = {}
        self._histories: dict[str, CandleHistory] = {}

    def snapshot(self) -> MarketSnapshot:
        """Return the market as of the last frame."""
        return MarketSnapshot(self._view, self.sequence, self.time_ns, {})

    def fold(self, frame: Frame) -> list[Closed]:
        """Take in one frame; return the candles that count from it on: those it closed, those it brought."""
        view = self._view
        closed: list[tuple[str, Candle]] = []
        if frame.instruments:
            view = self._recounted(frame.instruments)
            self._begin_to_watch(frame)
        if frame.statuses:
            view = replace(view, statuses=view.statuses | frame.statuses)
        if frame.system:
            view = replace(view, system=frame.system)
        if frame.books:
            view = replace(view, books=view.books | frame.books)
        self._view = view
        if frame.gap is not None:
            for builder in self._builders.values():
                builder.interrupt(frame.gap.to_ns)
        corrected: list[tuple[str, Candle]] = []
        if frame.renumbered:
            self._renumber(frame.renumbered)
        if frame.trades or frame.late:
            closed, corrected = self._take_in(frame)
        if frame.time_ns // MINUTE_NS != self.time_ns // MINUTE_NS:
            for symbol, builder in self._builders.items():
                closed += [(symbol, candle) for candle in builder.close_until(frame.time_ns)]
        self.sequence, self.time_ns = frame.sequence, frame.time_ns
        known = self._close(closed) if closed else []
        known += self._correct(corrected) if corrected else []
        for piece in frame.history:
            known += self._remember(piece)
        return known

    def _recounted(self, instruments: Iterable[Instrument]) -> MarketView:
        """Count all that is held in the decimals that instruments have from now on; return the view with them."""
        view = self._view
        changed = {i.symbol: i for i in instruments if view.instruments.get(i.symbol) != i}
        for symbol, instrument in changed.items():
            known = view.instruments.get(symbol)
            change = recount(None if known is None else decimals_of(known), instrument)
            if change is not None:
                view = recounted_view(view, change)
                if symbol in self._builders:
                    self._builders[symbol].recount(change)
                if symbol in self._histories:
                    self._histories[symbol].recount(change)
        return replace(view, instruments=view.instruments | changed) if changed else view

    def _begin_to_watch(self, frame: Frame) -> None:
        """Know from when on the minutes of new symbols are watched whole."""
        for instrument in frame.instruments:
            if instrument.symbol not in self._builders:
                builder = self._builders[instrument.symbol] = CandleBuilder()
                builder.interrupt(frame.time_ns - FRAME_INTERVAL_MS * NS_PER_MS)

    def _renumber(self, symbols: tuple[str, ...]) -> None:
        """Begin new tapes: prints are ordered by ids, and those before are of another count."""
        for symbol in symbols:
            if symbol in self._builders:
                self._builders[symbol].renumber()
        self._view = replace(self._view, tapes={s: tape for s, tape in self._view.tapes.items() if s not in symbols})

    def _take_in(self, frame: Frame) -> tuple[list[tuple[str, Candle]], list[tuple[str, Candle]]]:
        """Return the minutes that the frame's prints closed, and those that they corrected."""
        closed: list[tuple[str, Candle]] = []
        corrected: list[tuple[str, Candle]] = []
        tapes, last = dict(self._view.tapes), dict(self._view.last_ticks)
        finer = self._view.tape_decimals
        for trade in (*frame.late, *frame.trades):
            symbol = trade.symbol
            remembered = trade
            if symbol in finer:
                remembered = in_finer(trade, decimals_of(self._view.instruments[symbol]), finer[symbol])
            tape, length = tapes[symbol] = _with_print(*tapes.get(symbol, ([], 0)), remembered)
            if tape[length - 1] is remembered:
                last[symbol] = trade.ticks
            builder = self._builders.setdefault(symbol, CandleBuilder())
            minutes = builder.add(trade.trade_id, trade.time_ns, trade.ticks, trade.lots, now_ns=frame.time_ns)
            closed += [(symbol, candle) for candle in minutes[0]]
            corrected += [(symbol, candle) for candle in minutes[1]]
        self._view = replace(self._view, tapes=tapes, last_ticks=last)
        return closed, corrected

    def _close(self, minutes: Iterable[tuple[str, Candle]]) -> list[Closed]:
        """Add closed minutes to the series; return them with the longer candles that they complete."""
        closed: list[Closed] = []
        for symbol, minute in minutes:
            instrument = self._view.instruments.get(symbol)
            if instrument is not None:
                history = self._histories.setdefault(symbol, CandleHistory(symbol))
                closed += [Closed(symbol, candle, tf) for tf, candle in history.close(minute, instrument)]
        self._show({(known.symbol, known.timeframe) for known in closed})
        return closed

    def _correct(self, minutes: Iterable[tuple[str, Candle]]) -> list[Closed]:
        """Replace closed minutes that late prints have changed, and what is made of them."""
        corrected: list[Closed] = []
        for symbol, minute in minutes:
            history, instrument = self._histories.get(symbol), self._view.instruments.get(symbol)
            if history is not None and instrument is not None:
                corrected += [Closed(symbol, candle, tf) for tf, candle in history.correct(minute, instrument)]
        self._show({(known.symbol, known.timeframe) for known in corrected})
        return corrected

    def _remember(self, piece: History) -> list[Closed]:
        """Add what others saw while we did not watch; what ends after this frame is not history yet."""
        instrument = self._view.instruments.get(piece.symbol)
        if instrument is None or piece.timeframe not in TIMEFRAME_MINUTES:
            return []
        latest_ns = self.time_ns - width_ns(piece.timeframe)
        candles = [counted(numbers) for numbers in piece.candles if numbers[0] <= latest_ns]
        fresh = self._insert(piece.symbol, piece.timeframe, candles, instrument)
        if fresh and piece.timeframe == "1m":
            newest = max(fresh, key=lambda candle: candle.start_ns)
            self._builders.setdefault(piece.symbol, CandleBuilder()).begin_after(newest)
        return [Closed(piece.symbol, candle, piece.timeframe) for candle in fresh]

    def _insert(self, symbol: str, timeframe: str, candles: list[Candle], instrument: Instrument) -> list[Candle]:
        fresh = self._histories.setdefault(symbol, CandleHistory(symbol)).insert(timeframe, candles, instrument)
        self._show({(symbol, timeframe)} if fresh else set())
        return fresh

    def _show(self, touched: set[tuple[str, str]]) -> None:
        views = {(symbol, timeframe): self._histories[symbol].view(timeframe) for symbol, timeframe in touched}
        self._view = replace(self._view, series=self._view.series | views)

    def forming(self, symbol: str) -> Candle | None:
        """Return the minute of ``symbol`` that is still open, in ticks and lots.

        None where it is not watched whole: nobody has traded yet, or its beginning was missed.
        """
        builder = self._builders.get(symbol)
        minute = builder.forming if builder is not None else None
        return minute if minute is not None and minute.start_ns <= self.time_ns else None

    def tapes(self) -> dict[str, list[Trade]]:
        """Return the remembered prints of each symbol that has traded, by id: a feed goes on after them."""
        tapes, view = self._tapes(), self._view
        for symbol, decimals in view.tape_decimals.items():
            change = recount(decimals, view.instruments[symbol])
            if symbol in tapes and change is not None:
                tapes[symbol] = [change.trade(trade) for trade in tapes[symbol]]
        return tapes

    def _tapes(self) -> dict[str, list[Trade]]:
        return {symbol: tape[max(0, n - TAPE_LENGTH) : n] for symbol, (tape, n) in self._view.tapes.items() if n}

    def checkpoint(self) -> bytes:
        """Return everything but the closed candles, which the database keeps as rows.

        Those that may yet be corrected are there as they stand now: their rows will not be.
        """
        view = self._view
        correctable = [
            (symbol, timeframe, counts(candle))
            for symbol, builder in sorted(self._builders.items())
            if symbol in self._histories and builder.oldest_ns is not None
            for timeframe, candle in self._histories[symbol].newest(builder.oldest_ns)
        ]
        return _encoder.encode(
            _SavedMarket(
                self.sequence,
                self.time_ns,
                view.instruments,
                view.statuses,
                view.system,
                view.books,
                view.last_ticks,
                self._tapes(),
                self._builders,
                correctable,
                view.tape_decimals,
            )
        )

    @classmethod
    def restore(cls, payload: bytes, candles: Iterable[Closed]) -> Market:
        """Return the market that ``checkpoint`` described.

        ``candles`` are the closed ones that counted at it, of every timeframe, in ticks and lots;
        the newest ``SERIES_CAPACITY`` of each series are enough. Longer candles go on
        from them without a seam, so that a market restored is one that lived.

        Raises:
            msgspec.DecodeError: the payload is not a checkpoint of this version.
        """
        saved = _decoder.decode(payload)
        market = cls()
        market.sequence, market.time_ns = saved.sequence, saved.time_ns
        tapes = {symbol: (tape, len(tape)) for symbol, tape in saved.tapes.items()}
        market._view = MarketView(
            saved.instruments,
            saved.statuses,
            saved.system,
            saved.books,
            saved.last_ticks,
            tapes,
            {},
            saved.tape_decimals,
        )
        market._view = replace(market._view, tape_decimals=saved.tape_decimals)
        market._builders = saved.builders
        series: dict[tuple[str, str], list[Candle]] = {}
        for symbol, candle, timeframe in candles:
            if symbol in saved.instruments:
                series.setdefault((symbol, timeframe), []).append(candle)
        for symbol, timeframe, numbers in saved.correctable:  # the last word
            series.setdefault((symbol, timeframe), []).append(counted(numbers))
        for (symbol, timeframe), known in series.items():
            market._insert(symbol, timeframe, known, saved.instruments[symbol])
        return market
