// The league at a past moment: the slider fetches the page of that moment and puts its panels in place.

import { leaveSocket } from "./rest.js";

const machine = document.getElementById("time-machine");
const $ = (selector) => machine.querySelector(selector);
const SETTLED_MS = 150; // the slider has come to rest
const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", hour12: false });

let since, until, waiting, fetching;

function begin() {
  [since, until] = [Number(machine.dataset.since), Number(machine.dataset.until)];
  const slider = $("#when");
  slider.max = String(Math.max(0, Math.floor((until - since) / 60)));
  const at = machine.dataset.at ? Number(machine.dataset.at) : until;
  slider.value = String(Math.round((at - since) / 60));
  $("#when-exactly").min = local(since);
  $("#when-exactly").max = local(until);
  if (machine.dataset.at) $("#when-exactly").value = local(at);
}

const pad = (number) => String(number).padStart(2, "0");

function local(seconds) {
  const at = new Date(seconds * 1000);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

const within = (seconds) => Math.min(until, Math.max(since, seconds));
const words = (seconds) => `as of ${shown.format(new Date(seconds * 1000))}`;

function scrub(seconds) {
  const at = within(seconds);
  $("#past-words").textContent = words(at);
  $("#when").setAttribute("aria-valuetext", words(at));
  clearTimeout(waiting);
  waiting = setTimeout(() => show(at), SETTLED_MS);
}

async function show(at) {
  const address = new URL(location.href);
  address.searchParams.set("at", new Date(at * 1000).toISOString().replace(".000", ""));
  fetching?.abort();
  fetching = new AbortController();
  let answer;
  try {
    answer = await fetch(address, { signal: fetching.signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name !== "AbortError") $("#past-words").textContent = "the server does not answer; showing older data";
    return;
  }
  if (!answer.ok) {
    $("#past-words").textContent = `no data for that time (${answer.status})`;
    return;
  }
  leaveSocket("past");
  document.documentElement.dataset.socket = "past";
  put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  history.replaceState(null, "", address);
  $("#back-to-now").hidden = false;
}

function put(page) {
  for (const panel of document.querySelectorAll("main > section.panel")) {
    const then = page.getElementById(panel.id);
    panel.hidden = !then;
    if (then) window.paddockMorph(panel, document.adoptNode(then));
  }
  document.dispatchEvent(new CustomEvent("paddock:panels"));
}

const goBack = () => location.assign($("#back-to-now").href);

if (machine) {
  begin();
  if (machine.dataset.at) document.documentElement.dataset.socket = "past";
  $("#when").addEventListener("input", () => scrub(since + 60 * Number($("#when").value)));
  $("#when-exactly").addEventListener("change", () => {
    const at = Date.parse($("#when-exactly").value) / 1000;
    if (Number.isNaN(at)) return;
    $("#when").value = String(Math.round((within(at) - since) / 60));
    scrub(at);
  });
  $("#time-machine-form").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches("input:not([type=checkbox], [type=range]), textarea, select");
    if (event.key === "Escape" && document.documentElement.dataset.socket === "past") goBack();
    if (isTyping || event.key !== "t") return;
    event.preventDefault();
    machine.open = true;
    $("#when").focus();
  });
}
