// A development server with the make-believe agent, and a Chromium to look at it.
import { createServer, type ViteDevServer } from "vite";
import { type Browser, chromium, type Page } from "playwright-core";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createRequire } from "node:module";

// Handed to the page by the debugger: the page's own policy lets no script in.
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface Look {
  play: string;
  width?: number;
  dark?: boolean;
  language?: string;
  zoom?: number;
}

export class Kit {
  private constructor(
    private readonly server: ViteDevServer,
    private readonly browser: Browser,
    private readonly at: string,
  ) {}

  static async start(): Promise<Kit> {
    const root = resolve(import.meta.dirname, "../..");
    const server = await createServer({ configFile: resolve(root, "vite.config.ts"), server: { port: 0, host: "127.0.0.1" }, logLevel: "error" });
    await server.listen();
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    const kit = new Kit(server, browser, server.resolvedUrls!.local[0]!);
    // The first look has the server bundle what the pages import, and load them anew.
    const { page } = await kit.open({ play: "sharing" });
    await page.waitForLoadState("networkidle");
    await page.context().close();
    return kit;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.server.close();
  }

  /** open is a page of the window; whatever it logs as an error, or asks elsewhere, ends up in faults. */
  async open(look: Look): Promise<{ page: Page; faults: string[] }> {
    const context = await this.browser.newContext({
      viewport: { width: look.width ?? 1040, height: 760 },
      colorScheme: look.dark ? "dark" : "light",
      locale: look.language ?? "en",
      reducedMotion: "reduce",
      deviceScaleFactor: look.zoom ?? 1,
    });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("console", (m) => m.type() === "error" && faults.push(m.text()));
    page.on("pageerror", (e) => faults.push(e.message));
    page.on("request", (r) => r.url().startsWith(this.at) || r.url().startsWith("data:") || faults.push(`asked ${r.url()}`));
    await page.goto(`${this.at}?play=${look.play}`);
    await page.waitForSelector("h1", { state: "attached" });
    return { page, faults };
  }
}

/** findings are what axe calls serious or critical on the page as it stands. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const result = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: () => Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary?: string }[] }[] }> } };
    return (await axe.run()).violations;
  });
  return result
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${v.id} (${v.nodes.length}×): ${v.nodes[0]!.html} ${v.nodes[0]!.failureSummary ?? ""}`);
}

/** wider says whether something sticks out sideways. */
export function wider(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1);
}
