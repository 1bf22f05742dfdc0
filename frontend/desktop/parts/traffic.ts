import { useEffect, useRef, useState } from "react";

import type { Status } from "../bridge";

/** Sample is the speed over one look at the agent. */
export interface Sample {
  at: number; // seconds since 1970
  down: number; // bytes a second, site to router
  up: number;
}

/** kept is how many samples are shown: two minutes of looks. */
export const kept = 120;

interface Counted {
  at: number;
  down: number;
  up: number;
  started: string;
}

/** step is the speed between two looks; none for the first, or after the agent started anew. */
export function step(before: Counted | undefined, now: Counted): Sample | undefined {
  if (!before || before.started !== now.started || now.at <= before.at) return undefined;
  const seconds = now.at - before.at;
  return {
    at: now.at,
    down: Math.max(0, now.down - before.down) / seconds,
    up: Math.max(0, now.up - before.up) / seconds,
  };
}

/** useTraffic turns the agent's counts into speeds, for as long as the window is open. */
export function useTraffic(status: Status | undefined): Sample[] {
  const [samples, setSamples] = useState<Sample[]>([]);
  const before = useRef<Counted | undefined>(undefined);
  useEffect(() => {
    if (!status) return;
    const now = { at: Date.now() / 1000, down: status.carried.bytes_down, up: status.carried.bytes_up, started: status.started };
    const sample = step(before.current, now);
    before.current = now;
    if (sample) setSamples((all) => [...all.slice(1 - kept), sample]);
  }, [status]);
  return samples;
}
