/** received.json: what the inbox says of a hand-off, and finds it by. */
import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openDelivery } from "../../src/inbox/inbox.ts";
import { findReceived } from "../../src/inbox/received.ts";
import { digest, keepMemory } from "../installing/inbox.ts";
import { expectCode, scratch } from "../support/scratch.ts";

it("has the kind, the sender's claims, when and how it came, and each file with its digest; for the user alone", async () => {
  await using at = await scratch();
  const id = await keepMemory(at.path, { "MEMORY.md": "x\n" }, "Ann's\u001b[31m\nnotes");
  const { folder, record } = await findReceived(at.path, id);
  expect(folder).toBe(join(at.path, "inbox", id));
  expect(record).toMatchObject({
    kind: "memory",
    title: "Ann's notes",
    sent_at: "2026-11-20T10:00:00.000Z",
    received_at: "2026-11-20T10:01:00.000Z",
    via: "direct TCP",
  });
  const contents = await Promise.all(record.files.map(({ path }) => readFile(join(folder, path))));
  expect(record.files).toEqual([
    { role: "document", path: "original.md", bytes: contents[0]?.length, sha256: digest(contents[0] ?? Buffer.of()) },
    { role: "memory", path: "memory.json", bytes: contents[1]?.length, sha256: digest(contents[1] ?? Buffer.of()) },
  ]);
  expect(record.sha256).toBe(digest(Buffer.concat(contents)));
  expect((await stat(join(folder, "received.json"))).mode & 0o777).toBe(0o600);
});

it.each([
  ["is none", "2026-02-30T99:00:00Z"],
  ["its zone puts behind the year 9999", "9999-12-31T23:59:59-23:59"],
  ["its zone puts before the year 1", "0001-01-01T00:00:00+23:00"],
  ["is of the year 0", "0000-06-01T00:00:00Z"],
])("leaves out a time of the sender's that %s", async (_what, sentAt) => {
  await using at = await scratch();
  const content = Buffer.from("x");
  await using delivery = await openDelivery(at.path, {
    kind: "distillation",
    title: "",
    sentAt,
    receivedAt: new Date(),
    sha256: digest(content),
    digest: digest(content),
    bytes: content.length,
    path: "direct TCP",
    companions: [],
  });
  await delivery.write(content);
  const { id } = await delivery.commit();
  expect((await findReceived(at.path, id)).record).not.toHaveProperty("sent_at");
});

it.each<[string, (path: string, text: string) => Promise<void>]>([
  ["has another form", (path, text) => writeFile(path, text.replace("claude-spread/received", "other"))],
  ["has a field more", (path, text) => writeFile(path, text.replace("{", '{"more":1,'))],
  ["has a kind of the future", (path, text) => writeFile(path, text.replace('"kind": "memory"', '"kind": "dreams"'))],
  ["is a megabyte", (path) => appendFile(path, " ".repeat(1024 * 1024))],
])("is not believed where it %s", async (_what, spoil) => {
  await using at = await scratch();
  const id = await keepMemory(at.path, { "MEMORY.md": "x\n" });
  const path = join(at.path, "inbox", id, "received.json");
  const before = await readFile(path, "utf8");
  await spoil(path, before);
  expect(await readFile(path, "utf8")).not.toBe(before);
  await expectCode(findReceived(at.path, id), "invalid-input");
});
