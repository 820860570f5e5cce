/** A document that brings files along, from a share to an inbox. */
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";
import type { Material } from "../../src/content/material.ts";
import type { Role } from "../../src/content/part.ts";
import { type Snapshot, snapshot } from "../../src/content/snapshot.ts";
import { toSpreadError } from "../../src/errors.ts";
import { silent } from "../../src/log.ts";
import { Keeper } from "../../src/service/manager.ts";
import { type Received, receive } from "../../src/share/receiver.ts";
import type { Share } from "../../src/share/sender.ts";
import { cable } from "../support/cable.ts";
import { later } from "../support/later.ts";
import { forever, home, lanOf, receiveRequest, share } from "../support/shares.ts";
import { until } from "../support/wait.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const DOCUMENT = Buffer.from("# The work\n\nIt is done.\n");

const material = (role: Role, name: string, bytes: Uint8Array): Material => ({
  role,
  name,
  async *pieces() {
    yield bytes;
  },
  [Symbol.asyncDispose]: async () => {},
});

const frozen = async (...materials: Material[]): Promise<Snapshot> =>
  snapshot([material("document", "handoff.md", DOCUMENT), ...materials], { home: await home(), signal: forever() });

async function take(it: Share, port = lanOf(it).port) {
  const folder = await home();
  const course = { lan: { host: "127.0.0.1", port }, relay: undefined };
  const request = await receiveRequest(it, course, { home: folder });
  const result = await receive(request, () => {}, forever()).catch(toSpreadError);
  return { result, kept: async (name: string) => readdir(join(folder, name)) };
}

it("what comes along lies beside the document, whole, under names of ours, for its owner alone", async () => {
  const large = randomBytes(3_000_000);
  const content = await frozen(
    material("structure", "handoff.json", Buffer.from('{"goal":"x"}')),
    material("patch", "changes.patch", Buffer.from("diff --git a/x b/x\n")),
    material("attachment", "schema.png", large),
    material("attachment", "../../up/../schema.png", Buffer.from("another")),
    material("attachment", "empty.txt", Buffer.alloc(0)),
  );
  const it = await share({ mode: "lan", content });
  // Cut in the middle of the large one, and behind it.
  const line = await cable(lanOf(it).port, [
    { faults: [{ way: "down", at: 1_200_000, what: "cut" }] },
    { faults: [{ way: "down", at: 700_000, what: "reset" }] },
  ]);
  const { result, kept } = await take(it, line.port);
  const received = result as Received;
  expect([received.bytes, received.sha256]).toEqual([DOCUMENT.length, sha256(DOCUMENT)]);
  expect((await readFile(received.original)).equals(DOCUMENT)).toBe(true);
  const folder = dirname(received.original);
  expect(received.files.map(({ role, path }) => [role, relative(folder, path)])).toEqual([
    ["structure", "handoff.json"],
    ["patch", "changes.patch"],
    ["attachment", "files/schema.png"],
    ["attachment", expect.stringMatching(/^files\/[^/]*schema[^/]*\.png$/)],
    ["attachment", "files/empty.txt"],
  ]);
  expect(new Set(received.files.map(({ path }) => path)).size).toBe(5);
  for (const file of received.files) {
    expect(sha256(await readFile(file.path))).toBe(file.sha256);
    if (process.platform !== "win32") expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  }
  expect((await readFile(received.files[2]?.path ?? "")).equals(large)).toBe(true);
  expect([(await kept("inbox")).length, await kept("staging")]).toEqual([1, []]);
  expect(line.connections).toBe(3);
  await until("the share has ended", () => it.endedAt !== undefined);
  expect(it.state).toBe("delivered");
});

it.each(["document", "patch"])(
  "a %s that is not what was offered is kept by nobody, nor is anything that came with it",
  async (role) => {
    const content = await frozen(material("patch", "x", Buffer.from("one")), material("attachment", "y", DOCUMENT));
    const parts = content.parts.map((part) => (part.role === role ? { ...part, sha256: "00".repeat(32) } : part));
    const it = await share({ mode: "lan", content: { ...content, parts } });
    const { result, kept } = await take(it);
    expect(result).toMatchObject({ code: "tampered" });
    expect([await kept("inbox"), await kept("staging")]).toEqual([[], []]);
    expect(it.gate.counts.delivered).toBe(0);
  },
);

it("a document is not given the heading of what comes along for its title", async () => {
  const keeper = new Keeper(await home(), () => {}, silent);
  later(() => keeper[Symbol.asyncDispose]());
  const content = await snapshot(
    [material("document", "handoff.md", Buffer.from("No heading.\n")), material("attachment", "a.md", DOCUMENT)],
    { home: await home(), signal: forever() },
  );
  const order = {
    kind: "distillation",
    legacy: false,
    mode: "lan",
    announce: false,
    receivers: 1,
    lifetimeMs: 600_000,
  } as const;
  expect((await keeper.open(order, content, "s", forever())).held.title).toBe("");
});

it("a file that cannot be closed, once it was read, costs nobody the share, and leaves nothing", async () => {
  const folder = await home();
  const broken = {
    ...material("document", "handoff.md", Buffer.alloc(2_000_000, "x")),
    [Symbol.asyncDispose]: () => Promise.reject(new Error("no")),
  };
  const content = await snapshot([broken], { home: folder, signal: forever(), named: true });
  expect(content.bytes).toBe(2_000_000);
  await content[Symbol.asyncDispose]();
  expect(await readdir(join(folder, "spool"))).toEqual([]);
});
