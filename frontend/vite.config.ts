import react from "@vitejs/plugin-react";
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

// One build a page that is embedded: dist/desktop for the window.
export default defineConfig({
  root: resolve(import.meta.dirname, "desktop"),
  base: "./",
  publicDir: false,
  plugins: [react()],
  build: {
    outDir: resolve(import.meta.dirname, "dist/desktop"),
    emptyOutDir: true,
    target: "es2022",
    // One window, one user, from disk: one file is quicker than many.
    chunkSizeWarningLimit: 1500,
    modulePreload: false,
  },
  server: { host: "127.0.0.1", port: 5173 },
  test: { root: import.meta.dirname, include: ["**/*.test.ts"], exclude: ["node_modules/**", "test/browser/**"] },
});
