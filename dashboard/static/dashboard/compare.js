// Returns of several deployments on one chart.

const holder = document.getElementById("compare-chart");
const { createChart, LineSeries } = window.LightweightCharts ?? {};
const STYLES = [0, 2, 1, 3, 0, 2]; // solid, dashed, dotted …: colour is never the only sign
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colours = () => [1, 2, 3, 4, 5, 6].map((number) => colour(`--curve-${number}`));

const localSeconds = (iso) => {
  const time = new Date(iso);
  return Math.floor(time.getTime() / 1000) - time.getTimezoneOffset() * 60;
};

function options() {
  return {
    autoSize: true,
    layout: { background: { color: "transparent" }, textColor: colour("--ink-2"), fontSize: 12, attributionLogo: false },
    grid: { vertLines: { color: colour("--line-soft") }, horzLines: { color: colour("--line-soft") } },
    rightPriceScale: { borderColor: colour("--line") },
    timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: true },
    crosshair: { mode: 0 },
    handleScroll: { mouseWheel: false },
    handleScale: { mouseWheel: false },
    localization: { priceFormatter: (value) => `${value.toFixed(2)} %` },
  };
}

function returns({ points }) {
  const bySecond = new Map(points.map((point) => [localSeconds(point.time), Number(point.return_pct)]));
  return [...bySecond].sort(([a], [b]) => a - b).map(([time, value]) => ({ time, value }));
}

async function draw() {
  const chart = createChart(holder, options());
  const lines = [];
  for (const [at, url] of holder.dataset.urls.trim().split(/\s+/).filter(Boolean).entries()) {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) continue;
    const line = chart.addSeries(LineSeries, { color: colours()[at], lineWidth: 2, lineStyle: STYLES[at], priceLineVisible: false });
    line.setData(returns(await response.json()));
    lines.push(line);
  }
  const isEmpty = lines.every((line) => line.data().length === 0);
  holder.hidden = isEmpty;
  document.getElementById("compare-empty").hidden = !isEmpty;
  chart.timeScale().fitContent();
  document.addEventListener("paddock:theme", () => {
    chart.applyOptions(options());
    lines.forEach((line, at) => line.applyOptions({ color: colours()[at] }));
  });
}

if (holder && createChart) draw();
