/**
 * What Prometheus is shown: how many there are of what, read when it asks, and how often something ended for which
 * reason. Where it may ask, and who may, is decided elsewhere.
 */
import type { ServerResponse } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { Counter, Gauge, Registry } from "prom-client";
import { CLIENT_ENDS, PEER_DOORS, type PeerDoor, REFUSALS, TUNNEL_ENDS } from "../doors.ts";
import { CLOSE_CODE, REFUSED } from "../wire.ts";
import { CUTS, type Emit } from "./events.ts";

/** What one door has at the moment, and what it has forwarded since the start. */
export interface Traffic {
  connections: number;
  /** Handed to peers, and not yet taken by the system. */
  bufferedBytes: number;
  forwardedFrames: number;
  forwardedBytes: number;
}

/** What a relay holds at the moment. */
interface Holdings {
  readonly rooms: number;
  readonly pairs: number;
  readonly tunnels: number;
  readonly tunnelClients: number;
  /** Receivers in the queues of rooms; sides of pairs that are alone. */
  readonly waiting: Readonly<Record<PeerDoor, number>>;
  readonly traffic: Readonly<Record<PeerDoor, Traffic>>;
}

interface Metrics {
  readonly onEvent: Emit;
  answer(response: ServerResponse): void;
  close(): void;
}

/** How often the event loop's delay is measured, in ms: 50 short wake-ups a second. */
const LOOP_RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;
const MS_PER_S = 1000;

export function openMetrics(holdings: () => Holdings): Metrics {
  const registry = new Registry();
  const onEvent = countEvents(registry);
  // Counted once a scrape, though several lines show it.
  let held = holdings();
  showHoldings(registry, () => held);
  const loop = showLoopDelay(registry);
  return {
    onEvent,
    answer(response) {
      held = holdings();
      void registry.metrics().then(
        (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    },
    close: () => loop.close(),
  };
}

/** Every reason of every table has its counter from the start: what has not happened yet is a 0, and not a gap. */
function countEvents(registry: Registry): Emit {
  const counter = <Why extends string>(name: string, help: string, reasons: readonly Why[]) => {
    const made = new Counter({ name, help, labelNames: ["why"], registers: [registry] });
    for (const why of reasons) made.inc({ why }, 0);
    return (why: Why) => made.inc({ why });
  };
  const goneReasons = Object.keys(CLOSE_CODE) as (keyof typeof CLOSE_CODE)[];
  const cut = counter("relay_cut_total", "Sockets cut before their first request.", CUTS);
  const turnedAway = counter(
    "relay_turned_away_total",
    "Requests that were not let in, by the word of their HTTP status.",
    Object.keys(REFUSALS) as (keyof typeof REFUSALS)[],
  );
  const refused = counter("relay_refused_total", "ERRORs of the room door.", REFUSED);
  const roomEnded = counter("relay_rooms_ended_total", "Rooms that ended.", goneReasons);
  const roomKept = counter("relay_rooms_kept_total", "Rooms whose sender was lost, and that wait for it.", goneReasons);
  const roomReclaimed = new Counter({
    name: "relay_rooms_reclaimed_total",
    help: "Rooms that their senders took back.",
    registers: [registry],
  });
  const pairEnded = counter("relay_pairs_ended_total", "Pairs that ended.", goneReasons);
  const tunnelEnded = counter("relay_tunnels_ended_total", "Tunnels that ended.", TUNNEL_ENDS);
  const clientEnded = counter("relay_tunnel_clients_ended_total", "Clients of tunnels that are gone.", CLIENT_ENDS);
  const closed = new Counter({
    name: "relay_connections_closed_total",
    help: "WebSocket connections that are over.",
    labelNames: ["door", "why"],
    registers: [registry],
  });
  for (const door of PEER_DOORS) for (const why of goneReasons) closed.inc({ door, why }, 0);

  return (event) => {
    switch (event.event) {
      case "cut":
        return cut(event.why);
      case "turned-away":
        return turnedAway(event.why);
      case "refused":
        return refused(event.why);
      case "closed":
        return closed.inc({ door: event.door, why: event.why });
      case "room-ended":
        return roomEnded(event.why);
      case "room-kept":
        return roomKept(event.why);
      case "room-reclaimed":
        return roomReclaimed.inc();
      case "pair-ended":
        return pairEnded(event.why);
      case "tunnel-ended":
        return tunnelEnded(event.why);
      case "client-ended":
        return clientEnded(event.why);
      case "listening":
      case "caller-unnamed":
      case "certificate-read":
      case "draining":
      case "stopped":
        return;
      default:
        event satisfies never;
    }
  };
}

/** Nothing here is kept up to date: a scrape reads what there is. */
function showHoldings(registry: Registry, held: () => Holdings): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: (now: Holdings) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(held()));
      },
    });
  gauge("relay_rooms", "Rooms at the moment.", ({ rooms }) => rooms);
  gauge("relay_pairs", "Pairs at the moment.", ({ pairs }) => pairs);
  gauge("relay_tunnels", "Tunnels at the moment.", ({ tunnels }) => tunnels);
  gauge("relay_tunnel_clients", "Clients of tunnels at the moment.", ({ tunnelClients }) => tunnelClients);

  const byDoor = (Kind: typeof Gauge | typeof Counter, name: string, help: string, read: (door: PeerDoor) => number) =>
    new Kind({
      name,
      help,
      labelNames: ["door"],
      registers,
      collect() {
        this.reset();
        for (const door of PEER_DOORS) this.inc({ door }, read(door));
      },
    });
  const traffic = (door: PeerDoor) => held().traffic[door];
  byDoor(Gauge, "relay_connections", "WebSocket connections at the moment.", (door) => traffic(door).connections);
  byDoor(
    Gauge,
    "relay_waiting",
    "Receivers in the queues of rooms; sides of pairs that are alone.",
    (door) => held().waiting[door],
  );
  byDoor(
    Gauge,
    "relay_buffered_bytes",
    "Bytes that wait in this process for their peers.",
    (door) => traffic(door).bufferedBytes,
  );
  byDoor(
    Counter,
    "relay_forwarded_frames_total",
    "Frames handed on, in both directions.",
    (door) => traffic(door).forwardedFrames,
  );
  byDoor(
    Counter,
    "relay_forwarded_bytes_total",
    "Bytes of these frames, without headers.",
    (door) => traffic(door).forwardedBytes,
  );
}

/** How much later than they should timers ran, since the last scrape. */
function showLoopDelay(registry: Registry): { close(): void } {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  // What Node measures is the time from one timer to the next, which without any delay is the resolution.
  const seconds = (ns: number) => Math.max(0, ns / NS_PER_MS - LOOP_RESOLUTION_MS) / MS_PER_S;
  new Gauge({
    name: "relay_event_loop_delay_seconds",
    help: "How late timers ran since the last scrape; quantile 1 is the maximum.",
    labelNames: ["quantile"],
    registers: [registry],
    async collect() {
      // A scrape that was itself held comes before the timer that shows why: that one first.
      await delay(1);
      for (const quantile of [0.5, 0.9, 0.99]) this.set({ quantile }, seconds(loop.percentile(quantile * 100)));
      this.set({ quantile: 1 }, seconds(loop.max));
      loop.reset();
    },
  });
  return { close: () => loop.disable() };
}
