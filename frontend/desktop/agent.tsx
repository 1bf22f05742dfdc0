// The page's view of the agent: what is asked how often, and how it is changed.
import { useMutation, type UseMutationResult, useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext } from "react";

import type { Bridge, Earnings, Entry, Rules, State } from "./bridge";

const Context = createContext<Bridge | undefined>(undefined);

export function BridgeProvider({ bridge, children }: { bridge: Bridge; children: ReactNode }): ReactNode {
  return <Context value={bridge}>{children}</Context>;
}

export function useBridge(): Bridge {
  const bridge = useContext(Context);
  if (!bridge) throw new Error("no bridge above");
  return bridge;
}

// The window looks once a second while it is seen, and not at all while it is
// not: react-query stops its timers in a hidden page.
const look = 1000;

export function useAgent(): UseQueryResult<State> {
  const bridge = useBridge();
  return useQuery({ queryKey: ["state"], queryFn: () => bridge.State(), refetchInterval: look });
}

export function useRules(): UseQueryResult<Rules> {
  const bridge = useBridge();
  return useQuery({ queryKey: ["rules"], queryFn: () => bridge.Rules(), refetchInterval: 5 * look });
}

export function useEarnings(): UseQueryResult<Earnings> {
  const bridge = useBridge();
  return useQuery({ queryKey: ["earnings"], queryFn: () => bridge.Earnings(), refetchInterval: 30 * look });
}

/** newest is how many entries of the journal a page shows at most. */
export const newest = 500;

export function useJournal(site: string): UseQueryResult<Entry[]> {
  const bridge = useBridge();
  return useQuery({
    queryKey: ["journal", site],
    queryFn: async () => (await bridge.Journal(site, "", newest)) ?? [],
    refetchInterval: 2 * look,
    placeholderData: (former) => former,
  });
}

/** useChange is something the user does; whatever it may have changed is asked anew. */
export function useChange<T = void, R = unknown>(how: (bridge: Bridge, what: T) => Promise<R>): UseMutationResult<R, unknown, T> {
  const bridge = useBridge();
  const queries = useQueryClient();
  return useMutation({ mutationFn: (what: T) => how(bridge, what), onSettled: () => queries.invalidateQueries() });
}
