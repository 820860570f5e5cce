/** What a hub answers, where a test needs another program: the rest is in ops.test.ts. */

import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ownedName } from "../../src/home/owner.ts";
import { HubConnection } from "../../src/hub/connection.ts";
import { openHub } from "../../src/hub/hub.ts";
import { findSocket } from "../../src/hub/socket.ts";
import { silent } from "../../src/log.ts";
import { sha256 } from "../mcp/texts.ts";
import { later } from "../support/later.ts";
import { home as newHome, TEXT } from "../support/shares.ts";
import { ORDER } from "./life-suite.ts";

async function aHub() {
  const home = await newHome();
  const hub = await openHub({ home, version: "1.2.3", log: silent });
  later(() => hub?.[Symbol.asyncDispose]());
  return { home, address: (await findSocket(home)) ?? "" };
}

it("lets no other user in, even one who knows the path", async ({ skip }) => {
  skip(process.getuid?.() !== 0, "needs root, to be two users");
  const { home, address } = await aHub();
  await chmod(home, 0o755); // the hub's own folder alone keeps them out
  await chmod(address, 0o777);
  const script = `process.setgroups([]);process.setgid(65534);process.setuid(65534);
    require("net").connect(process.argv[1]).on("error", (e) => console.log(e.code)).on("connect", () => { console.log("in"); process.exit(); });`;
  expect(execFileSync(process.execPath, ["-e", script, address], { encoding: "utf8" })).toBe("EACCES\n");
});

it("does not make a share of a pipe, and does not wait for it", async () => {
  const { home, address } = await aHub();
  const client = await HubConnection.open(address, randomUUID(), () => {});
  later(() => client?.close());
  const file = ownedName();
  await mkdir(join(home, "spool"), { mode: 0o700 });
  execFileSync("mkfifo", [join(home, "spool", file)]);
  const about = { bytes: TEXT.length, sha256: sha256(TEXT) };
  const content = {
    file,
    ...about,
    compressible: true,
    parts: [{ role: "document" as const, name: "handoff.md", ...about }],
  };
  await expect(client?.ask("share", { order: ORDER, content })).rejects.toMatchObject({ code: "path-unreadable" });
  expect(await client?.ask("holdings", {})).toEqual({ shares: [], receptions: [] });
});
