// The operator's live view: companies and cells as the stream tells of them. Rows are kept by id and changed in place.

interface Company {
  id: number;
  code: string;
  name: string;
  state: string;
  calls: number;
  waiting: number;
  longest_since_ms: number;
  ready: number;
  busy: number;
  away: number;
}

interface Cell {
  name: string;
  switch: string;
  core_uuid: string;
  connected: boolean;
  started_ms: number;
  seen_ms: number;
  calls: number;
}

interface Told {
  now_ms: number;
  companies: Company[];
  cells: Cell[];
}

type Words = Record<string, string>;

/** Mounts `[data-platform-live]` below `root`. */
export function mountPlatformLive(root: ParentNode): void {
  const place = root.querySelector<HTMLElement>("[data-platform-live]:not([data-mounted])");
  if (!place) return;
  place.dataset["mounted"] = "";
  new PlatformLive(place);
}

class PlatformLive {
  private readonly companies = new Map<number, Company>();
  private readonly rows = new Map<number, HTMLTableRowElement>();
  private cells: Cell[] = [];
  private clockOffsetMs = 0;
  private readonly words: Words;
  private readonly source: EventSource;

  constructor(private readonly place: HTMLElement) {
    this.words = JSON.parse(place.dataset["words"] ?? "{}") as Words;
    this.source = new EventSource("/live/platform/stream");
    this.on("platform.all", (told) => {
      this.companies.clear();
      this.take(told);
    });
    this.on("platform.changed", (told) => this.take(told));
    this.source.addEventListener("platform.trouble", () => this.say("trouble"));
    this.source.addEventListener("reset", () => {
      this.source.close();
      this.say("lost");
      setTimeout(() => place.isConnected && new PlatformLive(place), 1000);
    });
    this.source.onerror = () => this.say("lost");
    for (const field of place.querySelectorAll("[data-filter], [data-busy-only]")) {
      field.addEventListener("input", () => this.showCompanies());
    }
    const ticking = setInterval(() => {
      if (this.place.isConnected && this.source.readyState !== EventSource.CLOSED) this.tick();
      else {
        clearInterval(ticking);
        this.source.close();
      }
    }, 1000);
  }

  private on(kind: string, take: (told: Told) => void): void {
    this.source.addEventListener(kind, (event) => take(JSON.parse((event as MessageEvent<string>).data) as Told));
  }

  private take(told: Told): void {
    this.clockOffsetMs = told.now_ms - Date.now();
    for (const company of told.companies) this.companies.set(company.id, company);
    this.cells = told.cells;
    this.say("");
    this.showCompanies();
    this.tick();
  }

  private part<Kind extends HTMLElement>(name: string): Kind {
    return this.place.querySelector(`[data-${name}]`) as Kind;
  }

  private say(word: string): void {
    const note = this.part("note");
    note.hidden = word === "";
    if (word) note.textContent = this.words[word] ?? word;
  }

  private showCompanies(): void {
    const wanted = this.part<HTMLInputElement>("filter").value.trim().toLowerCase();
    const busyOnly = this.part<HTMLInputElement>("busy-only").checked;
    const shown = [...this.companies.values()]
      .filter((each) => !wanted || `${each.name} ${each.code}`.toLowerCase().includes(wanted))
      .filter((each) => !busyOnly || each.calls + each.ready + each.busy + each.away > 0)
      .sort((a, b) => b.calls - a.calls || a.name.localeCompare(b.name));
    const rows = shown.map((each) => this.row(each));
    const body = this.part<HTMLTableSectionElement>("companies");
    if (rows.length !== body.rows.length || rows.some((row, at) => body.rows[at] !== row)) body.replaceChildren(...rows);
    if (rows.length === 0) body.append(this.emptyRow(this.companies.size ? "no-match" : "no-companies", 7));
    const all = [...this.companies.values()];
    this.part("total-calls").textContent = String(all.reduce((sum, each) => sum + each.calls, 0));
    this.part("total-waiting").textContent = String(all.reduce((sum, each) => sum + each.waiting, 0));
    this.part("total-agents").textContent = String(all.reduce((sum, each) => sum + each.ready + each.busy + each.away, 0));
  }

  private row(company: Company): HTMLTableRowElement {
    const row = this.rows.get(company.id) ?? makeRow(7, 1);
    this.rows.set(company.id, row);
    const suspended = company.state === "active" ? "" : ` (${this.words[company.state] ?? company.state})`;
    const figures = [company.calls, company.waiting, this.wait(company), company.ready, company.busy, company.away];
    fill(row, [company.name + suspended, ...figures]);
    row.cells[0]?.setAttribute("title", company.code);
    return row;
  }

  private wait(company: Company): string {
    return company.longest_since_ms ? length(Date.now() + this.clockOffsetMs - company.longest_since_ms) : "—";
  }

  /** What grows by itself: waits, up-times, the age of a heartbeat. */
  private tick(): void {
    for (const company of this.companies.values()) if (company.waiting) this.row(company);
    const now = Date.now() + this.clockOffsetMs;
    const body = this.part<HTMLTableSectionElement>("cells");
    const rows = this.cells.map((cell, at) => {
      const old = body.rows[at];
      const row = old && old.cells.length === 7 ? old : makeRow(7, 4);
      const kind = this.words[cell.switch] ?? cell.switch;
      const up = cell.connected ? "connected" : "not-connected";
      const upFor = cell.seen_ms && cell.started_ms ? length(now - cell.started_ms) : "—";
      const seen = cell.seen_ms ? (this.words["ago"] ?? "").replace("{time}", length(now - cell.seen_ms)) : this.words["silent"];
      fill(row, [cell.name, "", kind || "—", cell.core_uuid || "—", cell.calls, upFor, seen ?? ""]);
      const tag = document.createElement("span");
      tag.className = `zj-tag zj-tag-${cell.connected ? "green" : "red"}`;
      tag.textContent = this.words[up] ?? up;
      row.cells[1]?.replaceChildren(tag);
      return row;
    });
    if (rows.length === 0) rows.push(this.emptyRow("no-cells", 7));
    body.replaceChildren(...rows);
  }

  private emptyRow(word: string, width: number): HTMLTableRowElement {
    const row = document.createElement("tr");
    const cell = row.insertCell();
    cell.colSpan = width;
    cell.className = "zj-empty";
    cell.textContent = this.words[word] ?? word;
    return row;
  }
}

/** A row of `width` cells; those from `firstFigure` on stand right, as figures do. */
function makeRow(width: number, firstFigure: number): HTMLTableRowElement {
  const row = document.createElement("tr");
  for (let at = 0; at < width; at += 1) row.insertCell().className = at >= firstFigure ? "zj-num" : "";
  return row;
}

function fill(row: HTMLTableRowElement, values: (string | number)[]): void {
  values.forEach((value, at) => {
    const cell = row.cells[at];
    if (cell && cell.textContent !== String(value)) cell.textContent = String(value);
  });
}

function length(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
