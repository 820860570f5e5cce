/** Shares and their receivers in this process, over real sockets and without MCP around them. All of it is gone after the test. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRelay } from "../../relay/src/relay.ts";
import { snapshotText } from "../../src/content/snapshot.ts";
import type { Route } from "../../src/share/race.ts";
import type { ReceiveRequest } from "../../src/share/receiver.ts";
import { openShare, type Share, type ShareRequest } from "../../src/share/sender.ts";
import { version2 } from "../../src/share/version2.ts";
import type { RelayAccess } from "../../src/transport/relay-connection.ts";
import { later } from "./later.ts";

export const TEXT = "# The work so far\n\nIt is done.\n";

export const forever = () => new AbortController().signal;

/** A DISTILL_HOME. */
export async function home(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spread-test-"));
  later(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function relayAccess(settings: Parameters<typeof startRelay>[0] = {}): Promise<RelayAccess> {
  const relay = await startRelay({ host: "127.0.0.1", port: 0, ...settings });
  later(() => relay.stop());
  return { url: new URL(relay.url) };
}

/** By default on this machine alone, without mDNS, for one receiver. */
export async function shareRequest(options: Partial<ShareRequest> & { text?: string } = {}): Promise<ShareRequest> {
  const { text = TEXT, ...others } = options;
  return {
    content: await snapshotText(text),
    kind: "distillation",
    title: "The work so far",
    passphrase: undefined,
    mode: "auto",
    protocol: version2,
    announce: false,
    relay: undefined,
    receivers: 1,
    lifetimeMs: 600_000,
    ...others,
  };
}

export async function share(options: Parameters<typeof shareRequest>[0] = {}): Promise<Share> {
  const opened = await openShare(await shareRequest(options), forever());
  later(() => opened[Symbol.asyncDispose]());
  return opened;
}

export const lanOf = ({ lan }: Share) => ({ host: "127.0.0.1", port: lan?.port ?? 0 });
export const relayOf = ({ relay, room }: Share) => ({ access: { url: relay as URL }, room });

/** What its receiver knows, who has been told everything. */
export async function receiveRequest(
  { secret, room }: Share,
  route: Route,
  options: Partial<ReceiveRequest> = {},
): Promise<ReceiveRequest> {
  return {
    secret,
    room,
    route,
    protocol: version2,
    timeoutMs: 600_000,
    home: options.home ?? (await home()),
    ...options,
  };
}
