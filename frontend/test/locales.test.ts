import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import de from "../locales/de.json";
import en from "../locales/en.json";

function keys(tree: object, above = ""): string[] {
  return Object.entries(tree).flatMap(([k, v]) => (typeof v === "string" ? [above + k] : keys(v as object, `${above}${k}.`)));
}

function holes(tree: object, above = ""): [string, string][] {
  return Object.entries(tree).flatMap(([k, v]) =>
    typeof v === "string" ? [[above + k, [...v.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort().join()] as [string, string]] : holes(v as object, `${above}${k}.`),
  );
}

describe("languages", () => {
  it("all say the same things", () => {
    expect(keys(de)).toEqual(keys(en));
    expect(holes(de)).toEqual(holes(en));
  });
  it("hold every key the pages ask for", () => {
    const known = new Set(keys(en).map((k) => k.replace(/_(zero|one|other)$/, "")));
    for (const text of sources("desktop").concat(sources("shared"))) {
      for (const m of text.matchAll(/\bt\("([\w.]+)"/g)) expect(known, m[1]).toContain(m[1]);
    }
  });
});

function sources(dir: string): string[] {
  const root = join(import.meta.dirname, "..", dir);
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((f) => /\.tsx?$/.test(f))
    .map((f) => readFileSync(join(root, f), "utf8"));
}
