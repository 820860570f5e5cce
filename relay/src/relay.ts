/** A whole relay in one process: opens the server, leads connections to the three doors, and closes all of it. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, RequestListener } from "node:http";
import { Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { conflictIn, DEFAULTS, type Settings } from "./config/settings.ts";
import { admit, holdsToken } from "./http/admission.ts";
import { callerKey, forwardedFor } from "./http/caller.ts";
import { type MetricsServer, serveMetrics } from "./http/metrics-server.ts";
import { type Certificate, createHttpServer, MIN_TLS } from "./http/server.ts";
import { urlHost } from "./http/url.ts";
import { AddressLimiter, SilentSockets } from "./limits/limits.ts";
import type { Emit } from "./observe/events.ts";
import { openMetrics } from "./observe/metrics.ts";
import { Pairs } from "./pairs/pairs.ts";
import { Peers } from "./peers/peers.ts";
import { RoomDoor } from "./rooms/door.ts";
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
  /** Reads certificate and key again, for connections to come. @throws the system's error; the old ones then stay in use. */
  reloadCertificate(): void;
  /** Admits nobody any more, waits at most `drainMs` for running transfers, then stops. Idempotent; `stop` cuts it short. */
  drain(): Promise<void>;
  /** Idempotent. Closes every connection, cuts those that have not gone after `stopMs`, and leaves nothing open. */
  stop(): Promise<void>;
}

/** How often a relay that drains checks whether it is done, in ms. */
const DRAIN_CHECK_MS = 100;

/** What a relay can be started with: everything that can be set, and a listener for everything that happens. */
export type RelayOptions = Partial<Settings> & { readonly onEvent?: Emit };

/**
 * @throws the system's error if the address cannot be listened on, or certificate or key cannot be used; an Error for settings
 *   that contradict each other.
 */
export async function startRelay({ onEvent, ...options }: RelayOptions = {}): Promise<Relay> {
  const settings: Settings = { ...DEFAULTS, ...options };
  const conflict = conflictIn(settings);
  if (conflict) throw new Error(conflict);
  const keyOf = callerKey(settings.trustProxy, () => emit({ event: "caller-unnamed" }));
  const forwardedBy = forwardedFor(settings.trustProxy);
  const now = () => performance.now();
  const { metricsHost, metricsPort, metricsTokens } = settings;
  const emit: Emit = (event) => {
    metrics?.onEvent(event);
    onEvent?.(event);
  };
  const connections = new AddressLimiter(settings.maxConnectionsPerAddress);
  const silent = new SilentSockets(settings.maxSilent, () => emit({ event: "cut", why: "crowded" }));
  const peers = new Peers(settings, emit);
  const rooms = new RoomDoor({ now, silent, settings, emit });
  const pairs = new Pairs(settings, now, emit);
  const tunnels = new Tunnels(settings, emit);
  const doors = [rooms, pairs, tunnels] as const;
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
    emit({ event: "turned-away", why: "unauthorized", address: keyOf(request) });
    response.writeHead(401, { "www-authenticate": "Bearer" }).end();
  };
  let draining: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  /** The place of a connection that was let in, among those of its address. It is released when the connection is closed. */
  const placeOf = (request: IncomingMessage) => connections.hold(keyOf(request));

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
          tunnelHasRoom: (id) => tunnels.hasRoom(id),
        }),
      refused: (request, why) => emit({ event: "turned-away", why, address: keyOf(request) }),
      entered: (ws, request, admitted) => {
        const { socket } = request;
        const place = placeOf(request);
        // At the room door a connection counts as silent until its first request.
        if (admitted.door !== "room") silent.spoke(socket);
        if (admitted.door === "agent") {
          tunnels.enter({ role: "agent", id: admitted.id, ws, socket, place });
          return;
        }
        const peer = peers.open({ ws, socket, door: admitted.door, place });
        const address = keyOf(request);
        if (admitted.door === "room") rooms.enter({ peer, socket, address });
        else pairs.enter({ code: admitted.code, peer, address });
      },
      passing: (request, head, { id, target }, refuse) => {
        const { socket } = request;
        silent.spoke(socket);
        const seen = requestBehind(request, { target, forwardedFor: forwardedBy(request), settings });
        tunnels.enter({ role: "client", id, place: placeOf(request), socket, request: seen, head, refuse });
      },
      emit,
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
  // A connection that cannot be accepted, for want of file descriptors for example, must not take the others with it.
  server.on("error", () => {});

  async function drain(): Promise<void> {
    const end = now() + settings.drainMs;
    emit({ event: "draining" });
    for (;;) {
      const serving = doors.map((door) => door.drain()).includes(true);
      // When a room has ended, its peers may still be taking the last of it.
      if (!(serving || peers.owed) || stopping || now() >= end) break;
      await delay(DRAIN_CHECK_MS);
    }
    await stopOnce();
  }

  async function stop(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    for (const door of doors) door.end();
    silent.destroyAll();
    const allGone = new AbortController();
    peers.whenEmpty(() => allGone.abort());
    await delay(settings.stopMs, undefined, { signal: allGone.signal }).catch(() => {});
    peers.terminateAll("restart");
    await closed;
    metrics?.close();
    await metricsServer?.close();
    emit({ event: "stopped", ended: rooms.ended });
  }

  function stopOnce(): Promise<void> {
    stopping ??= stop();
    return stopping;
  }

  const { port } = server.address() as AddressInfo;
  const url = `${server instanceof SecureServer ? "wss" : "ws"}://${urlHost(settings.host)}:${port}`;
  emit({ event: "listening", url, metrics: metricsServer?.url });
  return {
    host: settings.host,
    port,
    url,
    metricsUrl: metricsServer?.url,
    ended: rooms.ended,
    reloadCertificate: () => {
      const certificate = certificateOf(settings);
      if (!(server instanceof SecureServer) || !certificate) return;
      // Whatever is not given again falls back to Node's defaults.
      server.setSecureContext({ ...certificate, minVersion: MIN_TLS });
      emit({ event: "certificate-read" });
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
