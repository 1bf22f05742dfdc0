// The rules keep a schedule as lines like "mon-fri 22:00-07:00"; the page shows
// it as a grid of 7 days by 24 hours, Monday first.

export const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Grid = boolean[][]; // [day][hour]

const line = /^(\S+) (\d{2}):(\d{2})-(\d{2}):(\d{2})$/;

/** gridOf is the grid that lines come to, or nothing if they do not fit whole hours. */
export function gridOf(lines: string[]): Grid | undefined {
  if (lines.length === 0) return days.map(() => new Array<boolean>(24).fill(true));
  const grid: Grid = days.map(() => new Array<boolean>(24).fill(false));
  for (const text of lines) {
    const m = line.exec(text);
    const which = m && daysOf(m[1]!);
    if (!m || !which || m[3] !== "00" || m[5] !== "00") return undefined;
    const from = Number(m[2]);
    const to = Number(m[4]);
    for (const d of which) {
      if (from < to) mark(grid, d, from, to);
      else {
        mark(grid, d, from, 24);
        mark(grid, (d + 1) % 7, 0, to);
      }
    }
  }
  return grid;
}

function mark(grid: Grid, day: number, from: number, to: number): void {
  for (let h = from; h < to; h++) grid[day]![h] = true;
}

function daysOf(text: string): number[] | undefined {
  if (text === "daily") return days.map((_, i) => i);
  const all: number[] = [];
  for (const part of text.split(",")) {
    const [first, last = first] = part.split("-").map((d) => days.indexOf(d as (typeof days)[number]));
    if (first === undefined || last === undefined || first < 0 || last < 0) return undefined;
    for (let d = first; ; d = (d + 1) % 7) {
      all.push(d);
      if (d === last) break;
    }
  }
  return all;
}

/** linesOf writes a grid as the rules keep it: none when everything is on. An empty grid has no lines either, so it is refused before. */
export function linesOf(grid: Grid): string[] {
  if (grid.every((d) => d.every(Boolean))) return [];
  const hours = new Map<string, number[]>();
  grid.forEach((day, d) => {
    for (let h = 0; h < 24; h++) {
      if (!day[h] || (h > 0 && day[h - 1])) continue;
      let to = h;
      while (to < 24 && day[to]) to++;
      const window = `${two(h)}:00-${two(to)}:00`;
      hours.set(window, [...(hours.get(window) ?? []), d]);
    }
  });
  return [...hours].map(([window, which]) => `${which.length === 7 ? "daily" : which.map((d) => days[d]).join(",")} ${window}`);
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}

/** empty says whether a grid would never share; to pause is not what a schedule is for. */
export function empty(grid: Grid): boolean {
  return !grid.some((d) => d.some(Boolean));
}
