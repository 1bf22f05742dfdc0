import type { Entry } from "../bridge";

/** Visit is one connection as a person thinks of it: its journal entries put together. */
export interface Visit {
  seq: number;
  time: string;
  host: string;
  port: number;
  address?: string;
  purpose: string;
  dataset: string;
  job?: string;
  router?: string;
  serial?: string;
  state: "open" | "closed" | "refused";
  reason?: string;
  down: number;
  up: number;
  urls: string[];
  entries: Entry[];
}

/** asVisits joins the entries of one lease, newest visit first. */
export function asVisits(entries: Entry[]): Visit[] {
  const bySerial = new Map<string, Visit>();
  const all: Visit[] = [];
  for (const e of entries) {
    if (!e.host && !(e.serial && bySerial.has(e.serial))) continue;
    const known = e.serial ? bySerial.get(e.serial) : undefined;
    const visit = known ?? started(e);
    if (!known) {
      all.push(visit);
      if (e.serial) bySerial.set(e.serial, visit);
    }
    join(visit, e);
  }
  return all.reverse();
}

function started(e: Entry): Visit {
  return {
    seq: e.seq, time: e.time, host: e.host ?? "", port: e.port ?? 0, purpose: e.purpose ?? "", dataset: e.dataset ?? "",
    state: "open", down: 0, up: 0, urls: [], entries: [],
  };
}

function join(v: Visit, e: Entry): void {
  v.entries.push(e);
  v.address ??= e.address;
  v.job ??= e.job;
  v.router ??= e.router;
  v.serial ??= e.serial;
  if (e.kind === "closed" || e.kind === "refused") {
    v.state = e.kind;
    v.reason = e.reason;
    v.down = e.bytes_down ?? 0;
    v.up = e.bytes_up ?? 0;
  }
  if (e.urls) v.urls.push(...e.urls);
}

/** asCSV is what is exported. A leading =, +, - or @ would be a formula to a spreadsheet. */
export function asCSV(visits: Visit[]): string {
  const cell = (value: string | number) => {
    const text = String(value);
    return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  const head = ["time", "site", "port", "address", "purpose", "dataset", "job", "outcome", "bytes_down", "bytes_up", "lease"];
  const rows = visits.map((v) => [
    v.time, v.host, v.port, v.address ?? "", v.purpose, v.dataset, v.job ?? "", v.state === "open" ? "open" : (v.reason ?? ""), v.down, v.up, v.serial ?? "",
  ]);
  return [head, ...rows].map((r) => r.map(cell).join(",")).join("\r\n") + "\r\n";
}
