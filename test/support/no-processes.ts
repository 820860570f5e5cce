/** In front of every fast test: whatever starts a process belongs into a file called `*.process.test.ts`. */
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

function refuse(): never {
  throw new Error("this test starts a process: name its file *.process.test.ts");
}

const { spawn, spawnSync, exec, execSync, execFile, execFileSync, fork } = childProcess;
for (const { name } of [spawn, spawnSync, exec, execSync, execFile, execFileSync, fork]) {
  Object.assign(childProcess, { [name]: refuse });
}
syncBuiltinESMExports();
