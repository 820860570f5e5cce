/**
 * `npm run faults -- <minutes> [seed]`: the random mix of faults (mix.ts), for as long as it is told. It says at the end
 * what was broken and how it ended, or with which seed it failed.
 */
import { spawn } from "node:child_process";

const [minutes = "3", seed] = process.argv.slice(2);
if (!(Number(minutes) > 0) || (seed !== undefined && !/^\d+$/.test(seed))) {
  console.error("npm run faults -- <minutes> [seed]");
  process.exit(1);
}
const env = { ...process.env, FAULTS_MINUTES: minutes, ...(seed !== undefined && { FAULTS_SEED: seed }) };
const run = spawn("npx", ["vitest", "run", "test/faults/mix.long.test.ts"], { env, stdio: "inherit" });
run.on("exit", (code) => process.exit(code ?? 1));
