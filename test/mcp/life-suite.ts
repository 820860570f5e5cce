/** What ends a server by itself (DISTILL_HUB=off), and what it may be busy with then: it ends at once, and leaves nothing. */
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { BareServer, Options } from "../support/server.ts";
import * as support from "../support/server.ts";
import { eventually } from "../support/wait.ts";
import { DOCUMENT, longFile } from "./texts.ts";
import { host, isOpen, patient, relayHere, roomsOf, wireTo } from "./wires.ts";

/** What passes a wire before it stands still. */
export const BUFFERS = 64 * 1024;

const alone = ({ env, ...options }: Options = {}) => ({ ...options, env: { DISTILL_HUB: "off", ...env } });
export const startServer = (options?: Options) => support.startServer(alone(options));
export const startBare = (options?: Options) => support.startBare(alone(options));

export const ENDS = {
  "the end of stdin": ({ child }: BareServer) => child.stdin?.end(),
  SIGTERM: ({ child }: BareServer) => child.kill("SIGTERM"),
  SIGINT: ({ child }: BareServer) => child.kill("SIGINT"),
  SIGHUP: ({ child }: BareServer) => child.kill("SIGHUP"),
} as const;
export type End = keyof typeof ENDS;

/** Gets a server to do something, has it ended, and looks at what is left. */
type Scene = (end: (server: BareServer) => Promise<void>) => Promise<void>;

const SCENES = {
  "nothing is shared": async (end) => {
    const server = await startBare();
    await end(server);
    expect(server.stderr).toBe("");
  },
  "a share waits: its port is closed, its room is gone": async (end) => {
    const relay = await relayHere();
    const server = await startBare();
    const { lan } = await server.share({ content: DOCUMENT, relay_url: relay.url });
    expect([await isOpen(lan?.port ?? 0), await roomsOf(relay)]).toEqual([true, 1]);
    await end(server);
    expect(await isOpen(lan?.port ?? 0)).toBe(false);
    await eventually(() => roomsOf(relay)).toBe(0);
  },
  "a visitor of the share says nothing": async (end) => {
    const server = await startBare();
    const { lan } = await server.share({ content: DOCUMENT, mode: "lan" });
    const visitor = connect(lan?.port ?? 0, "127.0.0.1");
    visitor.on("error", () => {}); // a server that ends may cut it
    await once(visitor, "connect");
    await end(server);
    visitor.destroy();
  },
  "a share opens at a relay that says nothing": async (end) => {
    const mute = await host(() => {});
    const server = await startBare();
    const args = { content: DOCUMENT, relay_url: `ws://127.0.0.1:${mute.port}` };
    server.send("tools/call", { name: "distill_share", arguments: args });
    await eventually(() => mute.visits).toBe(1);
    await end(server);
  },
  "it receives: nothing half-written is left": async (end) => {
    const sender = await startServer();
    const share = await sender.share({ path: await longFile(sender.project), mode: "lan" });
    const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
    const server = await startBare();
    const args = { code: share.code, host: `127.0.0.1:${wire.port}` };
    server.send("tools/call", { name: "distill_receive", arguments: args });
    await wire.full();
    await end(server);
    await sender.becomes("waiting");
    expect(await readdir(join(server.world.home, "inbox"))).toEqual([]);
    expect(await readdir(join(server.world.home, "staging"))).toEqual([]);
  },
  "it sends: the receiver looks for it, and keeps nothing": async (end) => {
    const server = await startBare();
    const share = await server.share({ path: await longFile(server.world.project), mode: "lan" });
    const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
    const receiver = await startServer();
    const call = patient(receiver, { code: share.code, host: `127.0.0.1:${wire.port}` });
    await wire.full();
    await end(server);
    wire.release();
    await call.isInVain();
    expect([await receiver.kept("staging"), await receiver.kept("inbox")]).toEqual([[], []]);
  },
} as const satisfies Record<string, Scene>;
type SceneName = keyof typeof SCENES;

/** Each way to end meets each scene: in npm test each scene once, the others in test:long. */
const ALL = (Object.keys(SCENES) as SceneName[]).flatMap((scene, at) =>
  (Object.keys(ENDS) as End[]).map((end, with_) => ({ end, scene, isFirst: with_ === at % Object.keys(ENDS).length })),
);
export const ONCE = ALL.filter(({ isFirst }) => isFirst);
export const OTHERS = ALL.filter(({ isFirst }) => !isFirst);

export function endsAlone(cases: typeof ALL): void {
  it.each(cases)("ends with 0 by $end, and leaves nothing, while $scene", ({ end, scene }) =>
    SCENES[scene](async (server) => {
      ENDS[end](server);
      expect(await server.ended).toBe(0);
    }),
  );
}
