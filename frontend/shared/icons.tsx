// Our own few icons, drawn on a grid of 24, in the colour of the text.
import type { ReactNode } from "react";

const paths = {
  home: "M4 11.5 12 5l8 6.5M6.5 10v9h11v-9",
  activity: "M3 12h4l3-7 4 14 3-7h4",
  earnings: "M12 21c4-3 7-6.5 7-11a7 7 0 0 0-14 0c0 4.500 3 8 7 11zm0-14v8m-3-3 3 3 3-3",
  rules: "M5 7h9m4 0h1M5 12h2m4 0h8M5 17h8m4 0h2M16 5v4M9 10v4M15 15v4",
  settings: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zm0-5v2m0 12v2M4 12h2m12 0h2M6.300 6.300l1.400 1.400m8.600 8.600 1.400 1.400m0-11.400-1.400 1.400m-8.600 8.600-1.400 1.400",
  pause: "M9 6v12M15 6v12",
  play: "M8 5.500v13l10-6.500z",
  shield: "M12 4l7 2.500v5c0 4.500-3 7.500-7 9-4-1.500-7-4.500-7-9v-5z",
  block: "M5.600 5.600l12.800 12.800M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  warning: "M12 4 3 19h18zM12 10v4m0 2.500v.5",
  check: "M5 12.500 10 17 19 7",
} as const;

export type IconName = keyof typeof paths;

/** Icon is decoration: whatever it stands beside says the same in words. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }): ReactNode {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
