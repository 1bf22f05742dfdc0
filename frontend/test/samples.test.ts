import { describe, expect, it } from "vitest";

import type { Consent, Earnings, Router, Rules, State } from "../desktop/bridge";
import consent from "./samples/consent.json";
import earnings from "./samples/earnings.json";
import routers from "./samples/routers.json";
import rules from "./samples/rules.json";
import state from "./samples/state.json";

// JSON that the Go side wrote (desktop/bridge, TestSamples). The compiler holds it
// against the page's types, since JSON modules are typed by what is in them.
type Loose<T> = T extends string ? string : T extends (infer E)[] ? Loose<E>[] : T extends object ? { [K in keyof T]: Loose<T[K]> | null } : T;

const samples = {
  consent: consent satisfies Loose<Consent>,
  earnings: earnings satisfies Loose<Earnings>,
  routers: routers satisfies Loose<Router[]>,
  rules: rules satisfies Loose<Rules>,
  state: state satisfies Loose<State>,
};

describe("what the Go side writes", () => {
  it("is what the pages read", () => {
    expect(samples.state.agent).toBe("running");
    expect(samples.state.status.sharing.ok).toBe(true);
    expect(samples.rules.settings.caps.max_tunnels).toBe(64);
    expect(samples.routers[0]!.home).toBe(true);
    expect(samples.earnings.epochs).toEqual([]);
    expect(samples.consent.given).toBe(true);
  });
});
