// The equity chart: history from the API, then the figures that the socket brings.

const holder = document.getElementById("equity-chart");
const { createChart, createSeriesMarkers, AreaSeries, LineSeries, LineStyle } = window.LightweightCharts ?? {};
const MOST_MARKERS = 200;

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
      attributionLogo: true,
    },
    grid: { vertLines: { color: colour("--line-soft") }, horzLines: { color: colour("--line-soft") } },
    rightPriceScale: { borderColor: colour("--line"), scaleMargins: { top: 0.15, bottom: 0.12 } },
    timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: true, rightOffset: 4 },
    crosshair: { mode: 0 },
    handleScroll: { mouseWheel: false },
    handleScale: { mouseWheel: false },
  };
}

const equityOptions = () => ({
  lineColor: colour("--series-equity"),
  topColor: colour("--series-equity-wash"),
  bottomColor: "transparent",
  lineWidth: 2,
  priceFormat: { type: "price", precision: 2, minMove: 0.01 },
});
const midOptions = () => ({
  color: colour("--series-mid"),
  lineWidth: 2,
  lineStyle: LineStyle.Dotted,
  priceLineVisible: false,
  lastValueVisible: false,
  crosshairMarkerVisible: false,
});

async function json(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

// One point per second at most: the later one counts.
function series(points, figure) {
  const bySecond = new Map(points.map((point) => [localSeconds(point.time), Number(point[figure])]));
  return [...bySecond].sort(([a], [b]) => a - b).map(([time, value]) => ({ time, value }));
}

function markersOf(fills, first) {
  return fills
    .map((fill) => ({
      time: localSeconds(fill.time),
      position: fill.side === "buy" ? "belowBar" : "aboveBar",
      shape: fill.side === "buy" ? "arrowUp" : "arrowDown",
      color: colour(fill.side === "buy" ? "--gain" : "--loss"),
    }))
    .filter((marker) => marker.time >= first)
    .slice(0, MOST_MARKERS)
    .sort((a, b) => a.time - b.time);
}

class EquityChart {
  constructor() {
    this.chart = createChart(holder, options());
    this.mid = this.chart.addSeries(LineSeries, midOptions());
    this.equity = this.chart.addSeries(AreaSeries, equityOptions());
    this.markers = createSeriesMarkers(this.equity, []);
    this.last = 0;
    this.first = 0;
    this.told = {};
    this.stake = null;
  }

  async load() {
    const curve = await json(holder.dataset.equityUrl);
    const points = series(curve.points, "equity");
    showChart(points.length > 0);
    this.equity.setData(points);
    this.mid.setData(series(curve.points, "mid_equity"));
    this.first = points[0]?.time ?? 0;
    this.last = points.at(-1)?.time ?? 0;
    this.drawStake(Number(curve.stake));
    await this.loadFills();
    this.chart.timeScale().fitContent();
  }

  async loadFills() {
    this.fills = (await json(holder.dataset.fillsUrl)).results;
    this.markers.setMarkers(markersOf(this.fills, this.first));
  }

  drawStake(stake) {
    if (this.stake) this.equity.removePriceLine(this.stake);
    this.stake = this.equity.createPriceLine({
      price: stake, color: colour("--ink-3"), lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: false, title: "stake",
    });
  }

  follow() {
    const now = document.getElementById("equity-now");
    if (!now) return;
    const { time, mid, fills, account } = now.dataset;
    if (this.told.account && this.told.account !== account) {
      this.told = { account };
      this.load().catch(tell);
      return;
    }
    const second = localSeconds(time);
    if (second >= this.last) {
      if (!this.last) showChart(true);
      this.last = second;
      this.first ||= second;
      this.equity.update({ time: second, value: Number(now.value) });
      this.mid.update({ time: second, value: Number(mid) });
    }
    if (this.told.fills !== undefined && this.told.fills !== fills) this.loadFills().catch(tell);
    this.told = { fills, account };
  }

  repaint() {
    this.chart.applyOptions(options());
    this.equity.applyOptions(equityOptions());
    this.mid.applyOptions(midOptions());
    this.stake?.applyOptions({ color: colour("--ink-3") });
    this.markers.setMarkers(markersOf(this.fills ?? [], this.first));
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
  document.addEventListener("paddock:theme", () => drawn.repaint());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.repaint());
}
