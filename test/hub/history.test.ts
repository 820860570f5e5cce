/** What is left of shares whose hub is gone. src/hub/README.md, "What it leaves on the disk" */
import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { machine } from "../../src/home/folders.ts";
import { HistoryFile, loadHistory } from "../../src/hub/history.ts";
import { silent } from "../../src/log.ts";
import type { ShareRecord } from "../../src/service/views.ts";
import { home } from "../support/shares.ts";

const KIBIBYTE = 1024;
const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

function record(state: ShareRecord["state"], endedAt?: string): ShareRecord {
  return {
    id: randomUUID(),
    session: randomUUID(),
    room: "7f3k2a",
    legacy: false,
    state,
    receivers: 100,
    delivered: 99,
    spent: 100,
    failedAttempts: 9,
    createdAt: at(-10),
    expiresAt: at(10),
    ...(endedAt !== undefined && { endedAt }),
  };
}

it("all that lived when a hub was killed is lost, beside as much that had ended, and the file is read whole", async () => {
  const folder = await home();
  const ended = Array.from({ length: 100 }, () => record("delivered", at(-1)));
  const living = Array.from({ length: 100 }, () => record("waiting"));
  const history = new HistoryFile(folder, silent);
  history.save([...ended, ...living]);
  await history.flushed();
  expect((await stat(join(folder, "hub", `${machine}.json`))).size).toBeLessThan(128 * KIBIBYTE);
  const loaded = await loadHistory(folder);
  expect(loaded.map(({ id, state }) => [id, state])).toEqual(living.map(({ id }) => [id, "lost"]));
});
