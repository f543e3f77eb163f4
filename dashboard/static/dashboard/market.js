// One market's page: chart, summary text, fills and keyboard.

import "./rest.js";
import { Candles, describe, TIMEFRAMES } from "./market-candles.js";
import { Indicators } from "./market-indicators.js";
import { byId, counted, element, json, moment, number } from "./market-words.js";

const MOST_FILLS = 500;
const KEPT = "paddock-market-timeframe";
const LONGEST_TIP = 6; // fills

const holder = byId("market-chart");
const { decimals, symbol, base, quote, fillsUrl, indicatorsUrl, catalogueUrl } = holder.dataset;
const digits = Number(decimals);
const candles = new Candles(holder);
const indicators = new Indicators(candles, indicatorsUrl, catalogueUrl);
const state = { live: null, fills: [], shown: "" };

/* What the socket brings */

function follow() {
  const value = byId("market-live")?.value;
  if (value && value !== state.shown) {
    state.shown = value;
    const before = state.live?.fills;
    state.live = JSON.parse(value);
    candles.follow(state.live.forming[candles.timeframe]);
    if (before !== undefined && before !== state.live.fills) loadFills().catch(fail);
    showStatus();
    showLegend();
  }
  filterFills();
  showTouch();
}

/** Scroll the order book to its best prices once, when it comes; from then on it is the reader's. */
function showTouch() {
  const frame = document.querySelector(".ladder-frame");
  const spread = frame?.querySelector(".spread");
  if (!spread || state.isTouchShown) return;
  state.isTouchShown = true;
  frame.scrollTop = spread.offsetTop - (frame.clientHeight - spread.offsetHeight) / 2;
}

/* Loading */

async function choose(timeframe) {
  for (const chip of document.querySelectorAll("[data-timeframe]")) {
    chip.setAttribute("aria-pressed", String(chip.dataset.timeframe === timeframe));
  }
  holder.setAttribute("aria-busy", "true");
  byId("chart-status").textContent = `Loading ${timeframe} candles…`;
  byId("chart-status").hidden = false;
  try {
    await candles.load(timeframe);
    keep(timeframe);
  } finally {
    holder.removeAttribute("aria-busy");
  }
  candles.follow(state.live?.forming[timeframe]);
  showStatus();
  await indicators.refresh();
  summarise();
}

function keep(timeframe) {
  try {
    localStorage.setItem(KEPT, timeframe);
  } catch {
    // Not kept: the choice holds for this page.
  }
}

function kept() {
  try {
    const timeframe = localStorage.getItem(KEPT);
    return timeframe in TIMEFRAMES ? timeframe : "1m";
  } catch {
    return "1m";
  }
}

async function loadFills() {
  state.fills = (await json(`${fillsUrl}?limit=${MOST_FILLS}`)).results;
  filterFills(true);
  summarise();
}

function fail(error) {
  const status = byId("chart-status");
  status.hidden = false;
  status.replaceChildren(`Candles not loaded: ${error.message} `);
  const again = element("button", "Try again", { type: "button", class: "button small" });
  again.addEventListener("click", () => choose(candles.timeframe).catch(fail));
  status.append(again);
}

/* Words */

function showStatus() {
  const status = byId("chart-status");
  const isEmpty = !candles.rows.length && !candles.forming;
  status.hidden = !isEmpty;
  if (isEmpty) {
    status.textContent = `No ${candles.timeframe} candles of ${symbol} stored yet. The feed adds them at start-up or when one closes; manage.py import_candles FILE loads history.`;
  }
}

function showLegend(row = null) {
  const shown = row ?? candles.forming ?? candles.rows.at(-1);
  if (!shown) return;
  const start = shown.start ?? shown.time;
  const isForming = start === candles.forming?.start;
  const seen = isForming ? formingWords(candles.forming) : "closed";
  const volume = shown.volume === undefined ? "" : `  V ${number(shown.volume, 4)} ${base}`;
  byId("chart-legend").textContent = `${moment(start)}  ${describe(shown, digits)}${volume}  ${seen}`;
}

function formingWords({ minutes, minutes_begun: begun }) {
  return minutes < begun ? `forming from ${minutes} of ${begun} minutes; the rest has no data` : "forming";
}

function summarise() {
  const { rows, timeframe } = candles;
  const last = rows.at(-1);
  const summary = byId("chart-summary");
  if (!last) {
    summary.textContent = `No ${timeframe} candles of ${symbol}.`;
    return;
  }
  const change = (last.close / rows[0].open - 1) * 100;
  const missing = candles.gaps.reduce((sum, gap) => sum + gap.missing, 0);
  const marked = shownFills().filter((fill) => Date.parse(fill.time) / 1000 >= rows[0].start);
  const owners = new Set(marked.map((fill) => fill.deployment)).size;
  summary.textContent = [
    `${rows.length.toLocaleString("en-US")} closed ${timeframe} candles from ${moment(rows[0].start)} to ${moment(last.start)}.`,
    `Last close ${number(last.close, digits)} ${quote}, ${change < 0 ? "down" : "up"} ${number(Math.abs(change), 2)} %`,
    `between ${number(Math.min(...rows.map((row) => row.low)), digits)} and ${number(Math.max(...rows.map((row) => row.high)), digits)}.`,
    marked.length ? `${counted(marked.length, "fill")} of ${counted(owners, "deployment")}.` : "No league fills.",
    missing ? `${counted(candles.gaps.length, "gap")}: ${counted(missing, "candle")} without data.` : "No gaps.",
  ].join(" ");
}

/* Fills */

const nameOf = (slug) => document.querySelector(`#filler option[value="${CSS.escape(slug)}"]`)?.textContent ?? slug;
const filler = () => byId("filler")?.value ?? "";
const shownFills = () => state.fills.filter((fill) => !filler() || fill.deployment === filler());

function filterFills(isForced = false) {
  for (const item of document.querySelectorAll("#market-fills > li")) item.hidden = Boolean(filler()) && item.dataset.slug !== filler();
  if (!isForced && state.filler === filler()) return;
  state.filler = filler();
  candles.setFills(shownFills());
}

function showTip(fills, { x, y }) {
  const tip = byId("chart-tip");
  const lines = fills.slice(0, LONGEST_TIP).map((fill) => {
    const result = fill.result === null ? "opens" : `${Number(fill.result) < 0 ? "−" : "+"}${number(Math.abs(Number(fill.result)), 2)} ${fill.currency}`;
    return element("p", `${fill.side === "buy" ? "▲ buy" : "▼ sell"} ${fill.qty} at ${number(Number(fill.price), digits)} · ${nameOf(fill.deployment)} · ${result}`);
  });
  if (fills.length > LONGEST_TIP) lines.push(element("p", `and ${fills.length - LONGEST_TIP} more`));
  tip.replaceChildren(...lines);
  tip.hidden = false;
  const left = Math.min(Math.max(8, x + 12), holder.clientWidth - tip.offsetWidth - 8);
  tip.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, y - tip.offsetHeight - 12)}px)`;
}

function hideTip() {
  byId("chart-tip").hidden = true;
}

async function revealFill(pk) {
  const fill = state.fills.find((known) => String(known.id) === pk);
  if (!fill) return;
  const place = await candles.reveal(fill);
  if (place?.x !== null && place) showTip([fill], place);
}

candles.chart.subscribeCrosshairMove((event) => {
  const fills = event.hoveredObjectId ? candles.byMark?.get(event.hoveredObjectId) : null;
  if (fills && event.point) showTip(fills, event.point);
  else if (!document.activeElement?.matches(".fill-button")) hideTip();
  const row = event.seriesData?.get(candles.candles);
  const volume = event.seriesData?.get(candles.volume)?.value;
  showLegend(row?.open === undefined ? null : { ...row, volume });
});
candles.onPaint = () => {
  showLegend();
  summarise();
};
candles.onMore = () => indicators.refresh();
candles.onError = fail;

/* Keyboard and pointer */

function pan(share) {
  const scale = candles.chart.timeScale();
  const range = scale.getVisibleLogicalRange();
  if (!range) return;
  const by = (range.to - range.from) * share;
  scale.setVisibleLogicalRange({ from: range.from + by, to: range.to + by });
}

function zoom(factor) {
  const scale = candles.chart.timeScale();
  const range = scale.getVisibleLogicalRange();
  if (range) scale.setVisibleLogicalRange({ from: range.to - (range.to - range.from) * factor, to: range.to });
}

const ON_CHART = {
  ArrowLeft: () => pan(-0.1), ArrowRight: () => pan(0.1), "+": () => zoom(0.8), "-": () => zoom(1.25),
  End: () => candles.chart.timeScale().scrollToRealTime(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, textarea, select")) return;
  const timeframe = Object.keys(TIMEFRAMES)[Number(event.key) - 1];
  if (event.key === "[") location.assign(byId("market-before").href);
  else if (event.key === "]") location.assign(byId("market-after").href);
  else if (timeframe) choose(timeframe).catch(fail);
  else if (event.target === holder && ON_CHART[event.key]) {
    event.preventDefault();
    ON_CHART[event.key]();
  }
});
document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-timeframe]");
  if (chip) choose(chip.dataset.timeframe).catch(fail);
  const button = event.target.closest(".fill-button");
  if (button) revealFill(button.dataset.fill).catch(fail);
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches(".fill-button")) revealFill(event.target.dataset.fill).catch(fail);
  else hideTip();
});
document.addEventListener("change", (event) => {
  if (event.target.id !== "filler") return;
  filterFills();
  summarise();
});
document.addEventListener("htmx:wsAfterMessage", follow);
document.addEventListener("paddock:theme", () => candles.repaint());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => candles.repaint());

byId("chart-zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
follow();
choose(kept()).then(loadFills).catch(fail);
