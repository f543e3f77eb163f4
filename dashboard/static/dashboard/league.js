// The league's table in the reader's own order: sorting, columns, selection, filters of the trades.
// Panels come from the server the same for everybody; all of this is laid over them after every swap.

import "./time-machine.js";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const board = () => $("#panel-leaderboard");
const rows = () => $$("#board-rows > tr");

/* What the reader has chosen, remembered in this browser. */
const KEPT = "paddock-league";
const DEFAULT = { sort: "return", isLowFirst: false, hidden: [] };
const chosen = { ...DEFAULT, ...remembered() };

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}");
  } catch {
    return {}; // not kept, or not ours
  }
}

function remember() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(chosen));
  } catch {
    // Not kept: the choice holds for this page.
  }
}

/* Sorting: numbers by what they are, words by the alphabet; what is not known comes last. */
const cell = (row, key) => $(`.c-${key}`, row);
const numberIn = (row, key) => {
  const value = cell(row, key)?.dataset.v;
  return value ? Number(value) : null;
};
const wordsIn = (row, key) => (cell(row, key)?.innerText ?? "").trim().toLowerCase();

function compared(a, b) {
  const { sort, isLowFirst } = chosen;
  const [one, other] = [numberIn(a, sort), numberIn(b, sort)];
  if (one === null && other === null) {
    const words = cell(a, sort)?.dataset.v === undefined ? wordsIn(a, sort).localeCompare(wordsIn(b, sort)) : 0;
    return (isLowFirst ? words : -words) || byRank(a, b);
  }
  if (one === null || other === null) return one === null ? 1 : -1;
  return (isLowFirst ? one - other : other - one) || byRank(a, b);
}

const byRank = (a, b) => (numberIn(a, "rank") ?? Infinity) - (numberIn(b, "rank") ?? Infinity);

function sortRows() {
  const now = rows();
  if (!now.length) return;
  const wanted = [...now].sort(compared);
  if (wanted.some((row, at) => row !== now[at])) {
    const focused = document.activeElement;
    const body = $("#board-rows");
    for (const row of wanted) body.moveBefore ? body.moveBefore(row, null) : body.append(row);
    if (document.activeElement !== focused) focused?.focus({ preventScroll: true });
  }
  for (const head of $$("thead th", board())) {
    const isSorted = head.id === `head-${chosen.sort}`;
    if (isSorted) head.setAttribute("aria-sort", chosen.isLowFirst ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
}

function sortBy(button) {
  const key = button.dataset.sort;
  const isLowBest = "low" in button.dataset;
  Object.assign(chosen, { sort: key, isLowFirst: chosen.sort === key ? !chosen.isLowFirst : isLowBest });
  remember();
  sortRows();
}

/* Columns, and whether benchmarks are seen. */
function showColumns() {
  const panel = board();
  for (const input of $$("#chooser input")) {
    input.checked = !chosen.hidden.includes(input.value);
    panel.classList.toggle(`no-${input.value}`, !input.checked);
  }
}

function chooseColumns() {
  chosen.hidden = $$("#chooser input:not(:checked)").map((input) => input.value);
  remember();
  showColumns();
}

/* Selection: sums of what was picked. */
const picked = new Set();

function showPicked() {
  for (const row of rows()) {
    const box = $(".pick", row);
    if (!box) continue;
    box.checked = picked.has(row.id);
    row.classList.toggle("is-picked", box.checked);
  }
  summarise(rows().filter((row) => picked.has(row.id)));
}

const sum = (some, key) => some.reduce((total, row) => total + (numberIn(row, key) ?? 0), 0);
const money = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const signed = (number) => `${number > 0 ? "+" : number < 0 ? "−" : ""}${money.format(Math.abs(number))}`;

function tone(element, number) {
  element.className = number > 0 ? "gain" : number < 0 ? "loss" : "flat";
  element.textContent = signed(number);
  return element;
}

function summarise(some) {
  const foot = $("#board-summary");
  if (!foot) return;
  foot.hidden = some.length === 0;
  if (!some.length) return foot.replaceChildren();
  const trips = sum(some, "trades");
  const wins = some.reduce((total, row) => total + Number(cell(row, "wins")?.dataset.wins || 0), 0);
  const gain = sum(some, "realised") + sum(some, "unrealised");
  const currencies = new Set(some.map((row) => cell(row, "equity").dataset.label));
  const sums = {
    who: `${some.length} selected`,
    equity: money.format(sum(some, "equity")),
    return: tone(document.createElement("span"), gain),
    realised: tone(document.createElement("span"), sum(some, "realised")),
    unrealised: tone(document.createElement("span"), sum(some, "unrealised")),
    trades: String(trips),
    wins: trips ? `${Math.round((100 * wins) / trips)} n ${trips}` : "–",
    fees: money.format(sum(some, "fees")),
    exposure: money.format(sum(some, "exposure")),
  };
  const line = document.createElement("tr");
  for (const head of $$("thead th", board())) {
    const key = head.id.replace("head-", "");
    const field = document.createElement(key === "who" ? "th" : "td");
    field.className = `c-${key}${head.classList.contains("num") ? " num" : ""}`;
    if (key === "who") field.scope = "row";
    const isMoney = ["equity", "return", "realised", "unrealised", "fees", "exposure"].includes(key);
    if (isMoney && currencies.size > 1) field.title = "accounts in different currencies are not added up";
    if (sums[key] !== undefined) field.append(isMoney && currencies.size > 1 ? "–" : sums[key]);
    if (key === "return") field.dataset.label = "P&L";
    else if (sums[key] !== undefined) field.dataset.label = head.querySelector("button")?.textContent ?? "";
    line.append(field);
  }
  $(".c-who", line).append(" ", compareLink(some));
  foot.replaceChildren(line);
}

function compareLink(some) {
  const link = document.createElement("a");
  const slugs = some.map((row) => row.id.replace("row-", ""));
  link.href = `/compare/?${slugs.map((slug) => `with=${encodeURIComponent(slug)}`).join("&")}`;
  link.textContent = "compare";
  link.hidden = some.length < 2;
  return link;
}

/* Filters of the trades. */
function filterTrades() {
  const [words, side, result] = ["words", "side", "result"].map((name) => $(`#feed-${name}`)?.value ?? "");
  const trades = $$("#panel-trade_feed .feed > li");
  let shown = 0;
  for (const trade of trades) {
    const terms = $(".feed-who", trade).dataset.words;
    const fits =
      words.toLowerCase().split(/\s+/).every((word) => terms.includes(word)) &&
      (!side || $(".side", trade).textContent === side) &&
      (!result || $(".feed-result", trade).dataset.result === result);
    trade.hidden = !fits;
    shown += fits ? 1 : 0;
  }
  const isFiltered = Boolean(words || side || result);
  const count = $("#feed-count");
  if (count) count.textContent = isFiltered ? `${shown} of the newest ${trades.length}` : `newest ${trades.length || 30}`;
  const empty = $("#feed-empty");
  if (empty) empty.hidden = shown > 0 || !isFiltered;
}

/* Who leads, said once when it changes. */
let leader = null;

function tellLeader() {
  const first = rows().find((row) => numberIn(row, "rank") === 1);
  const name = first && $(".row-link", first)?.textContent;
  if (leader && name && name !== leader) $("#lead").textContent = `${name} is now first in the season.`;
  leader = name ?? leader;
}

function layOver() {
  showColumns();
  sortRows();
  showPicked();
  filterTrades();
  tellLeader();
}

document.addEventListener("htmx:wsAfterMessage", layOver);
document.addEventListener("paddock:panels", layOver);
document.addEventListener("click", (event) => {
  const button = event.target.closest("#panel-leaderboard button.sort");
  if (button) sortBy(button);
  const chooser = $("#chooser");
  if (chooser?.open && !event.target.closest("#chooser")) chooser.open = false;
});
document.addEventListener("change", (event) => {
  if (event.target.closest("#chooser")) chooseColumns();
  if (event.target.matches(".pick")) {
    const row = event.target.closest("tr");
    if (event.target.checked) picked.add(row.id);
    else picked.delete(row.id);
    showPicked();
  }
});
document.addEventListener("input", (event) => {
  if (event.target.closest("#feed-filter")) filterTrades();
});
document.addEventListener("submit", (event) => {
  if (event.target.id === "feed-filter") event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && $("#chooser")?.open) {
    $("#chooser").open = false;
    $("#chooser summary").focus();
  }
});
layOver();
