// What the page may ask of the agent. The types are those of desktop/bridge,
// relay/control and relay in Go; test/samples.test.ts holds them against JSON
// that the Go side wrote.

export interface Verdict {
  ok: boolean;
  reason: string;
  rule?: string;
  sentence: string;
  until?: string;
}

export interface RouterStatus {
  router: string;
  home: boolean;
  addresses: string[] | null;
  connected: boolean;
  since?: string;
  address?: string;
  carrier?: string;
  version?: string;
  epoch?: number;
  country?: string;
  class?: string;
  skew_ms?: number;
  problem?: string;
  reason?: string;
  next_try?: string;
}

export interface Usage {
  day: number;
  month: number;
}

export interface Status {
  node: string;
  version: string;
  started: string;
  lab: boolean;
  sharing: Verdict;
  sentence: string;
  consent?: { version?: string; accepted_at?: string };
  routers: RouterStatus[] | null;
  halts?: { router: string; since: string; scope: string; job?: string; reason?: string }[];
  payout: { address: string; own: boolean; confirmed: boolean };
  update?: { version: string; info?: string; router: string };
  max_tunnels: number;
  tunnels: { open: number; reached: number; failed: number; refused: number; no_journal?: boolean };
  carried: { bytes_down: number; bytes_up: number; signed: number; disputed: number; last_dispute?: string };
  used: Usage;
  warnings?: string[];
}

export type Agent = "running" | "starting" | "stopped" | "missing" | "silent";

export interface State {
  agent: Agent;
  problem?: string;
  fix?: string;
  status?: Status;
  version: string;
}

export interface Consent {
  version: string;
  text: string;
  given: boolean;
  record?: { version?: string; accepted_at?: string };
}

export interface Finding {
  answer: "unknown" | "no" | "yes";
  why: string;
}

export interface Snapshot {
  at?: string;
  in_use: Finding & { last?: string; sign?: string };
  battery: Finding;
  metered: Finding;
  vpn: Finding;
  managed: Finding;
  network: { id?: string; name?: string; why?: string; pending?: boolean };
}

export interface Settings {
  deny?: string[];
  allow?: string[];
  strict: boolean;
  categories?: string[];
  schedule?: string[];
  caps: { max_tunnels: number; mbit_per_second?: number; daily_bytes?: number; monthly_bytes?: number; reset_day: number };
  auto_pause: { in_use: boolean; battery: boolean; metered: boolean; vpn: boolean; network: boolean; idle_minutes: number };
  networks?: { id: string; name?: string; since?: string }[];
}

export interface Rules {
  revision: number;
  settings: Settings;
  categories: { name: string; title: string; sites: string[]; allowed: boolean }[];
  sharing: Verdict;
  used: Usage;
  seen?: Snapshot;
}

export interface Entry {
  seq: number;
  prev: string;
  time: string;
  kind: "opened" | "closed" | "refused" | "pages" | "disputed" | "omitted" | "recovered";
  serial?: string;
  router?: string;
  host?: string;
  port?: number;
  address?: string;
  job?: string;
  purpose?: string;
  dataset?: string;
  lease?: string;
  lease_sig?: string;
  receipt?: string;
  receipt_sig?: string;
  bytes_up?: number;
  bytes_down?: number;
  reason?: string;
  urls?: string[];
  note?: string;
}

export interface Router {
  router: string;
  peer_id: string;
  home: boolean;
  addresses: string[];
}

export interface Examination {
  version: string;
  platform: string;
  ok: boolean;
  steps: { step: string; result: "ok" | "note" | "failed" | "skipped"; found: string; do?: string }[];
}

/** Difference explains a statement by what the node counted itself. */
export interface Difference {
  what: string;
  severity: "explained" | "against";
  sentence: string;
}

/** Epoch is one closed epoch's statement. Amounts are micro-points in decimal, since a double would lose some. */
export interface Epoch {
  router: string;
  epoch: number;
  start: string;
  end: string;
  amount: string;
  cumulative: string;
  payout: string;
  /** Shares of sales, in base units of the router's token: money, apart from points. */
  royalty: string;
  royalty_ever: string;
  root: string;
  file_hash: string;
  nodes: number;
  carriage: string;
  availability: string;
  correction: string;
  bytes_signed: number;
  bytes_unsigned: number;
  bytes_disputed: number;
  bytes_late: number;
  online_seconds: number;
  standing_permille: number;
  scarcity_permille: number;
  root_signature: string;
  path: string[] | null;
  own: { bytes: number; receipts: number; online_seconds: number; held: boolean };
  differences?: Difference[];
}

export interface Earnings {
  node: string;
  routers: { router: string; cumulative: string; newest_epoch: number; open?: { epoch: number; bytes: number; receipts: number; online_seconds: number; held: boolean }[] }[];
  epochs: Epoch[];
  damaged?: string[];
  fetched?: { new: number; problem?: string };
}

/** Bridge is everything the page can do; each call is one binding of the window. */
export interface Bridge {
  State(): Promise<State>;
  Start(): Promise<void>;
  Pause(until: string): Promise<Status>;
  Resume(): Promise<Status>;
  Consent(): Promise<Consent>;
  Accept(version: string): Promise<Consent>;
  Withdraw(): Promise<Consent>;
  Journal(site: string, since: string, limit: number): Promise<Entry[] | null>;
  Rules(): Promise<Rules>;
  SetRules(revision: number, settings: Settings): Promise<Rules>;
  BlockSite(site: string): Promise<Rules>;
  UnblockSite(site: string): Promise<Rules>;
  Earnings(): Promise<Earnings>;
  Doctor(): Promise<Examination>;
  Routers(): Promise<Router[]>;
  AddRouter(address: string, home: boolean): Promise<Router[]>;
  RemoveRouter(which: string): Promise<Router[]>;
  Backup(passphrase: string): Promise<string>;
  SaveReport(name: string, text: string): Promise<string>;
}

declare global {
  interface Window {
    go?: { bridge: { Bridge: Bridge } };
  }
}

/** bridge is the window's own, or none in a plain browser. */
export function windowBridge(): Bridge | undefined {
  return window.go?.bridge.Bridge;
}

/** reason is the text of whatever a binding rejected with. */
export function reasonOf(problem: unknown): string {
  const text = problem instanceof Error ? problem.message : String(problem);
  return text.replace(/^agent says: /, "");
}
