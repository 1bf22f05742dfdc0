import "../shared/locale"; // first: see there

import "@mantine/core/styles.css";
import "uplot/dist/uPlot.min.css";
import "./window.css";

import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { startLanguage } from "../shared/i18n";
import { theme, variables } from "../shared/theme";
import { App } from "./app";
import { BridgeProvider } from "./agent";
import { type Bridge, windowBridge } from "./bridge";

async function findBridge(): Promise<Bridge> {
  const own = windowBridge();
  if (own) return own;
  if (import.meta.env.DEV) return (await import("./mock")).mockBridge(location.search);
  throw new Error("this page belongs into the window of fallow-desktop");
}

const queries = new QueryClient({
  defaultOptions: { queries: { retry: false, networkMode: "always" }, mutations: { networkMode: "always" } },
});

async function start(root: HTMLElement): Promise<void> {
  await startLanguage();
  const bridge = await findBridge();
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={variables}>
        <QueryClientProvider client={queries}>
          <BridgeProvider bridge={bridge}>
            <App />
          </BridgeProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}

// Nobody should look at an empty window and wonder.
const root = document.getElementById("root")!;
start(root).catch((problem: unknown) => {
  root.textContent = `Fallow cannot show its window: ${String(problem)}`;
});
