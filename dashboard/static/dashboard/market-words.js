// What the modules of a market's page share: words, numbers, and requests to the server.

const zone = undefined; // the reader's own
const FORMATS = {
  whole: new Intl.DateTimeFormat(zone, { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", hour12: false }),
  clock: new Intl.DateTimeFormat(zone, { hour: "2-digit", minute: "2-digit", hour12: false }),
  day: new Intl.DateTimeFormat(zone, { day: "numeric", month: "short" }),
};

export const byId = (id) => document.getElementById(id);
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const moment = (seconds, style = "whole") => FORMATS[style].format(new Date(seconds * 1000));

export function number(value, decimals) {
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "−");
}

export const counted = (count, noun) => `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;

export const significant = (value) => Number(value.toPrecision(5)).toLocaleString("en-US", { maximumFractionDigits: 20 }).replace("-", "−");

/** Return an element of `tag` with text and attributes: text is never taken for HTML. */
export function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export class Refused extends Error {
  constructor(message, fields) {
    super(message);
    this.fields = fields; // name -> sentence
  }
}

/** Return the server's JSON; an error carries its fields. */
export async function json(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  const fields = Object.entries(problem.errors ?? problem).map(([name, message]) => [name, String(message)]);
  const sentence = problem.detail ?? fields.map(([, message]) => message).join("; ");
  throw new Refused(sentence || `the server answered ${response.status}`, Object.fromEntries(fields));
}
