/** A whole relay in one process: opens the server, brings connections and rooms together, and closes all of it. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULTS, type Settings } from "./config.ts";
import { createHttpServer } from "./http.ts";
import { RateLimiter, SilentSockets } from "./limits.ts";
import { Lobby } from "./lobby.ts";
import { Peer } from "./peer.ts";
import { Rooms } from "./rooms.ts";
import type { GoneReason } from "./wire.ts";

export interface Relay {
  readonly host: string;
  /** The real one, where 0 was asked for. */
  readonly port: number;
  /** For a WebSocket client on this machine, `ws://host:port`. */
  readonly url: string;
  /** How many rooms ended for which reason since the start. */
  readonly ended: ReadonlyMap<GoneReason, number>;
  /** Idempotent. Closes every connection, cuts what has not gone after `stopMs`, and leaves nothing open. */
  stop(): Promise<void>;
}

/** @throws the system's error if the address cannot be listened on. */
export async function startRelay(options: Partial<Settings> = {}): Promise<Relay> {
  const settings: Settings = { ...DEFAULTS, ...options };
  const rooms = new Rooms(settings);
  const limiter = new RateLimiter(settings.rateLimitMax, settings.rateLimitWindowMs, () => performance.now());
  const silent = new SilentSockets(settings.maxSilent);
  const lobby = new Lobby(rooms, limiter, silent, settings);
  const peers = new Set<Peer>();
  const allGone = new AbortController();
  let stopping: Promise<void> | undefined;

  const server = createHttpServer({
    settings,
    silent,
    rooms: () => rooms.size,
    upgraded: (ws, socket) => {
      const peer = new Peer(ws, socket, settings);
      peers.add(peer);
      void peer.closed.then(() => {
        peers.delete(peer);
        if (stopping && peers.size === 0) allGone.abort();
      });
      lobby.enter(peer, socket);
    },
  });
  server.listen(settings.port, settings.host);
  await once(server, "listening");
  // A connection that could not be accepted, for want of file descriptors for example, is no reason to drop the others.
  server.on("error", () => {});

  async function stop(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    rooms.endAll("restart");
    lobby.showAllOut("restart");
    silent.destroyAll();
    if (peers.size > 0) await delay(settings.stopMs, undefined, { signal: allGone.signal }).catch(() => {});
    for (const peer of peers) peer.cut("restart");
    await closed;
  }

  const { port } = server.address() as AddressInfo;
  return {
    host: settings.host,
    port,
    url: `ws://${settings.host.includes(":") ? `[${settings.host}]` : settings.host}:${port}`,
    ended: rooms.ended,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
