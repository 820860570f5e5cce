import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What processes do is waited for, be the machine busy with other tests.
    expect: { poll: { timeout: 10_000 } },
    // Two at a time: many tests start real processes and move real bytes.
    maxWorkers: 2,
  },
});
