/** Hand-offs as they lie in an inbox, honest ones and others, and the machines that the servers of the tests are on. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { memoryDocument, parseMemory, shownMemory } from "../../src/claude/memory.ts";
import type { Kind } from "../../src/content/part.ts";
import { companionsOf } from "../../src/inbox/companions.ts";
import { openDelivery } from "../../src/inbox/inbox.ts";
import type { Machine } from "../claude/transcripts.ts";
import type { Sandbox } from "../support/server.ts";

/** A server's sandbox, as the client's files see it. */
export function machineOf({ base, project, home }: Sandbox): Machine {
  const userHome = join(base, "user");
  return { userHome, project, home, config: join(userHome, ".claude"), [Symbol.asyncDispose]: async () => {} };
}

interface Kept {
  readonly kind: Kind;
  readonly document: string;
  readonly role: string;
  readonly bytes: Uint8Array | string;
  readonly title?: string;
}

/** @returns the id of what now lies in the inbox. */
export async function keep(home: string, { kind, document, role, bytes, title = "From Ann" }: Kept): Promise<string> {
  const text = Buffer.from(document);
  const content = Buffer.from(bytes);
  const part = { role, name: "x.txt", bytes: content.length, sha256: digest(content) };
  await using delivery = await openDelivery(home, {
    kind,
    title,
    sentAt: "2026-11-20T10:00:00Z",
    receivedAt: new Date("2026-11-20T10:01:00Z"),
    sha256: digest(text),
    digest: digest(Buffer.concat([text, content])),
    bytes: text.length,
    path: "direct TCP",
    companions: companionsOf([part]),
  });
  await delivery.write(text);
  await delivery.write(content);
  return (await delivery.commit()).id;
}

export async function keepMemory(home: string, files: Record<string, string>, title?: string): Promise<string> {
  const json = await memoryDocument({ files: Object.entries(files).map(([name, text]) => ({ name, text })) });
  const document = shownMemory(parseMemory(Buffer.from(json)));
  return keep(home, { kind: "memory", document, role: "memory", bytes: json, ...(title !== undefined && { title }) });
}

export async function keepSessions(home: string, bytes: Uint8Array): Promise<string> {
  return keep(home, { kind: "sessions", document: "# Sessions\n", role: "sessions", bytes });
}

export function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
