import { defineConfig } from "vitest/config";

/**
 * A test file's name says which project it belongs to:
 *
 *     *.test.ts            fast     no other processes: for each save
 *     *.process.test.ts    process  real servers, relays and tools, and what takes seconds
 *     *.long.test.ts       long     every case of the long matrices, and the real Claude Code
 *
 * `npm test` runs the first two, `npm run test:all` all three.
 */
const PROCESS = "test/**/*.process.test.ts";
const LONG = "test/**/*.long.test.ts";
const SETUP = "test/support/setup.ts";

/** For what hangs alone, in ms: nothing that a test asks depends on how fast the machine is. */
const HANG_MS = 10 * 60_000;

export default defineConfig({
  test: {
    // Two at a time: many tests start real processes and move real bytes.
    maxWorkers: 2,
    reporters: ["default", "./test/support/report.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "fast",
          include: ["test/**/*.test.ts"],
          exclude: [PROCESS, LONG],
          setupFiles: [SETUP, "test/support/no-processes.ts"],
          // One load of the modules for all files: that takes longer than many of them.
          isolate: false,
        },
      },
      { extends: true, test: { name: "process", include: [PROCESS], setupFiles: [SETUP] } },
      { extends: true, test: { name: "long", include: [LONG], setupFiles: [SETUP] } },
    ],
    testTimeout: HANG_MS,
    hookTimeout: HANG_MS,
  },
});
