// Which indicators are on the chart: chosen in a dialog by name and parameters, computed on the server.

import { byId, element, json, Refused } from "./market-words.js";

const VALUES = 1000; // per request; earlier candles are their warm-up
const KEPT = "paddock-market-plots";

const labelOf = ({ name, parameters }) => `${name}${Object.values(parameters).length ? ` ${Object.values(parameters).join(", ")}` : ""}`;
const keyOf = ({ name, parameters }) => `${name}?${new URLSearchParams(parameters)}`;

export class Indicators {
  constructor(candles, url, catalogueUrl) {
    this.candles = candles;
    this.url = url;
    this.catalogueUrl = catalogueUrl;
    this.chosen = kept();
    byId("indicators-open").addEventListener("click", () => this.open().catch((error) => this.tell(error)));
    byId("indicators-close").addEventListener("click", () => byId("indicators").close());
    byId("indicator-name").addEventListener("change", () => this.showParameters());
    byId("indicator-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.add().catch((error) => this.tell(error));
    });
  }

  async open() {
    byId("indicator-error").hidden = true;
    byId("indicators").showModal();
    if (this.catalogue) return;
    this.catalogue = await json(this.catalogueUrl);
    const families = Map.groupBy ? Map.groupBy(this.catalogue, (known) => known.family) : new Map([["indicators", this.catalogue]]);
    for (const [family, members] of families) {
      const group = element("optgroup", "", { label: family.replaceAll("_", " ") });
      group.append(...members.map(({ name }) => element("option", name.replaceAll("_", " "), { value: name })));
      byId("indicator-name").append(group);
    }
    byId("indicator-name").value = "ema";
    this.showParameters();
  }

  showParameters() {
    const known = this.catalogue.find(({ name }) => name === byId("indicator-name").value);
    byId("indicator-summary").textContent = `${known.summary} ${known.is_overlay ? "Drawn over the candles." : "In a pane of its own."}`;
    byId("indicator-error").hidden = true;
    byId("indicator-parameters").replaceChildren(
      ...known.parameters.flatMap(({ name, default: usual, least, most, is_whole: isWhole }) => {
        const bounds = `${least} to ${most}`;
        return [
          element("label", `${name.replaceAll("_", " ")} (${bounds})`, { for: `parameter-${name}` }),
          element("input", "", {
            id: `parameter-${name}`, name, type: "number", value: usual, min: least, max: most, step: isWhole ? 1 : "any", required: "",
          }),
        ];
      }),
    );
  }

  async add() {
    const inputs = [...byId("indicator-parameters").querySelectorAll("input")];
    const plot = { name: byId("indicator-name").value, parameters: Object.fromEntries(inputs.map((input) => [input.name, input.value])) };
    await this.load(plot);
    if (!this.chosen.some((known) => keyOf(known) === keyOf(plot))) this.chosen.push(plot);
    this.keep();
    byId("indicators").close();
  }

  remove(plot) {
    this.chosen = this.chosen.filter((known) => keyOf(known) !== keyOf(plot));
    this.candles.removePlot(keyOf(plot));
    this.keep();
    byId("indicators-open").focus();
  }

  /** Compute all anew, as far back as there are candles. */
  async refresh() {
    await Promise.all(
      this.chosen.map((plot) =>
        this.load(plot).catch((error) => {
          plot.problem = error.message;
        }),
      ),
    );
    this.show();
  }

  async load(plot) {
    const { candles } = this;
    const { timeframe, rows } = candles;
    const oldest = rows[0]?.start ?? 0;
    let whole = null;
    for (let before = null; ; ) {
      const query = new URLSearchParams({ ...plot.parameters, name: plot.name, timeframe, limit: VALUES, ...(before ? { before } : {}) });
      const part = await json(`${this.url}?${query}`);
      whole = whole ? joined(part, whole) : part;
      before = part.starts[0];
      if (part.starts.length < VALUES || Date.parse(before) / 1000 <= oldest) break;
    }
    if (timeframe !== candles.timeframe) return;
    plot.problem = null;
    plot.needs = whole.candles < whole.needs ? `needs ${whole.needs} candles, ${whole.candles} are stored` : null;
    candles.setPlot(keyOf(plot), whole);
  }

  show() {
    byId("chart-plots").replaceChildren(
      ...this.chosen.map((plot) => {
        const item = element("li");
        const known = this.candles.plots.get(keyOf(plot));
        for (const line of known?.answer.drawn ?? []) {
          const swatch = element("span", "", { class: "swatch", "aria-hidden": "true" });
          swatch.style.background = known.inks?.[line] ?? "";
          item.append(swatch);
        }
        item.append(element("span", labelOf(plot)));
        if (plot.problem || plot.needs) item.append(element("em", plot.problem ?? plot.needs, { class: "tone-warning" }));
        const remove = element("button", "×", { type: "button", class: "remove", "aria-label": `Remove ${labelOf(plot)}` });
        remove.addEventListener("click", () => this.remove(plot));
        item.append(remove);
        return item;
      }),
    );
  }

  keep() {
    this.show();
    try {
      localStorage.setItem(KEPT, JSON.stringify(this.chosen.map(({ name, parameters }) => ({ name, parameters }))));
    } catch {
      // Not kept: the choice holds for this page.
    }
  }

  tell(error) {
    const shown = byId("indicator-error");
    shown.textContent = error.message;
    shown.hidden = false;
    const field = error instanceof Refused ? byId(`parameter-${Object.keys(error.fields)[0]}`) : null;
    field?.focus();
  }
}

function joined(older, newer) {
  const lines = Object.fromEntries(Object.keys(newer.lines).map((line) => [line, [...older.lines[line], ...newer.lines[line]]]));
  return { ...newer, starts: [...older.starts, ...newer.starts], lines };
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}
