// A make-believe agent, so that the pages can be worked on and tested in a plain
// browser (npm run dev). It is loaded by development builds only. The address
// chooses what it plays: ?play=new|sharing|paused|busy|unreachable|stopped|missing.

import type { Agent, Bridge, Earnings, Entry, Epoch, Router, Rules, State, Status, Verdict } from "./bridge";

type Play = "new" | "sharing" | "paused" | "busy" | "unreachable" | "stopped" | "missing";

const consentText = `# Sharing your connection with Fallow

Please read this before you say yes. This is the text of the mock; the agent has the real one.

## What goes through your line

- Only web pages, asked for with the web's two *reading* requests.
- Pages on encrypted sites stay encrypted through your computer.

## How to stop

Pause at any time with \`fallow-node pause\`. All traffic ends within two seconds.`;

const router: Router = {
  router: "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
  peer_id: "12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf",
  home: true,
  addresses: ["/dns4/router.example.org/tcp/4100"],
};

const sites = ["go.dev", "en.wikipedia.org", "developer.mozilla.org", "docs.python.org", "bücher.example", "evil\u202Emoc.elpmaxe.example"];

function entries(count: number): Entry[] {
  const list: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const at = new Date(Date.now() - (count - i) * 47_000).toISOString();
    const refused = i % 11 === 7;
    list.push({
      seq: i + 1,
      prev: (i * 2654435761).toString(16).padStart(64, "0").slice(-64),
      time: at,
      kind: refused ? "refused" : i % 2 === 0 ? "opened" : "closed",
      serial: `${"0123456789abcdef".repeat(2)}`.slice(0, 26) + String(Math.floor(i / 2)).padStart(6, "0"),
      router: router.router,
      host: sites[Math.floor(i / 2) % sites.length]!,
      port: 443,
      address: "93.184.215.14:443",
      job: "job-7",
      purpose: "search over documentation",
      dataset: "docs",
      bytes_down: refused || i % 2 === 0 ? 0 : 20_000 + ((i * 7919) % 90_000),
      bytes_up: refused || i % 2 === 0 ? 0 : 1200,
      reason: refused ? "category_denied" : "ok",
    });
  }
  return list;
}

function earnings(): Earnings {
  const day = 86_400_000;
  const epochs: Epoch[] = [3, 2, 1].map((n) => ({
    router: router.router,
    epoch: n,
    start: new Date(Date.now() - (5 - n) * day).toISOString(),
    end: new Date(Date.now() - (4 - n) * day).toISOString(),
    amount: String(n * 12_345_678),
    cumulative: String(((n * (n + 1)) / 2) * 12_345_678),
    payout: "Fa11owNodeKey1111111111111111111111111111111",
    royalty: n === 3 ? "1250000" : "0",
    royalty_ever: n === 3 ? "1250000" : "0",
    root: "5f".repeat(32),
    file_hash: "a7".repeat(32),
    nodes: 812,
    carriage: String(n * 9_000_000),
    availability: String(n * 3_345_678),
    correction: "0",
    bytes_signed: n * 1_200_000_000,
    bytes_unsigned: n === 2 ? 40_000_000 : 0,
    bytes_disputed: 0,
    bytes_late: 0,
    online_seconds: 80_000,
    standing_permille: n === 1 ? 900 : 1000,
    scarcity_permille: 1000,
    root_signature: "c2ln",
    path: ["01".repeat(32), "02".repeat(32)],
    own: { bytes: n * 1_200_000_000, receipts: 4, online_seconds: 79_970, held: true },
    differences: [
      { what: "online", severity: "explained", sentence: "The router counts 22h13m20s online, 30s more than the last receipt this node countersigned: the end of the epoch came in between. It is counted for you." },
      ...(n === 2 ? [{ what: "bytes", severity: "against" as const, sentence: "This node holds receipts for 40 MB more than the router paid." }] : []),
    ],
  }));
  return {
    node: "Fa11owNodeKey1111111111111111111111111111111",
    routers: [{ router: router.router, cumulative: epochs[0]!.cumulative, newest_epoch: 3, open: [{ epoch: 4, bytes: 310_000_000, receipts: 2, online_seconds: 20_000, held: true }] }],
    epochs,
    fetched: { new: 0 },
  };
}

export function mockBridge(search: string): Bridge {
  const asked = new URLSearchParams(search).get("play");
  let play = (asked ?? "new") as Play;
  let agent: Agent = play === "stopped" ? "stopped" : play === "missing" ? "missing" : "running";
  let consented = play !== "new";
  let pausedUntil = play === "paused" ? new Date(Date.now() + 3_600_000).toISOString() : undefined;
  let paused = play === "paused";
  let routers: Router[] = play === "new" ? [] : [router];
  let down = 0;
  const begun = Date.now();
  const rules: Rules = {
    revision: 1,
    settings: {
      strict: false,
      caps: { max_tunnels: 64, reset_day: 1, monthly_bytes: play === "new" ? 0 : 100e9 },
      auto_pause: { in_use: true, battery: true, metered: true, vpn: true, network: true, idle_minutes: 5 },
    },
    categories: [
      { name: "adult", title: "Adult content", sites: ["adult.example"], allowed: false },
      { name: "banking", title: "Banking and payment", sites: ["bank.example", "pay.example"], allowed: false },
      { name: "webmail", title: "Webmail", sites: ["mail.example"], allowed: false },
      { name: "gambling", title: "Gambling", sites: ["bet.example"], allowed: false },
    ],
    sharing: { ok: true, reason: "ok", sentence: "" },
    used: { day: 1_234_567_890, month: 23_456_789_012 },
    seen: {
      in_use: { answer: "no", why: "the keyboard was last used 12 minutes ago", sign: "keyboard or mouse" },
      battery: { answer: "no", why: "it runs on mains" },
      metered: { answer: "unknown", why: "nobody here says what the line costs" },
      vpn: { answer: "no", why: "traffic leaves by eth0" },
      managed: { answer: "no", why: "no sign of an organisation" },
      network: { id: "ab12", name: "192.168.1.1" },
    },
  };

  const sharing = (): Verdict => {
    if (!consented) return { ok: false, reason: "no_consent", rule: "consent", sentence: "Not sharing because you have not agreed to it." };
    if (paused) return { ok: false, reason: "paused", rule: "pause", sentence: "Not sharing because you paused it.", until: pausedUntil };
    if (play === "busy") return { ok: false, reason: "paused", rule: "in_use", sentence: "Not sharing while you use this computer." };
    return { ok: true, reason: "ok", sentence: "Sharing." };
  };
  const status = (): Status => {
    const live = sharing().ok && play !== "unreachable" && routers.length > 0;
    const seconds = (Date.now() - begun) / 1000;
    if (live) down = 4e6 + seconds * 600e3 + 400e3 * Math.sin(seconds / 3);
    return {
      node: "Fa11owNodeKey1111111111111111111111111111111",
      version: "0.1.0",
      started: new Date(begun).toISOString(),
      lab: false,
      sharing: sharing(),
      sentence: "",
      routers: routers.map((r) => ({
        router: r.router,
        home: r.home,
        addresses: r.addresses,
        connected: live,
        carrier: "tcp",
        country: "DE",
        epoch: 12,
        since: new Date(begun).toISOString(),
        ...(play === "unreachable"
          ? { problem: "The router did not answer.", next_try: new Date(Date.now() + 20_000).toISOString() }
          : {}),
      })),
      payout: { address: "Fa11owNodeKey1111111111111111111111111111111", own: true, confirmed: true },
      max_tunnels: 64,
      tunnels: { open: live ? 3 : 0, reached: 812, failed: 9, refused: 17 },
      carried: { bytes_down: Math.max(0, Math.round(down)), bytes_up: Math.round(down / 20), signed: 44, disputed: 0 },
      used: { day: rules.used.day + Math.round(down), month: rules.used.month + Math.round(down) },
    };
  };
  const answer = <T,>(value: T): Promise<T> => new Promise((done) => setTimeout(() => done(structuredClone(value)), 30));
  const changed = (): Promise<Rules> => {
    rules.revision++;
    rules.sharing = sharing();
    return answer(rules);
  };

  return {
    State: () => {
      const s: State = { agent, version: "0.1.0" };
      if (agent === "running") s.status = status();
      if (agent === "stopped") Object.assign(s, { problem: "No agent is running.", fix: "Start it." });
      if (agent === "missing")
        Object.assign(s, { problem: "The agent's program, fallow-node, is not on this computer.", fix: "Install Fallow again." });
      return answer(s);
    },
    Start: () => {
      agent = "starting";
      setTimeout(() => (agent = "running"), 1500);
      return answer(undefined);
    },
    Pause: (until) => {
      paused = true;
      pausedUntil = until || undefined;
      return answer(status());
    },
    Resume: () => {
      paused = false;
      play = "sharing";
      return answer(status());
    },
    Consent: () => answer({ version: "abc123", text: consentText, given: consented }),
    Accept: (version) => {
      consented = true;
      return answer({ version, text: consentText, given: true, record: { version, accepted_at: new Date().toISOString() } });
    },
    Withdraw: () => {
      consented = false;
      return answer({ version: "abc123", text: consentText, given: false });
    },
    Journal: (site, _since, limit) => answer(entries(400).filter((e) => !site || e.host?.endsWith(site)).slice(-limit)),
    Rules: () => answer({ ...rules, sharing: sharing() }),
    SetRules: (revision, settings) => {
      if (revision !== rules.revision) return Promise.reject(new Error("agent says: the rules were changed elsewhere"));
      rules.settings = settings;
      for (const c of rules.categories) c.allowed = settings.categories?.includes(c.name) ?? false;
      return changed();
    },
    BlockSite: (site) => {
      rules.settings.deny = [...(rules.settings.deny ?? []), site].sort();
      return changed();
    },
    UnblockSite: (site) => {
      rules.settings.deny = (rules.settings.deny ?? []).filter((s) => s !== site);
      return changed();
    },
    Earnings: () => answer(earnings()),
    Doctor: () =>
      answer({
        version: "0.1.0",
        platform: "linux/amd64",
        ok: play !== "unreachable",
        steps: [
          { step: "data directory", result: "ok", found: "It is there, writable and closed to others." },
          { step: "clock", result: "ok", found: "It agrees with the router's." },
          play === "unreachable"
            ? { step: "tcp", result: "failed", found: "router.example.org:4100 did not answer.", do: "Ask the router's operator, or check your firewall." }
            : { step: "tcp", result: "ok", found: "router.example.org:4100 answered." },
        ],
      }),
    Routers: () => answer(routers),
    AddRouter: (address, home) => {
      if (!/\/p2p\/\w{40,}$/.test(address)) return Promise.reject(new Error("the address does not end in /p2p/KEY"));
      routers = [...routers, { ...router, home: home || routers.length === 0, addresses: [address] }];
      return answer(routers);
    },
    RemoveRouter: (which) => {
      routers = routers.filter((r) => r.router !== which);
      return answer(routers);
    },
    Backup: () => answer("/home/you/fallow-identity.json"),
    SaveReport: (name) => answer(`/home/you/${name}`),
  };
}
