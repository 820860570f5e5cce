/**
 * The doors by which receivers come to a share: a TCP port of this machine, announced by mDNS, and a room on a relay. Who is
 * let in is decided elsewhere (sender.ts, gate.ts).
 */
import { abortReason } from "../abort.ts";
import { type Advertisement, advertise } from "../discovery/mdns.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import type { LinkSource, LinkTaker } from "../transport/link.ts";
import { createRoom } from "../transport/relay.ts";
import type { RelayAccess } from "../transport/relay-connection.ts";
import type { RelayRoom } from "../transport/relay-room.ts";
import { listenTcp } from "../transport/tcp.ts";
import { newRoom } from "./code.ts";
import type { Mode } from "./terms.ts";
import type { Version } from "./version.ts";

/** Which doors are wanted. */
export interface DoorsRequest {
  readonly mode: Mode;
  /** Whether the share is announced on the LAN (mDNS); otherwise its address has to be passed on. */
  readonly announce: boolean;
  readonly relay: RelayAccess | undefined;
  readonly lifetimeMs: number;
}

export interface LanPath {
  /** Its name in mDNS; undefined if it is not announced. */
  readonly instance: string | undefined;
  readonly port: number;
  readonly addresses: readonly string[];
}

export class Doors {
  /** Doors that could not be opened, or were lost: sentences for the user. */
  readonly warnings: string[] = [];
  readonly #version: Version;
  readonly #take: LinkTaker;
  readonly #onRelayLost: (reason: SpreadError) => void;
  readonly #doors: LinkSource[] = [];
  #announced: Advertisement | undefined;
  #room = "";
  #lan: LanPath | undefined;
  #relay: URL | undefined;
  #relayRoom: RelayRoom | undefined;
  #relayExpiresAt: Date | undefined;

  /** @param onRelayLost called when the relay has lost the room for good, without our doing. */
  constructor(version: Version, take: LinkTaker, onRelayLost: (reason: SpreadError) => void) {
    this.#version = version;
    this.#take = take;
    this.#onRelayLost = onRelayLost;
  }

  /** The relay's, or else one of ours; empty until the doors are open. */
  get room(): string {
    return this.#room;
  }

  /** Where a receiver on the same network can dial; undefined if the share is not there. */
  get lan(): LanPath | undefined {
    return this.#lan;
  }

  /** The relay that holds the room; undefined if none does. */
  get relay(): URL | undefined {
    return this.#relay;
  }

  /** Since when the connection to that relay is lost and being made again; undefined while it is there. */
  get relayAwaySince(): Date | undefined {
    return this.#relay && this.#relayRoom?.awaySince;
  }

  /** When the relay gives the room up; undefined if it does not say, or if there is none. */
  get relayExpiresAt(): Date | undefined {
    return this.#relayExpiresAt;
  }

  /**
   * Opens what the mode asks for; with mode auto one door is enough, and a missing one becomes a warning. Call it once.
   * @param signal cancels the opening; what is open by then is closed by `close`.
   * @throws SpreadError `no-relay`, `port-unavailable`, `link-lost`, the relay's, or the signal's.
   */
  async open({ mode, announce, relay, lifetimeMs }: DoorsRequest, signal: AbortSignal): Promise<void> {
    if (mode === "relay" && !relay) {
      throw new SpreadError("no-relay", "a share by relay was asked for, but no relay is known");
    }
    if (relay && mode !== "lan") {
      await this.#openRelay(relay, Math.ceil(lifetimeMs / 1000), signal).catch((error: unknown) => {
        if (mode === "relay" || signal.aborted) throw error;
        this.warnings.push(`Not on the relay: ${toSpreadError(error).message}. The share is on this network alone.`);
      });
    }
    this.#room ||= newRoom();
    if (mode !== "relay") {
      await this.#openLan(announce).catch((error: unknown) => {
        if (!this.#relay) throw error;
        this.warnings.push("Not on this network: no TCP port could be opened. The share is on the relay alone.");
      });
    }
    if (signal.aborted) throw abortReason(signal);
    if (!this.#lan && !this.#relay) throw new SpreadError("link-lost", "the connection to the relay was lost");
  }

  /** Announces the share no longer; its doors stay open. Never throws. */
  stopAnnouncing(): void {
    void this.#announced?.close();
  }

  async close(): Promise<void> {
    await Promise.all([this.#announced, ...this.#doors].map((it) => it?.close()));
  }

  async #openLan(announce: boolean): Promise<void> {
    const listener = await listenTcp(this.#take, this.#version.bounds);
    this.#doors.push(listener);
    const { port, addresses } = listener;
    this.#lan = { instance: undefined, port, addresses };
    if (!announce) return;
    this.#announced = await advertise(this.#version.service, this.#room, port);
    if (this.#announced) this.#lan = { instance: this.#announced.instance, port, addresses };
    else this.warnings.push("Not announced on this network, where mDNS is not possible: receivers there need host.");
  }

  async #openRelay(relay: RelayAccess, ttlSeconds: number, signal: AbortSignal): Promise<void> {
    const room = await createRoom(relay, ttlSeconds, this.#take, signal, this.#version.bounds);
    this.#doors.push(room);
    this.#relayRoom = room;
    this.#room = room.id;
    this.#relay = relay.url;
    const { expiresInSeconds } = room;
    if (expiresInSeconds !== undefined) this.#relayExpiresAt = new Date(Date.now() + expiresInSeconds * 1000);
    void room.lost.then((reason) => {
      this.#relay = undefined;
      this.#onRelayLost(reason);
    });
  }
}
