// The candles of one market: loaded page by page, followed live, with gaps left open and fills marked.

import { colour, json, moment, number, significant } from "./market-words.js";

const { createChart, createSeriesMarkers, CandlestickSeries, HistogramSeries, LineSeries } = window.LightweightCharts ?? {};

export const TIMEFRAMES = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400 };
const PAGE = 500; // candles per request
const MOST_CANDLES = 20_000;
const WIDEST_GAP = 60; // candles that a gap is drawn wide at most; its label shows its length
const NEAR_THE_EDGE = 30; // candles before the oldest at which older ones are requested
const MOST_TRIES = 5; // to read a candle that has just closed
const RETRY_MS = 1000;
const LINES = ["--plot-1", "--plot-2", "--plot-3", "--plot-4", "--plot-5"];
const STYLES = [0, 2, 1, 3, 4]; // solid, dashed, dotted…: lines of one indicator differ by more than colour

const seconds = (iso) => Math.floor(Date.parse(iso) / 1000);
const isKnown = (value) => value !== null && value !== undefined;

function options() {
  return {
    autoSize: true,
    layout: {
      background: { color: "transparent" },
      textColor: colour("--ink-2"),
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 12,
      attributionLogo: false,
      panes: { separatorColor: colour("--line"), separatorHoverColor: colour("--hover") },
    },
    grid: { vertLines: { color: colour("--line-soft") }, horzLines: { color: colour("--line-soft") } },
    rightPriceScale: { borderColor: colour("--line"), scaleMargins: { top: 0.08, bottom: 0.24 } },
    timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: false, rightOffset: 6, minBarSpacing: 0.5 },
    crosshair: { mode: 0 },
    localization: { timeFormatter: (time) => moment(time) },
  };
}

export class Candles {
  constructor(holder) {
    this.holder = holder;
    this.decimals = Number(holder.dataset.decimals);
    this.timeframe = null;
    this.rows = []; // closed, oldest first
    this.forming = null;
    this.plots = new Map(); // key -> { values, series }
    this.tries = 0;
    this.draw();
  }

  draw() {
    this.chart = createChart(this.holder, options());
    this.chart.timeScale().applyOptions({ tickMarkFormatter: (time, kind) => moment(time, kind > 2 ? "clock" : "day") });
    this.missing = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "missing", lastValueVisible: false, priceLineVisible: false,
      autoscaleInfoProvider: () => ({ priceRange: { minValue: 0, maxValue: 1 } }),
    });
    this.chart.priceScale("missing").applyOptions({ scaleMargins: { top: 0, bottom: 0 } });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume", lastValueVisible: false, priceLineVisible: false, priceFormat: { type: "volume" },
    });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.candles = this.chart.addSeries(CandlestickSeries, this.candleOptions());
    this.marks = createSeriesMarkers(this.candles, []);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.onScroll(range));
  }

  candleOptions() {
    const [up, down] = [colour("--gain"), colour("--loss")];
    return {
      // Hollow and filled: up and down differ by more than colour.
      upColor: colour("--surface"), borderUpColor: up, wickUpColor: up, downColor: down, borderDownColor: down, wickDownColor: down,
      priceFormat: { type: "custom", minMove: 10 ** -this.decimals, formatter: (price) => number(price, this.decimals) },
    };
  }

  get width() {
    return TIMEFRAMES[this.timeframe];
  }

  /* Reading */

  async read(parameters) {
    const query = new URLSearchParams({ symbol: this.holder.dataset.symbol, timeframe: this.timeframe, ...parameters });
    const rows = await json(`${this.holder.dataset.candlesUrl}?${query}`);
    return rows.map((row) => ({
      start: seconds(row.start), open: Number(row.open), high: Number(row.high), low: Number(row.low),
      close: Number(row.close), volume: Number(row.volume),
    }));
  }

  /** Show another timeframe from its newest candles on. */
  async load(timeframe) {
    this.timeframe = timeframe;
    const rows = await this.read({ limit: PAGE });
    if (timeframe !== this.timeframe) return; // another was chosen meanwhile
    this.rows = rows;
    this.forming = null;
    this.isAtBeginning = rows.length < PAGE;
    this.tries = 0;
    for (const plot of this.plots.values()) plot.values = null;
    this.paint();
    this.chart.timeScale().setVisibleLogicalRange({ from: this.points - 140, to: this.points + 6 });
  }

  /** Put the next older page before what is there; return whether there was any. */
  async loadOlder() {
    if (this.isLoading || this.isAtBeginning || !this.rows.length || this.rows.length >= MOST_CANDLES) return false;
    this.isLoading = true;
    const timeframe = this.timeframe;
    try {
      const older = await this.read({ limit: PAGE, before: new Date(this.rows[0].start * 1000).toISOString() });
      if (timeframe !== this.timeframe) return false;
      this.isAtBeginning = older.length < PAGE;
      if (!older.length) return false;
      const range = this.chart.timeScale().getVisibleLogicalRange();
      const before = this.points;
      this.rows = [...older, ...this.rows];
      this.paint();
      const shift = this.points - before;
      if (range) this.chart.timeScale().setVisibleLogicalRange({ from: range.from + shift, to: range.to + shift });
      this.onMore?.();
      return true;
    } finally {
      this.isLoading = false;
    }
  }

  onScroll(range) {
    if (range && range.from < NEAR_THE_EDGE) this.loadOlder().catch((error) => this.onError?.(error));
  }

  /* Following */

  /** Take in the candle in the making; read what has closed since. */
  follow(forming) {
    if (!forming) {
      if (this.forming) {
        this.forming = null;
        this.paint();
      }
      return;
    }
    const isNext = this.forming?.start !== forming.start;
    const newest = this.rows.at(-1);
    if (newest && newest.start >= forming.start) return; // read as closed before the frame was seen
    if (isNext) this.tries = 0;
    this.forming = forming;
    if (isNext) this.paint();
    else this.update();
    this.catchUp();
  }

  /** Read what has closed since the newest candle, where anything has. */
  catchUp() {
    const newest = this.rows.at(-1);
    if (!this.forming || this.isAsking || this.tries >= MOST_TRIES) return;
    if (!newest || this.forming.start - newest.start > this.width) this.readClosed(newest?.start ?? 0);
  }

  async readClosed(newest) {
    // The feed writes a candle a moment after the frame that closed it; one that never comes is a gap.
    this.isAsking = true;
    this.tries += 1;
    const timeframe = this.timeframe;
    try {
      const rows = await this.read({ limit: PAGE, since: new Date((newest + (newest ? this.width : 0)) * 1000).toISOString() });
      if (timeframe !== this.timeframe || !rows.length) return;
      this.rows = [...this.rows, ...rows.filter((row) => row.start > (this.rows.at(-1)?.start ?? -1))];
      if (this.forming && this.forming.start <= this.rows.at(-1).start) this.forming = null;
      this.paint();
      this.onMore?.();
    } catch (error) {
      this.onError?.(error);
    } finally {
      setTimeout(() => {
        this.isAsking = false;
        this.catchUp(); // also in a market that stands still
      }, RETRY_MS);
    }
  }

  /* Drawing */

  /** Return the stretches between the candles that are not stored: where, and how many candles. */
  get gaps() {
    const found = [];
    for (let at = 1; at < this.rows.length; at += 1) {
      const missing = Math.round((this.rows[at].start - this.rows[at - 1].start) / this.width) - 1;
      if (missing > 0) found.push({ after: this.rows[at - 1].start, missing });
    }
    return found;
  }

  paint() {
    const [up, down, gap] = ["--gain", "--loss", "--warning"].map(colour);
    const gaps = this.gaps;
    const holes = gaps.flatMap(({ after, missing }) =>
      Array.from({ length: Math.min(missing, WIDEST_GAP) }, (_, at) => after + (at + 1) * this.width),
    );
    const bars = this.rows.map(({ start, open, high, low, close }) => ({ time: start, open, high, low, close }));
    const rows = [...bars, ...holes.map((time) => ({ time }))].sort((a, b) => a.time - b.time);
    this.points = rows.length;
    this.candles.applyOptions(this.candleOptions());
    this.candles.setData(rows);
    this.volume.setData(
      this.rows.map((row) => ({ time: row.start, value: row.volume, color: `${row.close < row.open ? down : up}66` })),
    );
    this.missing.setData(holes.map((time) => ({ time, value: 1, color: `${gap}2e` })));
    this.broken = new Set(gaps.map(({ after }) => after));
    if (this.forming) this.update();
    for (const plot of this.plots.values()) this.paintPlot(plot);
    this.paintMarks();
    this.onPaint?.();
  }

  update() {
    const { start, open, high, low, close, volume } = this.forming;
    const ink = colour("--accent");
    this.candles.update({ time: start, open, high, low, close, color: `${ink}44`, borderColor: ink, wickColor: ink });
    this.volume.update({ time: start, value: volume, color: `${ink}66` });
  }

  repaint() {
    this.chart.applyOptions(options());
    this.paint();
  }

  /* Indicators */

  setPlot(key, answer) {
    const plot = this.plots.get(key) ?? { series: new Map() };
    plot.answer = answer;
    const starts = answer.starts.map(seconds);
    plot.values = new Map(answer.drawn.map((line) => [line, new Map(starts.map((at, i) => [at, answer.lines[line][i]]))]));
    this.plots.set(key, plot);
    for (const line of answer.drawn) if (!plot.series.has(line)) plot.series.set(line, this.addLine(plot, answer, line));
    this.paintPlot(plot);
    this.sharePanes();
  }

  /** Give the candles most of the room, and each pane below them some of its own. */
  sharePanes() {
    const panes = this.chart.panes();
    panes.forEach((pane, at) => pane.setStretchFactor(at ? 1 : 3.5));
    this.holder.style.setProperty("--panes", panes.length - 1);
  }

  addLine(plot, answer, line) {
    const kind = line === "histogram" ? HistogramSeries : LineSeries;
    const formatter = answer.is_overlay ? (value) => number(value, this.decimals) : significant;
    const priceFormat = { type: "custom", minMove: answer.is_overlay ? 10 ** -this.decimals : 1e-12, formatter };
    const lineStyle = STYLES[answer.drawn.indexOf(line) % STYLES.length];
    const pane = answer.is_overlay ? 0 : (this.paneOf(plot) ?? this.chart.panes().length);
    return this.chart.addSeries(
      kind,
      { lineWidth: 1.5, lineStyle, priceLineVisible: false, lastValueVisible: !answer.is_overlay, crosshairMarkerVisible: false, priceFormat },
      pane,
    );
  }

  paneOf(plot) {
    const [series] = plot.series.values();
    return series?.getPane().paneIndex();
  }

  paintPlot(plot) {
    let at = [...this.plots.values()].filter((known) => known.answer.is_overlay === plot.answer.is_overlay).indexOf(plot);
    for (const [line, series] of plot.series) {
      const ink = colour(LINES[at++ % LINES.length]);
      plot.inks = { ...plot.inks, [line]: ink };
      const values = plot.values?.get(line) ?? new Map();
      const points = [];
      for (const { start } of this.rows) {
        const value = values.get(start);
        if (!isKnown(value)) {
          if (points.length) points.at(-1).color = "transparent"; // no line across what is not known
        } else points.push(this.broken.has(start) ? { time: start, value, color: "transparent" } : { time: start, value });
      }
      series.applyOptions({ color: ink });
      series.setData(points);
    }
  }

  removePlot(key) {
    for (const series of this.plots.get(key)?.series.values() ?? []) this.chart.removeSeries(series);
    this.plots.delete(key);
    for (const plot of this.plots.values()) this.paintPlot(plot);
    this.sharePanes();
  }

  /* Fills */

  /** Mark fills ({pk, start of its candle, side, …}); of one candle and side there is one mark. */
  setFills(fills) {
    this.fills = fills;
    this.paintMarks();
  }

  paintMarks() {
    const first = this.rows[0]?.start ?? this.forming?.start;
    const byMark = new Map();
    for (const fill of this.fills ?? []) {
      const at = this.candleAt(seconds(fill.time));
      if (first === undefined || at < first) continue;
      const key = `${at}-${fill.side}`;
      byMark.set(key, [...(byMark.get(key) ?? []), fill]);
    }
    this.byMark = byMark;
    const marks = [...byMark].map(([id, fills]) => {
      const isBuy = fills[0].side === "buy";
      return {
        id, time: this.candleAt(seconds(fills[0].time)), position: isBuy ? "belowBar" : "aboveBar",
        shape: isBuy ? "arrowUp" : "arrowDown", color: colour(isBuy ? "--gain" : "--loss"),
        text: fills.length > 1 ? String(fills.length) : undefined,
      };
    });
    this.marks.setMarkers(marks.sort((a, b) => a.time - b.time));
  }

  candleAt(time) {
    return time - (time % this.width);
  }

  /** Bring a fill's candle into view; return where it is on the chart, null when it is not stored. */
  async reveal(fill) {
    const at = this.candleAt(seconds(fill.time));
    while (this.rows.length && this.rows[0].start > at && (await this.loadOlder()));
    const index = this.chart.timeScale().timeToIndex(at, true);
    if (index === null || this.rows[0]?.start > at) return null;
    const { from, to } = this.chart.timeScale().getVisibleLogicalRange();
    if (index < from || index > to) {
      const half = (to - from) / 2;
      this.chart.timeScale().setVisibleLogicalRange({ from: index - half, to: index + half });
    }
    await new Promise(requestAnimationFrame);
    return { x: this.chart.timeScale().timeToCoordinate(at), y: this.candles.priceToCoordinate(Number(fill.price)) };
  }
}

export const describe = (row, decimals) =>
  [["O", row.open], ["H", row.high], ["L", row.low], ["C", row.close]].map(([name, value]) => `${name} ${number(value, decimals)}`).join("  ");
