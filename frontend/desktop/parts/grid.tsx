import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";

import { days, type Grid } from "./schedule";

/** ScheduleGrid lets hours be chosen one by one, or by dragging over them. */
export function ScheduleGrid({ grid, onChange }: { grid: Grid; onChange: (g: Grid) => void }): ReactNode {
  const { t, i18n } = useTranslation();
  const [painting, paint] = useState<boolean>();
  const set = (d: number, h: number, on: boolean) => onChange(grid.map((day, i) => (i === d ? day.map((v, j) => (j === h ? on : v)) : day)));
  const name = (d: number, style: "short" | "long") => new Date(2024, 0, 1 + d).toLocaleDateString(i18n.language, { weekday: style });
  return (
    <div style={{ overflowX: "auto" }}>
      <table className="hours" onPointerUp={() => paint(undefined)} onPointerLeave={() => paint(undefined)}>
        <caption style={{ textAlign: "start", fontSize: "0.85rem" }}>{t("rules.gridHelp")}</caption>
        <thead>
          <tr>
            <td />
            {grid[0]!.map((_, h) => (
              <th key={h} scope="col">
                {h % 3 === 0 ? h : ""}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map((_, d) => (
            <tr key={d}>
              <th scope="row">{name(d, "short")}</th>
              {grid[d]!.map((on, h) => (
                <td key={h}>
                  <button
                    type="button"
                    className="cell"
                    aria-pressed={on}
                    aria-label={`${name(d, "long")} ${h}–${h + 1}`}
                    onPointerDown={(e) => {
                      e.preventDefault();
                      paint(!on);
                      set(d, h, !on);
                    }}
                    onPointerEnter={() => painting !== undefined && painting !== on && set(d, h, painting)}
                    onKeyDown={(e) => (e.key === " " || e.key === "Enter") && set(d, h, !on)}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
