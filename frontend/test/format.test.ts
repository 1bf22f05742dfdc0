import { describe, expect, it } from "vitest";

import { bytes, points, rate, short, visible, when } from "../shared/format";

describe("figures", () => {
  it("counts bytes as providers do", () => {
    expect(bytes(0, "en")).toBe("0 B");
    expect(bytes(999, "en")).toBe("999 B");
    expect(bytes(1_500, "en")).toBe("1.5 kB");
    expect(bytes(12_345_678_901, "en")).toBe("12.3 GB");
    expect(bytes(12_345_678_901, "de")).toBe("12,3 GB");
    expect(bytes(123_456_789_012, "en")).toBe("123 GB");
  });
  it("shows speed in bits", () => {
    expect(rate(125_000, "en")).toBe("1 Mbit/s");
    expect(rate(1_000, "en")).toBe("8 kbit/s");
  });
  it("shows points exactly, beyond what a double holds", () => {
    expect(points(0, "en")).toBe("0");
    expect(points(1_500_000, "en")).toBe("1.5");
    expect(points(1, "de")).toBe("0,000001");
    expect(points(9_007_199_254_740_993n, "en")).toBe("9,007,199,254.740993");
  });
  it("names the day only if it is another", () => {
    const now = new Date(2026, 10, 26, 12, 0);
    expect(when(new Date(2026, 10, 26, 13, 5), "de", now)).toBe("13:05");
    expect(when(new Date(2026, 10, 27, 13, 5), "de", now)).toContain("2026");
  });
});

describe("foreign text", () => {
  it("shows what would deceive", () => {
    expect(visible("example.com")).toBe("example.com");
    expect(visible("evil\u202Emoc.elpmaxe")).toBe("evil⟨U+202E⟩moc.elpmaxe");
    expect(visible("a\u0000b\u200Bc\u2066d\uFEFF\n")).toBe("a⟨U+0000⟩b⟨U+200B⟩c⟨U+2066⟩d⟨U+FEFF⟩⟨U+000A⟩");
    expect(visible("bücher.example 日本")).toBe("bücher.example 日本");
  });
  it("keeps both ends of a key", () => {
    expect(short("12D3KooWQx7f9")).toBe("12D3Ko…x7f9");
    expect(short("abc")).toBe("abc");
  });
});
