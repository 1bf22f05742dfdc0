import { Text, useComputedColorScheme } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";

import { rate } from "../../shared/format";
import { kept, type Sample } from "./traffic";

/** Chart draws the last two minutes; what it shows now also stands in words below it. */
export function Chart({ samples }: { samples: Sample[] }): ReactNode {
  const { t, i18n } = useTranslation();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const scheme = useComputedColorScheme();
  const language = i18n.language;

  useEffect(() => {
    const at = holder.current!;
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--mantine-color-dimmed").trim();
    const grid = { stroke: style.getPropertyValue("--mantine-color-default-border").trim(), width: 1 };
    const line = (label: string, stroke: string, fill?: string): uPlot.Series => ({ label, stroke, fill, width: 2, points: { show: false } });
    const u = new uPlot(
      {
        width: at.clientWidth || 300,
        height: at.clientHeight || 170,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.1, 12_500)] } },
        axes: [
          { stroke: ink, grid, ticks: grid, values: (_u, at) => at.map((s) => new Date(s * 1000).toLocaleTimeString(language)), space: 90 },
          { stroke: ink, grid, ticks: grid, values: (_u, at) => at.map((v) => rate(v, language)), size: 80 },
        ],
        series: [
          {},
          line(t("home.down"), "#3f8243", scheme === "dark" ? "#3f824344" : "#3f824333"),
          line(t("home.up"), scheme === "dark" ? "#ffb74d" : "#b35c00"),
        ],
      },
      [[], [], []],
      at,
    );
    plot.current = u;
    const resized = new ResizeObserver(() => u.setSize({ width: at.clientWidth, height: at.clientHeight }));
    resized.observe(at);
    return () => {
      resized.disconnect();
      u.destroy();
    };
  }, [scheme, language, t]);

  useEffect(() => {
    const last = samples.at(-1)?.at ?? Date.now() / 1000;
    plot.current?.setData([samples.map((s) => s.at), samples.map((s) => s.down), samples.map((s) => s.up)], false);
    plot.current?.setScale("x", { min: last - kept, max: last });
    plot.current?.setScale("y", { min: 0, max: Math.max(12_500, ...samples.map((s) => Math.max(s.down, s.up))) });
  }, [samples, scheme, language]);

  const now = samples.at(-1);
  return (
    <figure style={{ margin: 0 }}>
      <div className="chart" ref={holder} aria-hidden="true" />
      <Text component="figcaption" size="sm">
        {t("home.now", { down: rate(now?.down ?? 0, language), up: rate(now?.up ?? 0, language) })}
      </Text>
    </figure>
  );
}
