import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { findings, Kit, wider } from "./kit";

// SHOTS=folder keeps a picture of every page, to be looked at by people.
const shots = process.env.SHOTS;
let kit: Kit;

beforeAll(async () => {
  if (shots) mkdirSync(shots, { recursive: true });
  kit = await Kit.start();
});
afterAll(() => kit?.stop());

const pages = ["Home", "Activity", "Earnings", "Rules", "Settings"];
const looks = [
  { name: "wide-light", width: 1040, dark: false },
  { name: "wide-dark", width: 1040, dark: true },
  { name: "narrow-light", width: 360, dark: false },
  { name: "narrow-dark", width: 360, dark: true },
];

describe.each(looks)("$name", ({ name, width, dark }) => {
  it("shows every page, whole and readable", async () => {
    const { page, faults } = await kit.open({ play: "sharing", width, dark });
    for (const title of pages) {
      await page.getByRole("button", { name: title, exact: true }).click();
      await page.waitForTimeout(title === "Home" ? 1500 : 300);
      if (shots) await page.screenshot({ path: `${shots}/${name}-${title.toLowerCase()}.png`, fullPage: false });
      expect(await wider(page), `${title} sticks out`).toBe(false);
      expect(await findings(page), title).toEqual([]);
    }
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("welcomes", async () => {
    const { page, faults } = await kit.open({ play: "new", width, dark });
    for (let step = 0; step < 4; step++) {
      if (step === 1) await page.getByLabel("100 GB").check();
      if (step === 2) {
        await page.getByLabel("Address of a router").fill("/dns4/router.example.org/tcp/4100/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf");
        await page.getByRole("button", { name: "Add" }).click();
        await page.getByText("home", { exact: false }).first().waitFor();
      }
      await page.waitForTimeout(200);
      if (shots) await page.screenshot({ path: `${shots}/${name}-welcome${step}.png`, fullPage: false });
      expect(await wider(page), `step ${step} sticks out`).toBe(false);
      expect(await findings(page), `step ${step}`).toEqual([]);
      if (step < 3) await page.getByRole("button", { name: "Next" }).click();
    }
    expect(faults).toEqual([]);
    await page.context().close();
  });
});

describe("states", () => {
  it.each(["paused", "busy", "unreachable", "stopped", "missing"])("%s", async (play) => {
    const { page, faults } = await kit.open({ play });
    await page.waitForTimeout(300);
    if (shots) await page.screenshot({ path: `${shots}/state-${play}.png` });
    expect(await findings(page)).toEqual([]);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it("speaks German", async () => {
    const { page } = await kit.open({ play: "paused", language: "de-DE" });
    expect(await page.getByRole("heading", { level: 2 }).textContent()).toBe("Teilt nicht");
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("de");
    for (const title of ["Verlauf", "Ertrag", "Regeln", "Einstellungen"]) {
      await page.getByRole("button", { name: title, exact: true }).click();
      await page.waitForTimeout(200);
      if (shots) await page.screenshot({ path: `${shots}/german-${title.toLowerCase()}.png` });
      expect(await wider(page)).toBe(false);
    }
    await page.context().close();
  });
});

describe("what a user does", () => {
  it("nothing is chosen beforehand, and nothing is shared without a yes", async () => {
    const { page } = await kit.open({ play: "new" });
    await page.getByRole("button", { name: "Next" }).click();
    for (const radio of await page.getByRole("radio").all()) expect(await radio.isChecked()).toBe(false);
    expect(await page.getByRole("button", { name: "Next" }).isEnabled()).toBe(false);
    await page.getByLabel("25 GB").check();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("heading", { name: "For whom" }).waitFor();
    expect(await page.getByRole("button", { name: "Next" }).isEnabled()).toBe(false);
    await page.getByLabel("Address of a router").fill("nonsense");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Address of a router").fill("/ip4/203.0.113.7/tcp/4100/p2p/12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    const agree = page.getByRole("button", { name: "Agree and share" });
    expect(await agree.isEnabled()).toBe(false);
    await page.getByRole("checkbox").check();
    await agree.click();
    await page.getByRole("heading", { name: "Sharing" }).waitFor();
    await page.getByText("of 25 GB").waitFor();
    await page.context().close();
  });

  it("pauses and resumes", async () => {
    const { page } = await kit.open({ play: "sharing" });
    await page.getByRole("button", { name: "Pause for 1 hour" }).click();
    await page.getByText(/You paused it\. Goes on at/).waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("heading", { name: "Sharing" }).waitFor();
    await page.context().close();
  });

  it("blocks a site with one click, and searches", async () => {
    const { page } = await kit.open({ play: "sharing" });
    await page.getByRole("button", { name: "Activity" }).click();
    await page.getByLabel("Search site").fill("go.dev");
    await page.getByRole("button", { name: "Block go.dev" }).first().click();
    await page.getByRole("button", { name: "Unblock go.dev" }).first().waitFor();
    await page.getByRole("button", { name: "Details of go.dev" }).first().click();
    await page.getByRole("dialog").getByText("93.184.215.14:443").first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Rules" }).click();
    expect(await page.getByLabel("Never visit").inputValue()).toBe("go.dev");
    await page.context().close();
  });

  it("explains what was earned, line by line", async () => {
    const { page } = await kit.open({ play: "sharing" });
    await page.getByRole("button", { name: "Earnings" }).click();
    await page.getByText("74.074068").first().waitFor();
    await page.getByRole("button", { name: /Epoch 2/ }).click();
    await page.getByText("This node holds receipts for 40 MB more").waitFor();
    await page.getByText("18").first().waitFor();
    await page.context().close();
  });

  it("shows deceiving names as they are", async () => {
    const { page } = await kit.open({ play: "sharing" });
    await page.getByRole("button", { name: "Activity" }).click();
    await page.getByText("evil⟨U+202E⟩moc.elpmaxe.example").first().waitFor();
    await page.context().close();
  });

  it("changes the schedule with the keyboard alone", async () => {
    const { page } = await kit.open({ play: "sharing" });
    await page.getByRole("button", { name: "Rules" }).click();
    const cell = page.getByRole("button", { name: "Monday 3–4", exact: true });
    await cell.focus();
    await page.keyboard.press("Space");
    expect(await cell.getAttribute("aria-pressed")).toBe("false");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved and in effect.").waitFor();
    expect(await page.getByRole("button", { name: "Monday 3–4", exact: true }).getAttribute("aria-pressed")).toBe("false");
    await page.context().close();
  });

  it("starts an agent that is not running", async () => {
    const { page } = await kit.open({ play: "stopped" });
    await page.getByRole("button", { name: "Start the agent" }).click();
    await page.getByRole("button", { name: "Home" }).waitFor();
    await page.context().close();
  });
});
