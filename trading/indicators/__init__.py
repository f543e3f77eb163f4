"""Indicators, computed once per version of a series (or once per frame) however many read them.

Those over candles take a `CandleSeries` of closed candles, oldest first, and return float64
arrays as long as the series (one, or several as a named tuple), or their newest value. What
cannot be known yet, or is nothing over nothing, is NaN in an array and None as a value, never
a number; `averages.newest` turns the one into the other. What lies between two bounds is at
its middle while nothing moves. Arrays are shared and therefore read-only. Each function says
its definition, its unit, and from how many candles on it is known; `catalogue.INDICATORS`
lists them all. None looks ahead: a value stays what it was when later candles come.

Those over the tape and the book end in ``_at``, take a snapshot and a symbol, and are computed
once per frame; the pure functions beside them take prints or quotes.

TA-Lib computes where it agrees with the definition, also on a market at rest and on prices of
any size; elsewhere NumPy does: what is divided by a rolling sum is summed window by window,
because the rounding that a large volume leaves behind is not zero.

Where history begins. A series keeps its newest 1,500 candles. Most indicators look back a
fixed number and do not notice when the oldest candle leaves. The others:

- Exponential and Wilder's averages (EMA, DEMA, RMA, RSI, ADX, ATR, MACD, Keltner, WaveTrend,
  the regime's parts) carry their seed along with a weight that shrinks by 1 - 2 / (period + 1)
  or 1 - 1 / period a candle. At 1,500 candles and a period of up to 100 (Wilder's: 50) a value
  moves by less than a billionth when the oldest candle leaves; of an EMA of 200 by less than a
  hundred-thousandth.
- Supertrend and the parabolic SAR forget their beginning at a reversal, a Heikin-Ashi open
  halves it with every candle.
- The on-balance volume counts from the oldest candle: its differences mean something, its level
  does not.
- A session's VWAP is known only on days whose first candle is held.

So two workers agree to the last digit on series that hold the same candles, which a restored
market does; over different histories they agree as closely as said.
"""
