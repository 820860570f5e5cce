/** A whole relay in one process: opens the server, brings connections to their doors, and closes all of it. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { conflictIn, DEFAULTS, type Settings } from "./config/settings.ts";
import { admit, holdsToken } from "./http/admission.ts";
import { callerKey, forwardedFor } from "./http/caller.ts";
import { type MetricsServer, serveMetrics } from "./http/metrics-server.ts";
import { type Certificate, createHttpServer, MIN_TLS } from "./http/server.ts";
import { AddressLimiter, Pool, SilentSockets } from "./limits/limits.ts";
import type { Watch } from "./observe/events.ts";
import { openMetrics } from "./observe/metrics.ts";
import { Pairs } from "./pairs/pairs.ts";
import { Peer, type Pools } from "./peers/peer.ts";
import { Peers } from "./peers/peers.ts";
import { waitInTurn } from "./peers/turns.ts";
import { Lobby } from "./rooms/lobby.ts";
import { Rooms } from "./rooms/rooms.ts";
import { Tunnels } from "./tunnel/tunnels.ts";
import { requestBehind } from "./tunnel/upgrade.ts";
import type { GoneReason } from "./wire.ts";

export interface Relay {
  readonly host: string;
  /** The real one, where 0 was asked for. */
  readonly port: number;
  /** For a WebSocket client on this machine, `ws://host:port`, or `wss://`. */
  readonly url: string;
  /** Where Prometheus reads, if there is a `metricsPort`. */
  readonly metricsUrl: string | undefined;
  /** How many rooms ended for which reason since the start. */
  readonly ended: ReadonlyMap<GoneReason, number>;
  /** Reads certificate and key anew, for connections to come. @throws the system's error; the old ones stay then. */
  reloadCertificate(): void;
  /**
   * Lets nobody in any more, waits at most `drainMs` for the transfers that run, then stops. Idempotent; `stop` cuts it short.
   */
  drain(): Promise<void>;
  /** Idempotent. Closes every connection, cuts what has not gone after `stopMs`, and leaves nothing open. */
  stop(): Promise<void>;
}

/** How often a relay that drains looks whether it is done, in ms. */
const DRAIN_LOOK_MS = 100;

/** What a relay can be started with: everything that can be set, and who is told what happens. */
export type RelayOptions = Partial<Settings> & { readonly watch?: Watch };

/**
 * @throws the system's error if the address cannot be listened on, or certificate or key cannot be used; an Error for settings
 *   that contradict each other.
 */
export async function startRelay({ watch: told, ...options }: RelayOptions = {}): Promise<Relay> {
  const settings: Settings = { ...DEFAULTS, ...options };
  const conflict = conflictIn(settings);
  if (conflict) throw new Error(conflict);
  const keyOf = callerKey(settings.trustProxy);
  const forwardedBy = forwardedFor(settings.trustProxy);
  const now = () => performance.now();
  const { metricsHost, metricsPort, metricsTokens } = settings;
  const watch: Watch = (event) => {
    metrics?.watch(event);
    told?.(event);
  };
  const rooms = new Rooms(settings, watch);
  const pairs = new Pairs(settings, now, watch);
  const tunnels = new Tunnels(settings, {
    tunnelEnded: (why) => watch({ event: "tunnel-ended", why }),
    clientEnded: (why) => watch({ event: "client-ended", why }),
  });
  const connections = new AddressLimiter(settings.maxConnectionsPerAddress);
  const silent = new SilentSockets(settings.maxSilent, () => watch({ event: "cut", why: "crowded" }));
  const pools: Pools = {
    unfinished: new Pool(settings.maxMessageBytes, (peer) => peer.cut("too-big")),
    untaken: new Pool(settings.maxMessageBytes, (peer) => peer.cut("stalled")),
  };
  const lobby = new Lobby(rooms, now, silent, settings, watch);
  const peers = new Peers();
  const metrics =
    metricsPort === undefined && metricsTokens.length === 0
      ? undefined
      : openMetrics(() => ({
          rooms: rooms.size,
          pairs: pairs.size,
          tunnels: tunnels.size,
          tunnelClients: tunnels.clients,
          waiting: { room: rooms.waiting, pair: pairs.waiting },
          traffic: peers.traffic(),
        }));
  const scrape: RequestListener = (request, response) => {
    if (metricsTokens.length === 0 || holdsToken(request.headers.authorization, metricsTokens)) {
      metrics?.answer(response);
      return;
    }
    watch({ event: "turned-away", why: "unauthorized", address: keyOf(request) });
    response.writeHead(401, { "www-authenticate": "Bearer" }).end();
  };
  const allGone = new AbortController();
  let draining: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  const server = createHttpServer(
    {
      settings,
      silent,
      health: () => ({ rooms: rooms.size, pairs: pairs.size, tunnels: tunnels.size, draining: draining !== undefined }),
      scrape: metrics && metricsPort === undefined ? scrape : undefined,
      admit: (request) =>
        admit(request, settings, {
          draining: draining !== undefined,
          roomForCaller: connections.allows(keyOf(request)),
          pairSides: (code) => pairs.sides(code, keyOf(request)),
          roomForTunnel: tunnels.size < settings.maxTunnels,
          tunnelTakes: (id) => tunnels.takes(id),
        }),
      refused: (request, why) => watch({ event: "turned-away", why, address: keyOf(request) }),
      entered: (ws, request, admitted) => {
        const { socket } = request;
        const address = keyOf(request);
        connections.hold(address);
        if (admitted.door === "agent") {
          silent.spoke(socket);
          waitInTurn(ws, socket, settings);
          tunnels.host(admitted.id, ws);
          socket.once("close", () => connections.release(address));
          return;
        }
        const { door } = admitted;
        const peer = new Peer(ws, socket, settings, pools);
        peers.add(peer, door);
        void peer.closed.then((why) => {
          connections.release(address);
          peers.delete(peer);
          watch({ event: "closed", door, why });
          if (stopping && peers.size === 0) allGone.abort();
        });
        if (admitted.door === "room") {
          lobby.enter(peer, socket, address);
          return;
        }
        silent.spoke(socket);
        pairs.enter(admitted.code, peer, address);
      },
      passing: (request, head, { id, target }, refuse) => {
        const { socket } = request;
        silent.spoke(socket);
        const address = keyOf(request);
        connections.hold(address);
        socket.once("close", () => connections.release(address));
        const seen = requestBehind(request, { target, forwardedFor: forwardedBy(request), settings });
        tunnels.visit(id, { socket, request: seen, head, refuse });
      },
      watch,
    },
    certificateOf(settings),
  );
  let metricsServer: MetricsServer | undefined;
  try {
    if (metricsPort !== undefined) metricsServer = await serveMetrics(metricsHost, metricsPort, scrape);
    server.listen(settings.port, settings.host);
    await once(server, "listening");
  } catch (error) {
    metrics?.close();
    await metricsServer?.close();
    throw error;
  }
  // A connection that could not be accepted, for want of file descriptors for example, is no reason to drop the others.
  server.on("error", () => {});

  async function drain(): Promise<void> {
    const end = now() + settings.drainMs;
    watch({ event: "draining" });
    lobby.showAllOut("restart");
    // What goes through a tunnel has no end that could be waited for.
    tunnels.endAll();
    for (;;) {
      rooms.endIdle("restart");
      pairs.endAlone("restart");
      // Whose room has ended may still be taking the last of it.
      const served = rooms.size + pairs.size === 0 && ![...peers].some((peer) => peer.owed);
      if (served || stopping || now() >= end) break;
      await delay(DRAIN_LOOK_MS);
    }
    await stopOnce();
  }

  async function stop(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    rooms.endAll("restart");
    pairs.endAll("restart");
    tunnels.endAll();
    lobby.showAllOut("restart");
    silent.destroyAll();
    if (peers.size > 0) await delay(settings.stopMs, undefined, { signal: allGone.signal }).catch(() => {});
    for (const peer of peers) peer.cut("restart");
    await closed;
    metrics?.close();
    await metricsServer?.close();
    watch({ event: "stopped", ended: rooms.ended });
  }

  function stopOnce(): Promise<void> {
    stopping ??= stop();
    return stopping;
  }

  const { port } = server.address() as AddressInfo;
  const url = `${server instanceof SecureServer ? "wss" : "ws"}://${settings.host.includes(":") ? `[${settings.host}]` : settings.host}:${port}`;
  watch({ event: "listening", url, metrics: metricsServer?.url });
  return {
    host: settings.host,
    port,
    url,
    metricsUrl: metricsServer?.url,
    ended: rooms.ended,
    reloadCertificate: () => {
      const certificate = certificateOf(settings);
      if (!(server instanceof SecureServer) || !certificate) return;
      // Whatever is not said again is as Node has it.
      server.setSecureContext({ ...certificate, minVersion: MIN_TLS });
      watch({ event: "certificate-read" });
    },
    drain: () => {
      draining ??= drain();
      return draining;
    },
    stop: stopOnce,
  };
}

function certificateOf({ tlsCert, tlsKey }: Settings): Certificate | undefined {
  if (tlsCert === "" || tlsKey === "") return undefined;
  return { cert: readFileSync(tlsCert), key: readFileSync(tlsKey) };
}
