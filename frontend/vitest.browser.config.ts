import { defineConfig } from "vitest/config";

// Tests that drive a real Chromium; `npm run test:browser`.
export default defineConfig({
  test: { include: ["test/browser/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: false },
});
