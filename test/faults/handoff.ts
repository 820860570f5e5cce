/** Two people and a document between them: real servers, a hub each, and what must be so when all is over. */

import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { expect } from "vitest";
import { noise } from "../support/noise.ts";
import {
  type Answer,
  hubOf,
  type Listed,
  type Options,
  startServer,
  type Taken,
  type TestServer,
} from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";

/** A file in a sender's project. */
export interface Document {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface People {
  readonly sender: TestServer;
  readonly receiver: TestServer;
}

export async function twoPeople(options: Options = {}): Promise<People> {
  const [sender, receiver] = await Promise.all([startServer(options), startServer(options)]);
  return { sender, receiver };
}

/** @param compressible whether compression makes less of it: then it is about half of it that passes. */
export async function makeDocument({ project }: TestServer, bytes: number, compressible = false): Promise<Document> {
  const random = compressible ? randomBytes(bytes).toString("hex").slice(0, bytes) : noise(bytes);
  const path = join(project, `${bytes}-${randomBytes(4).toString("hex")}.md`);
  await writeFile(path, random);
  return { path, bytes, sha256: createHash("sha256").update(random).digest("hex") };
}

/** What came is what was sent, byte for byte, and stands in the inbox. */
export async function expectTaken({ receiver }: People, taken: Taken, { sha256 }: Document): Promise<void> {
  const bytes = await readFile(taken.original);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  expect(taken.sha256).toBe(sha256);
  expect(await receiver.kept("staging")).toEqual([]);
}

export async function shareOf({ sender }: People, id: string): Promise<Listed> {
  const share = (await sender.shares()).find(({ share_id }) => share_id === id);
  if (!share) throw new Error("the share is not listed");
  return share;
}

/** Until nobody is being served. @returns what has become of the share. */
export async function atRest(people: People, id: string): Promise<Listed> {
  await until("nobody is served", async () => (await shareOf(people, id)).state !== "serving");
  return shareOf(people, id);
}

/** @throws for an answer that is no error, or not in the form of all errors. */
export function codeOf({ isError, text }: Answer): string {
  const code = /^Error ([a-z-]+): [^\n]+\.\nWhat to do: [^\n]+\.$/.exec(text)?.[1];
  if (!isError || code === undefined) throw new Error(`no error in its form: ${text}`);
  return code;
}

/** Files and sockets that the hub of a home has open. */
export async function openOf(home: string): Promise<number> {
  const hub = await hubOf(home);
  return hub ? (await readdir(`/proc/${hub.pid}/fd`)).length : 0;
}

/** No share, no request, no file in transit, and no more open than before. */
export async function expectNothingLeft(people: People, openBefore: readonly number[]): Promise<void> {
  for (const [index, server] of [people.sender, people.receiver].entries()) {
    await eventually(() => healthOf(server.home)).toMatchObject({ shares: 0, running: 0, relays: [] });
    for (const folder of ["staging", "spool"] as const) expect(await server.kept(folder)).toEqual([]);
    await eventually(() => openOf(server.home)).toBeLessThanOrEqual(openBefore[index] ?? 0);
  }
}

/** What a hub says of itself. */
async function healthOf(home: string): Promise<unknown> {
  const hub = await hubOf(home);
  if (!hub) return undefined;
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: hub.socket, path: "/status", agent: false }, async (response) => {
      resolve(JSON.parse(Buffer.concat(await response.toArray()).toString()));
    });
    asked.on("error", reject).end();
  });
}
