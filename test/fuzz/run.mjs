/** `npm run fuzz [seconds]`: every property of this folder for so long, a minute if nothing is said. */
import { spawnSync } from "node:child_process";

const [seconds = "60", ...filters] = process.argv.slice(2);
if (!(Number(seconds) > 0)) {
  console.error("usage: npm run fuzz [seconds for each parser] [file ...]");
  process.exit(1);
}
const files = filters.length > 0 ? filters : ["test/fuzz"];
const { status } = spawnSync("npx", ["vitest", "run", "--project", "!long", ...files], {
  stdio: "inherit",
  env: { ...process.env, FUZZ_SECONDS: seconds },
});
process.exit(status ?? 1);
