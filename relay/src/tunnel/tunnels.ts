/** All tunnels of this relay, by their ids, and all sockets of their clients. */

import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import type { ClientEnd, TunnelEnd } from "../doors.ts";
import { type Arrival, Tunnel } from "./tunnel.ts";

/** Told of everything that is over. */
export interface TunnelEvents {
  tunnelEnded: (why: TunnelEnd) => void;
  clientEnded: (why: ClientEnd) => void;
}

export class Tunnels {
  readonly #settings: Settings;
  readonly #events: TunnelEvents;
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #clients = new Set<Socket>();

  constructor(settings: Settings, events: TunnelEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  get size(): number {
    return this.#tunnels.size;
  }

  /** How many clients there are in all tunnels. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Whether the tunnel has room for one more client; undefined if there is none of this id. */
  takes(id: string): boolean | undefined {
    return this.#tunnels.get(id)?.hasRoom;
  }

  /** Takes an agent that was admitted. Its id is free again once its connection is gone. */
  host(id: string, ws: WebSocket): void {
    const tunnel = new Tunnel(ws, this.#settings);
    this.#tunnels.set(id, tunnel);
    void tunnel.closed.then((why) => {
      this.#tunnels.delete(id);
      this.#events.tunnelEnded(why);
    });
  }

  /** Takes a client that was admitted. */
  visit(id: string, arrival: Arrival): void {
    const { socket, refuse } = arrival;
    // Until it is bridged a socket has nobody else who listens.
    socket.on("error", () => socket.destroy());
    // Pings are the local server's to send, if it does. A client whose machine is gone has to be noticed all the same.
    socket.setKeepAlive(true, this.#settings.pingMs);
    this.#clients.add(socket);
    socket.once("close", () => this.#clients.delete(socket));
    const tunnel = this.#tunnels.get(id);
    if (!tunnel) {
      refuse("no-agent");
      return;
    }
    void tunnel.take(arrival).then(this.#events.clientEnded);
  }

  /** Ends every tunnel, and cuts every client. */
  endAll(): void {
    for (const tunnel of this.#tunnels.values()) tunnel.end();
    for (const client of this.#clients) client.destroy();
  }
}
