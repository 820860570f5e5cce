/** The tunnel door: all tunnels by their ids, and the sockets of all their clients. */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import type { Entrance } from "../doors.ts";
import type { HeldPlace } from "../limits/limits.ts";
import type { Emit } from "../observe/events.ts";
import { waitInTurn } from "../peers/turns.ts";
import { Tunnel, type Visitor } from "./tunnel.ts";

interface Arriving {
  /** Of the tunnel. */
  readonly id: string;
  /** What the connection holds of its address's. Released when its socket is closed. */
  readonly place: HeldPlace;
}

/** An agent that is to host a tunnel, or a client of one. */
type TunnelArrival =
  | (Arriving & { readonly role: "agent"; readonly ws: WebSocket; readonly socket: Socket })
  | (Arriving & { readonly role: "client" } & Visitor);

export class Tunnels implements Entrance<TunnelArrival> {
  readonly #settings: Settings;
  readonly #emit: Emit;
  readonly #tunnels = new Map<string, Tunnel>();
  readonly #clients = new Set<Socket>();

  constructor(settings: Settings, emit: Emit) {
    this.#settings = settings;
    this.#emit = emit;
  }

  get size(): number {
    return this.#tunnels.size;
  }

  /** How many clients there are in all tunnels. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Whether the tunnel has room for one more client; undefined if there is none with this id. */
  hasRoom(id: string): boolean | undefined {
    return this.#tunnels.get(id)?.hasRoom;
  }

  enter(arrival: TunnelArrival): void {
    arrival.socket.once("close", () => arrival.place.release());
    if (arrival.role === "agent") this.#host(arrival.id, arrival.ws, arrival.socket);
    else this.#visit(arrival.id, arrival);
  }

  /** What goes through a tunnel has no end that could be waited for. */
  drain(): boolean {
    this.end();
    return false;
  }

  /** Ends every tunnel, and cuts every client. */
  end(): void {
    for (const tunnel of this.#tunnels.values()) tunnel.end();
    for (const client of this.#clients) client.destroy();
  }

  /** Its id is free again once the agent's connection is gone. */
  #host(id: string, ws: WebSocket, socket: Socket): void {
    waitInTurn(ws, socket, this.#settings);
    const tunnel = new Tunnel(ws, this.#settings);
    this.#tunnels.set(id, tunnel);
    void tunnel.closed.then((why) => {
      this.#tunnels.delete(id);
      this.#emit({ event: "tunnel-ended", why });
    });
  }

  #visit(id: string, visitor: Visitor): void {
    const { socket, refuse } = visitor;
    // Until it is bridged nobody else listens to the socket.
    socket.on("error", () => socket.destroy());
    // Pings are up to the local server. A client whose machine is gone has to be noticed even if it sends none.
    socket.setKeepAlive(true, this.#settings.pingMs);
    this.#clients.add(socket);
    socket.once("close", () => this.#clients.delete(socket));
    const tunnel = this.#tunnels.get(id);
    if (!tunnel) {
      refuse("no-agent");
      return;
    }
    void tunnel.serve(visitor).then((why) => this.#emit({ event: "client-ended", why }));
  }
}
