// The equity chart: history from the API, then the figures that the socket brings.

const holder = document.getElementById("equity-chart");
const { createChart, createSeriesMarkers, AreaSeries, LineSeries, LineStyle } = window.LightweightCharts ?? {};
const MOST_MARKERS = 200;
const CHOICE = "paddock.equity-chart";
const RANGES = { "1h": 3600, "24h": 86400, "7d": 604800 };

// The chart knows UTC alone: moments are moved by the reader's own offset.
const localSeconds = (iso) => {
  const time = new Date(iso);
  return Math.floor(time.getTime() / 1000) - time.getTimezoneOffset() * 60;
};
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options() {
  return {
    autoSize: true,
    layout: {
      background: { color: "transparent" },
      textColor: colour("--ink-2"),
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 12,
      attributionLogo: false,
      panes: { separatorColor: colour("--line"), separatorHoverColor: colour("--line"), enableResize: true },
    },
    grid: { vertLines: { color: colour("--line-soft") }, horzLines: { color: colour("--line-soft") } },
    rightPriceScale: { borderColor: colour("--line"), scaleMargins: { top: 0.12, bottom: 0.1 } },
    timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: true, rightOffset: 4 },
    crosshair: { mode: 0 },
    handleScroll: { mouseWheel: false },
    handleScale: { mouseWheel: false },
  };
}

const quiet = { priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false };
const money = { priceFormat: { type: "price", precision: 2, minMove: 0.01 } };
const STYLES = {
  equity: () => ({
    ...money,
    lineColor: colour("--series-equity"),
    topColor: colour("--series-equity-wash"),
    bottomColor: "transparent",
    lineWidth: 2,
  }),
  mid: () => ({ ...quiet, ...money, color: colour("--series-mid"), lineWidth: 2, lineStyle: LineStyle.Dotted }),
  hold: () => ({ ...quiet, ...money, color: colour("--series-hold"), lineWidth: 2, lineStyle: LineStyle.LargeDashed }),
  drawdown: () => ({
    ...quiet,
    lineColor: colour("--loss"),
    topColor: colour("--series-drawdown-wash"),
    bottomColor: colour("--series-drawdown-wash"),
    lineWidth: 1,
    invertFilledArea: true,
    priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => `${value.toFixed(2)} %` },
  }),
};

async function json(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

// One point per second at most: the later one counts.
function series(points, figure, sign = 1) {
  const bySecond = new Map(points.map((point) => [localSeconds(point.time), sign * Number(point[figure])]));
  return [...bySecond].sort(([a], [b]) => a - b).map(([time, value]) => ({ time, value }));
}

// The line that would lead over a gap is not drawn.
function broken(points, gaps) {
  const clear = { color: "transparent", lineColor: "transparent", topColor: "transparent", bottomColor: "transparent" };
  const isAcross = (before, after) => gaps.some((gap) => before <= gap.until && after >= gap.until && before <= gap.since + 1);
  return points.map((point, at) => (at && isAcross(points[at - 1].time, point.time) ? { ...point, ...clear } : point));
}

const fillMarker = (fill) => ({
  time: localSeconds(fill.time),
  position: fill.side === "buy" ? "belowBar" : "aboveBar",
  shape: fill.side === "buy" ? "arrowUp" : "arrowDown",
  color: colour(fill.side === "buy" ? "--gain" : "--loss"),
});
const gapMarker = (gap) => ({
  time: gap.until, position: "inBar", shape: "square", color: colour("--warning"), text: `gap ${lasted(gap.until - gap.since)}`,
});
const lasted = (seconds) => (seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`);

class EquityChart {
  constructor() {
    this.chart = createChart(holder, options());
    this.lines = {
      mid: this.chart.addSeries(LineSeries, STYLES.mid()),
      hold: this.chart.addSeries(LineSeries, STYLES.hold()),
      equity: this.chart.addSeries(AreaSeries, STYLES.equity()),
      drawdown: this.chart.addSeries(AreaSeries, STYLES.drawdown(), 1),
    };
    this.chart.panes()[0].setStretchFactor(3);
    this.chart.panes()[1].setStretchFactor(1);
    this.markers = createSeriesMarkers(this.lines.equity, []);
    this.fills = [];
    this.gaps = [];
    this.peak = 0;
    this.last = 0;
    this.first = 0;
    this.heldUntil = 0;
    this.shown = {};
    this.stake = null;
    this.chosen = remembered();
    this.chart.subscribeCrosshairMove((move) => this.readOut(move));
  }

  async load() {
    const { equityUrl, eventsUrl } = holder.dataset;
    const [curve, events] = await Promise.all([json(equityUrl), json(eventsUrl)]);
    this.gaps = events.results
      .filter((event) => event.since)
      .map((event) => ({ since: localSeconds(event.since), until: localSeconds(event.time) }));
    const points = series(curve.points, "equity");
    showChart(points.length > 0);
    this.lines.equity.setData(broken(points, this.gaps));
    this.lines.mid.setData(broken(series(curve.points, "mid_equity"), this.gaps));
    this.lines.drawdown.setData(broken(series(curve.points, "drawdown_pct", -1), this.gaps));
    this.first = points[0]?.time ?? 0;
    this.last = points.at(-1)?.time ?? 0;
    this.drawStake(Number(curve.stake));
    this.choose();
    await Promise.all([this.loadFills(), this.loadBenchmark()]);
    this.chart.timeScale().fitContent();
  }

  // It moves once a minute, with the candles.
  async loadBenchmark() {
    this.heldUntil = this.last + 60;
    const benchmark = await json(holder.dataset.benchmarkUrl);
    this.lines.hold.setData(series(benchmark.points, "worth").filter((point) => point.time >= this.first));
    tellBenchmark(benchmark);
  }

  async loadFills() {
    this.fills = (await json(holder.dataset.fillsUrl)).results;
    this.mark();
  }

  mark() {
    const fills = this.chosen.fills ? this.fills.slice(0, MOST_MARKERS).map(fillMarker) : [];
    const gaps = this.chosen.gaps ? this.gaps.slice(0, MOST_MARKERS).map(gapMarker) : [];
    const shown = [...fills, ...gaps].filter((marker) => marker.time >= this.first);
    this.markers.setMarkers(shown.sort((a, b) => a.time - b.time));
  }

  drawStake(stake) {
    if (this.stake) this.lines.equity.removePriceLine(this.stake);
    this.stake = this.lines.equity.createPriceLine({
      price: stake, color: colour("--ink-3"), lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: false, title: "starting balance",
    });
  }

  // What the legend's buttons show and hide is remembered for every deployment.
  choose() {
    for (const button of document.querySelectorAll("[data-line]")) {
      const name = button.dataset.line;
      button.setAttribute("aria-pressed", String(this.chosen[name]));
      this.lines[name]?.applyOptions({ visible: this.chosen[name] });
    }
    this.mark();
  }

  toggle(name) {
    this.chosen[name] = !this.chosen[name];
    localStorage.setItem(CHOICE, JSON.stringify(this.chosen));
    this.choose();
  }

  showRange(name) {
    if (!RANGES[name]) this.chart.timeScale().fitContent();
    else this.chart.timeScale().setVisibleRange({ from: Math.max(this.first, this.last - RANGES[name]), to: this.last });
  }

  readOut(move) {
    const line = document.getElementById("chart-readout");
    const at = move.time;
    line.hidden = !at;
    if (!at) return;
    const value = (name) => move.seriesData.get(this.lines[name])?.value;
    const parts = [new Date(at * 1000).toLocaleString(undefined, { timeZone: "UTC", dateStyle: "medium", timeStyle: "medium" })];
    for (const [name, word] of [["equity", "equity"], ["mid", "mid"], ["hold", "hold"]]) {
      if (value(name) !== undefined) parts.push(`${word} ${value(name).toFixed(2)}`);
    }
    if (value("drawdown") !== undefined) parts.push(`drawdown ${(-value("drawdown")).toFixed(2)} %`);
    const fills = this.fills.filter((fill) => localSeconds(fill.time) === at);
    parts.push(...fills.map((fill) => `${fill.side} ${fill.qty} ${fill.symbol} at ${fill.price}`));
    line.textContent = parts.join(" · ");
  }

  follow() {
    const now = document.getElementById("equity-now");
    if (!now) return;
    const { time, mid, drawdown, fills, account } = now.dataset;
    if (this.shown.account && this.shown.account !== account) {
      this.shown = { account };
      this.load().catch(tell);
      return;
    }
    const second = localSeconds(time);
    if (second >= this.last) {
      if (!this.last) showChart(true);
      this.last = second;
      this.first ||= second;
      this.lines.equity.update({ time: second, value: Number(now.value) });
      this.lines.mid.update({ time: second, value: Number(mid) });
      this.lines.drawdown.update({ time: second, value: -Number(drawdown) });
    }
    if (this.shown.fills !== undefined && this.shown.fills !== fills) this.loadFills().catch(tell);
    if (this.last > this.heldUntil) this.loadBenchmark().catch(tell);
    this.shown = { fills, account };
  }

  repaint() {
    this.chart.applyOptions(options());
    for (const [name, line] of Object.entries(this.lines)) line.applyOptions(STYLES[name]());
    this.stake?.applyOptions({ color: colour("--ink-3") });
    this.choose();
  }
}

function remembered() {
  const usual = { equity: true, mid: true, hold: true, drawdown: true, fills: true, gaps: true };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(CHOICE) ?? "{}") };
  } catch {
    return usual;
  }
}

function tellBenchmark(benchmark) {
  const words = benchmark.reason || `${benchmark.assets.join(", ")} bought in equal parts at the start and held, ${benchmark.fee_pct} % entry fee`;
  for (const button of document.querySelectorAll('[data-line="hold"]')) {
    button.title = words;
    button.disabled = Boolean(benchmark.reason);
  }
}

function showChart(hasPoints) {
  holder.hidden = !hasPoints;
  document.getElementById("chart-empty").hidden = hasPoints;
}

function tell(error) {
  showChart(false);
  document.getElementById("chart-empty").textContent = `The curve could not be read: ${error.message}`;
}

if (holder && createChart) {
  document.getElementById("chart-zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const drawn = new EquityChart();
  drawn.load().then(() => {
    drawn.follow();
    document.addEventListener("htmx:wsAfterMessage", () => drawn.follow());
  }, tell);
  document.addEventListener("click", (event) => {
    const { line, range } = event.target.closest("[data-line], [data-range]")?.dataset ?? {};
    if (line) drawn.toggle(line);
    if (range) drawn.showRange(range);
  });
  document.addEventListener("paddock:theme", () => drawn.repaint());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.repaint());
}
