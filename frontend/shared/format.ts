// How figures and foreign text are shown, the same in the window and the console.

/** bytes in decimal units, as providers count them: 1.2 GB. */
export function bytes(n: number, locale: string): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  const digits = i === 0 || n >= 100 ? 0 : n >= 10 ? 1 : 2;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(n)} ${units[i]}`;
}

/** rate in bits a second, as lines are sold: 12.3 Mbit/s. */
export function rate(bytesPerSecond: number, locale: string): string {
  const bits = bytesPerSecond * 8;
  const [n, unit] = bits >= 1e6 ? [bits / 1e6, "Mbit/s"] : [bits / 1e3, "kbit/s"];
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: n >= 100 ? 0 : 1 }).format(n)} ${unit}`;
}

/** points from micro-points, to the last one. */
export function points(micro: number | bigint, locale: string): string {
  const all = BigInt(micro);
  const whole = new Intl.NumberFormat(locale).format(all / 1_000_000n);
  const part = (all % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "");
  const sign = new Intl.NumberFormat(locale).formatToParts(1.1).find((p) => p.type === "decimal")?.value ?? ".";
  return part === "" ? whole : `${whole}${sign}${part}`;
}

/** time of day, with the date if it is not today. */
export function when(time: string | Date, locale: string, now = new Date()): string {
  const t = new Date(time);
  const today = t.toDateString() === now.toDateString();
  return t.toLocaleString(locale, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

// Control characters, and those that turn the direction of text: with them a
// site's name can be made to read as another's.
const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]/gu;

/** visible shows characters that would not be seen, and could deceive. */
export function visible(text: string): string {
  return text.replace(hidden, (c) => `⟨U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** short is enough of a key to tell it from others. */
export function short(key: string): string {
  return key.length > 12 ? `${key.slice(0, 6)}…${key.slice(-4)}` : key;
}
