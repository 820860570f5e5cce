/**
 * One share: its paths are opened, its visitors served, and when its time has come everything that it holds is given
 * back. What it counts is in gate.ts, what it says in protocol/; here is its life:
 *
 *     open ---> over, for one of EndReason, and no new visitors ---> ended, once the last transfer is through
 */
import { randomUUID } from "node:crypto";
import { newSigner } from "../crypto/signature.ts";
import { advertise } from "../discovery/mdns.ts";
import { type ErrorCode, SpreadError, toSpreadError } from "../errors.ts";
import type { Snapshot } from "../handoff/snapshot.ts";
import { type Logger, silent } from "../log.ts";
import { admitReceiver, sendAway } from "../protocol/handshake.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import type { SealedStream } from "../protocol/stream.ts";
import { deliver } from "../protocol/transfer.ts";
import { abortReason, type Door, type Link } from "../transport/link.ts";
import { createRoom } from "../transport/relay.ts";
import { listenTcp } from "../transport/tcp.ts";
import { formatCode, newRoom, newSecret } from "./code.ts";
import { type Place, ShareGate } from "./gate.ts";

export type Mode = "auto" | "lan" | "relay";

export interface ShareRequest {
  /** The share's from here on: it closes it. */
  readonly content: Snapshot;
  /** One cleaned line. */
  readonly title: string;
  /** Checked; without one, three words are made. */
  readonly passphrase: string | undefined;
  readonly mode: Mode;
  /** Whether the share is announced on the LAN (mDNS); without that its address has to be told. */
  readonly announce: boolean;
  readonly relay: URL | undefined;
  readonly receivers: number;
  readonly lifetimeMs: number;
}

/**
 * - waiting: nobody is being served. serving: a transfer runs.
 * - delivered: a right receipt came from everybody. unconfirmed: all was sent, but a receipt is missing.
 * - burned, expired, stopped: what it says. failed: no path is left on which a receiver could come.
 */
export type ShareState =
  | "waiting"
  | "serving"
  | "delivered"
  | "unconfirmed"
  | "burned"
  | "expired"
  | "stopped"
  | "failed";

type EndReason = Extract<ShareState, "burned" | "expired" | "stopped" | "failed"> | "used-up";

/** What a visitor is told who comes too late. */
const TOO_LATE: Record<EndReason, RefusedReason> = {
  burned: "burned",
  expired: "expired",
  stopped: "stopped",
  failed: "stopped",
  "used-up": "used_up",
};

export interface LanPath {
  /** Its name in mDNS; undefined if it is not announced. */
  readonly instance: string | undefined;
  readonly port: number;
  readonly addresses: readonly string[];
}

/**
 * Opens the paths of a share and goes on serving it in the background.
 * @param signal rules the opening alone.
 * @throws SpreadError `no-relay`, `port-unavailable`, the relay's, or the signal's; nothing is left open then.
 */
export async function openShare(request: ShareRequest, signal: AbortSignal, log: Logger = silent): Promise<Share> {
  const share = new Share(request, log);
  try {
    await share.open(signal);
    return share;
  } catch (error) {
    await share[Symbol.asyncDispose]();
    throw error;
  }
}

export class Share implements AsyncDisposable {
  readonly id = randomUUID();
  readonly title: string;
  readonly mode: Mode;
  readonly receivers: number;
  readonly createdAt = new Date();
  readonly secret: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly gate: ShareGate;
  /** Paths that could not be opened, or were lost: sentences for the user. */
  readonly warnings: string[] = [];

  readonly #request: ShareRequest;
  readonly #log: Logger;
  readonly #signer = newSigner();
  readonly #doors: Door[] = [];
  /** Every link that is open, with its stream once the visitor has proved itself. */
  readonly #links = new Map<Link, SealedStream | undefined>();
  readonly #serving = new Set<Promise<void>>();
  /** Visitors can come before the share is complete; they wait for this. */
  readonly #opened: Promise<void>;
  #setOpened: () => void = () => {};
  readonly #stop = new AbortController();
  #room = "";
  #lan: LanPath | undefined;
  #relay: URL | undefined;
  #expiresAt: Date;
  #expiry: NodeJS.Timeout | undefined;
  #over: EndReason | undefined;
  #endedAt: Date | undefined;
  #givenBack: Promise<void> | undefined;
  #lastFailure: ErrorCode | undefined;

  constructor(request: ShareRequest, log: Logger) {
    this.#request = request;
    this.#log = log;
    this.title = request.title;
    this.mode = request.mode;
    this.receivers = request.receivers;
    this.secret = request.passphrase ?? newSecret();
    this.bytes = request.content.bytes;
    this.sha256 = request.content.sha256;
    this.gate = new ShareGate(request.receivers);
    this.#expiresAt = new Date(this.createdAt.getTime() + request.lifetimeMs);
    this.#opened = new Promise((resolve) => {
      this.#setOpened = resolve;
    });
  }

  get room(): string {
    return this.#room;
  }

  /** What the receiver is told; undefined where the two agreed on a passphrase. */
  get code(): string | undefined {
    return this.#request.passphrase === undefined ? formatCode({ room: this.#room, secret: this.secret }) : undefined;
  }

  /** Where a receiver on the same network can dial; undefined if the share is not there. */
  get lan(): LanPath | undefined {
    return this.#lan;
  }

  /** The relay that holds the room; undefined if none does. */
  get relay(): URL | undefined {
    return this.#relay;
  }

  get expiresAt(): Date {
    return this.#expiresAt;
  }

  /** When everything was given back; undefined while the share lives. */
  get endedAt(): Date | undefined {
    return this.#endedAt;
  }

  /** Why the last transfer of a visitor with the right code failed. */
  get lastFailure(): ErrorCode | undefined {
    return this.#lastFailure;
  }

  get state(): ShareState {
    const { delivered } = this.gate.counts;
    if (this.#endedAt === undefined) return this.#transferring() ? "serving" : "waiting";
    if (delivered === this.receivers) return "delivered";
    return this.#over === undefined || this.#over === "used-up" ? "unconfirmed" : this.#over;
  }

  /** Once, by `openShare`. */
  async open(signal: AbortSignal): Promise<void> {
    const { mode, relay, lifetimeMs } = this.#request;
    if (mode === "relay" && !relay) {
      throw new SpreadError("no-relay", "a share by relay was asked for, but no relay is known");
    }
    const opening = AbortSignal.any([signal, this.#stop.signal]);
    if (relay && mode !== "lan") {
      await this.#openRelay(relay, Math.ceil(lifetimeMs / 1000), opening).catch((error: unknown) => {
        if (mode === "relay" || opening.aborted) throw error;
        this.warnings.push(`Not on the relay: ${toSpreadError(error).message}. The share is on this network alone.`);
      });
    }
    this.#room ||= newRoom();
    if (mode !== "relay") {
      await this.#openLan().catch((error: unknown) => {
        if (!this.#relay) throw error;
        this.warnings.push("Not on this network: no TCP port could be opened. The share is on the relay alone.");
      });
    }
    if (opening.aborted) throw abortReason(opening);
    if (!this.#lan && !this.#relay) throw new SpreadError("link-lost", "the connection to the relay was lost");
    this.#expiry = setTimeout(() => this.#end("expired"), Math.max(0, this.#expiresAt.getTime() - Date.now()));
    this.#setOpened();
  }

  /** Ends the share now: transfers that run are cut, and told so. */
  async stop(): Promise<void> {
    this.#end("stopped");
    const stopped = new SpreadError("share-ended", "the share was stopped");
    await Promise.all(
      [...this.#links].map(async ([link, stream]) => {
        if (!stream) return; // a visitor is told by #giveBack
        await stream.giveUp(stopped);
        link.abort(stopped);
      }),
    );
    await this.#giveBack();
    await Promise.all(this.#serving);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #openLan(): Promise<void> {
    const listener = await listenTcp((link) => this.#take(link));
    this.#doors.push(listener);
    const { port, addresses } = listener;
    this.#lan = { instance: undefined, port, addresses };
    if (!this.#request.announce) return;
    const announced = await advertise("claude-spread", this.#room, port);
    if (announced) {
      this.#doors.push(announced);
      this.#lan = { instance: announced.instance, port, addresses };
    } else this.warnings.push("Not announced on this network, where mDNS is not possible: receivers there need host.");
  }

  async #openRelay(relay: URL, ttlSeconds: number, opening: AbortSignal): Promise<void> {
    const life = new AbortController();
    const cut = () => life.abort(abortReason(opening));
    opening.addEventListener("abort", cut, { once: true });
    const room = await createRoom(relay, ttlSeconds, (link) => this.#take(link), life.signal).finally(() =>
      opening.removeEventListener("abort", cut),
    );
    this.#doors.push(room);
    this.#room = room.id;
    this.#relay = relay;
    if (room.expiresInSeconds !== undefined) {
      const granted = new Date(Date.now() + room.expiresInSeconds * 1000);
      if (granted < this.#expiresAt) this.#expiresAt = granted;
    }
    void room.lost.then((reason) => this.#loseRelay(reason));
  }

  #loseRelay({ code }: SpreadError): void {
    this.#relay = undefined;
    if (this.#over !== undefined) return;
    this.warnings.push("The connection to the relay was lost; receivers can no longer come by it.");
    // The relay's clock can be a little ahead of ours.
    if (this.#lan === undefined && this.#expiry !== undefined) this.#end(code === "expired" ? "expired" : "failed");
  }

  /** A visitor has come. */
  #take(link: Link): void {
    if (this.#endedAt !== undefined) {
      void sendAway(link, this.#tooLate());
      return;
    }
    this.#links.set(link, undefined);
    const served = this.#serve(link).finally(() => {
      this.#links.delete(link);
      this.#serving.delete(served);
      this.#settle();
    });
    this.#serving.add(served);
  }

  /** Never throws: what goes wrong with a visitor is the visitor's, and is counted or told in the status. */
  async #serve(visitor: Link): Promise<void> {
    await using link = visitor;
    await this.#opened;
    // A machine that slept has timers that are late.
    if (Date.now() >= this.#expiresAt.getTime()) this.#end("expired");
    const { secret, gate } = this;
    const share = { secret, room: this.#room, gate, signer: this.#signer };
    const admitted = await admitReceiver(link, share).catch((error: unknown) => {
      this.#log.info(`visitor sent away: ${toSpreadError(error).code}`);
    });
    if (!admitted) return;
    const { stream, place } = admitted;
    this.#links.set(link, stream);
    try {
      await this.#transfer(stream, place);
      this.#log.info("delivered");
    } catch (thrown) {
      const error = toSpreadError(thrown);
      this.#lastFailure = error.code;
      this.#log.info(`transfer failed: ${error.code}`);
      await stream.giveUp(error);
    } finally {
      place.release();
    }
  }

  async #transfer(stream: SealedStream, place: Place): Promise<void> {
    const { content, title } = this.#request;
    const document = {
      title,
      sharedAt: this.createdAt,
      bytes: content.bytes,
      sha256: content.sha256,
      compressible: content.compressible,
      read: () => content.read(),
    };
    await deliver(stream, document, () => place.spend());
    place.deliver();
  }

  #tooLate(): RefusedReason {
    return TOO_LATE[this.#over ?? "used-up"];
  }

  /** From the proof on, be it that the stream is not there yet. */
  #transferring(): boolean {
    return this.gate.counts.held > 0 || [...this.#links.values()].some((stream) => stream !== undefined);
  }

  /** After each visitor: has the share come to its end? */
  #settle(): void {
    if (this.gate.burned) this.#end("burned");
    else if (this.gate.usedUp) this.#end("used-up");
    else if (this.#over !== undefined && !this.#transferring()) void this.#giveBack();
  }

  /** No new visitors. Transfers that run may end. */
  #end(reason: EndReason): void {
    if (this.#over === undefined) {
      this.#over = reason;
      this.gate.close(TOO_LATE[reason]);
      clearTimeout(this.#expiry);
      this.#stop.abort(new SpreadError("cancelled", "the share is over"));
      this.#setOpened();
      this.#log.info(`share is over: ${reason}`);
    }
    if (!this.#transferring()) void this.#giveBack();
  }

  /** Once: visitors who have proved nothing are told that they are late, and everything is closed. */
  #giveBack(): Promise<void> {
    this.#givenBack ??= (async () => {
      this.#endedAt = new Date();
      await Promise.all([...this.#links.keys()].map((link) => sendAway(link, this.#tooLate())));
      await Promise.all(this.#doors.map((door) => door.close()));
      await this.#request.content[Symbol.asyncDispose]();
    })();
    return this.#givenBack;
  }
}
