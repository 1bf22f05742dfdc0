import { describe, expect, it } from "vitest";

import type { Entry } from "../desktop/bridge";
import { empty, gridOf, linesOf } from "../desktop/parts/schedule";
import { step } from "../desktop/parts/traffic";
import { asCSV, asVisits } from "../desktop/parts/visits";

const entry = (e: Partial<Entry>): Entry => ({ seq: 1, prev: "", time: "2026-11-26T12:00:00Z", kind: "opened", ...e });

describe("visits", () => {
  it("joins the entries of one lease, newest first", () => {
    const visits = asVisits([
      entry({ seq: 1, serial: "a", host: "one.example" }),
      entry({ seq: 2, serial: "b", host: "two.example", kind: "refused", reason: "site_denied" }),
      entry({ seq: 3, serial: "a", kind: "pages", urls: ["https://one.example/"] }),
      entry({ seq: 4, serial: "a", kind: "closed", host: "one.example", bytes_down: 5, bytes_up: 2, reason: "ok" }),
      entry({ seq: 5, kind: "recovered" }),
    ]);
    expect(visits.map((v) => [v.host, v.state, v.down, v.up, v.urls.length])).toEqual([
      ["two.example", "refused", 0, 0, 0],
      ["one.example", "closed", 5, 2, 1],
    ]);
  });
  it("writes a CSV that no spreadsheet runs", () => {
    const csv = asCSV(asVisits([entry({ serial: "a", host: "one.example", purpose: '=HYPERLINK("x")' })]));
    expect(csv.split("\r\n")[1]).toContain(`"'=HYPERLINK(""x"")"`);
  });
});

describe("schedule", () => {
  it("reads and writes what the rules keep", () => {
    for (const lines of [[], ["daily 01:00-06:00"], ["mon,tue 08:00-12:00", "sat 00:00-24:00"]]) {
      expect(linesOf(gridOf(lines)!)).toEqual(lines);
    }
  });
  it("carries a night over to the next day", () => {
    const grid = gridOf(["sun 22:00-02:00"])!;
    expect([grid[6]![23], grid[0]![1], grid[0]![2]]).toEqual([true, true, false]);
  });
  it("reads ranges over the week's end", () => {
    const grid = gridOf(["sat-mon 10:00-11:00"])!;
    expect(grid.map((d) => d[10])).toEqual([true, false, false, false, false, true, true]);
  });
  it("gives up on minutes and on nonsense", () => {
    expect(gridOf(["daily 01:30-06:00"])).toBeUndefined();
    expect(gridOf(["someday 01:00-06:00"])).toBeUndefined();
    expect(empty(gridOf(["daily 01:00-02:00"])!)).toBe(false);
  });
});

describe("traffic", () => {
  const at = (seconds: number, down: number, started = "x") => ({ at: seconds, down, up: 0, started });
  it("is the difference of two looks", () => {
    expect(step(undefined, at(1, 5))).toBeUndefined();
    expect(step(at(1, 5), at(3, 25))).toEqual({ at: 3, down: 10, up: 0 });
    expect(step(at(1, 5), at(2, 1, "anew"))).toBeUndefined();
    expect(step(at(1, 5), at(2, 1))!.down).toBe(0);
  });
});
