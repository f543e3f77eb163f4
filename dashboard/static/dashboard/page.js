// Keyboard, theme, clock, filter and the state of the socket. Pages work without it, without live updates.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/* Theme: system, dark, light. */
const THEMES = ["system", "dark", "light"];
const themeNow = () => document.documentElement.dataset.theme ?? "system";

function showTheme() {
  $("#theme-toggle").dataset.shows = themeNow();
  $("#theme-toggle").title = `Theme: ${themeNow()}`;
  $("#theme-name").textContent = `Theme: ${themeNow()}`;
}

function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(themeNow()) + 1) % THEMES.length];
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("paddock-theme");
    else localStorage.setItem("paddock-theme", theme);
  } catch {
    // Not kept: the choice holds for this page.
  }
  showTheme();
  document.dispatchEvent(new CustomEvent("paddock:theme"));
}

/* Clock: ages are in market time, which on a recording is not the wall clock. */
const clock = { market: null, receivedAt: 0 };

function hearClock() {
  const element = $("#market-clock");
  if (!element || element.value === clock.text) return;
  clock.text = element.value;
  clock.market = Date.parse(element.value);
  clock.receivedAt = Date.now();
}

function marketNow() {
  if (clock.market === null) return Date.now();
  return clock.market + Math.min(Date.now() - clock.receivedAt, 60_000);
}

function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

const dateAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium", hour12: false });
const STYLES = { clock: timeOfDay, date: dateAndTime };

function tellTimes() {
  hearClock();
  const now = marketNow();
  for (const element of $$("time[data-as]")) {
    const moment = Date.parse(element.dateTime);
    const text = element.dataset.as === "age" ? age(now - moment) : STYLES[element.dataset.as].format(moment);
    if (element.textContent !== text) element.textContent = text;
  }
}

/* Filter: rows that match stay; it outlives every swap. */
function filterRows() {
  const input = $("#filter");
  if (!input) return;
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = $$("#board-rows tr");
  for (const row of rows) {
    const terms = row.dataset.words ?? $("[data-words]", row)?.dataset.words ?? "";
    row.hidden = !words.every((word) => terms.includes(word));
  }
  const counted = rows.filter((row) => $(".row-link", row));
  const shown = counted.filter((row) => !row.hidden).length;
  $("#filter-count").textContent = words.length ? `${shown} of ${counted.length}` : `${counted.length} ${input.dataset.of ?? "rows"}`;
  const empty = $("#filter-empty");
  if (empty) empty.hidden = shown > 0 || counted.length === 0;
}

/* Keyboard. */
function moveRow(step) {
  const links = $$("#board-rows tr:not([hidden]) a.row-link");
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
  links[next].focus();
  links[next].closest("tr").scrollIntoView({ block: "nearest" });
}

let pressedBefore = { key: "", at: 0 };

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]");
  if (isTyping) {
    if (event.key === "Escape" && event.target.id === "filter") {
      event.target.value = "";
      filterRows();
      event.target.blur();
    }
    if (event.key === "Enter" && event.target.id === "filter") moveRow(1);
    return;
  }
  const isSequence = pressedBefore.key === "g" && Date.now() - pressedBefore.at < 1500;
  pressedBefore = { key: event.key, at: Date.now() };
  const actions = {
    "/": () => $("#filter")?.focus(),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    "?": () => $("#help").showModal(),
    l: isSequence ? () => location.assign($(".brand").href) : null,
    m: isSequence ? () => location.assign($("#nav-markets").href) : null,
    s: isSequence ? () => location.assign($("#nav-system").href) : null,
    f: isSequence ? () => location.assign($("#nav-feed").href) : null,
    Escape: () => clearFilter(),
  };
  if (document.activeElement?.closest("#board-rows") && event.key === "x") return pick(document.activeElement);
  const action = actions[event.key];
  if (!action || $("#help").open) return;
  if (event.key !== "Escape") event.preventDefault();
  action();
}

function pick(link) {
  $(".pick", link.closest("tr"))?.click();
}

function clearFilter() {
  const input = $("#filter");
  if (input?.value) {
    input.value = "";
    filterRows();
  }
}

/* Socket: a page without live updates says so. */
function showSocket(text, isOpen) {
  const element = $("#socket-state");
  element.hidden = isOpen;
  element.textContent = text;
  document.documentElement.dataset.socket = isOpen ? "open" : "lost";
}

const REFUSALS = { 4403: "live updates need a login", 4404: "this page no longer exists" };

document.addEventListener("htmx:wsOpen", () => showSocket("", true));
document.addEventListener("htmx:wsClose", (event) => {
  const refusal = REFUSALS[event.detail.event.code];
  showSocket(refusal ?? "not live: reconnecting…", false);
});
document.addEventListener("htmx:wsAfterMessage", () => {
  filterRows();
  tellTimes();
});
document.addEventListener("keydown", onKey);
document.addEventListener("input", (event) => {
  if (event.target.id === "filter") filterRows();
});
document.addEventListener("click", (event) => {
  // A row is one big target; its link stays the real one. Selecting text is not a click.
  const row = event.target.closest("#board-rows tr");
  if (row && !event.target.closest("a, button, summary, input, label") && !String(getSelection())) $("a.row-link", row).click();
});
$("#theme-toggle").addEventListener("click", nextTheme);
$("#help-open").addEventListener("click", () => $("#help").showModal());
showTheme();
filterRows();
tellTimes();
setInterval(tellTimes, 1000);
