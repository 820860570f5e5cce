/**
 * One share: its paths are opened, its visitors served, and when its time has come everything that it holds is given
 * back. What it counts is in gate.ts, which transfers it knows in transfers.ts, what it says in protocol/; here is its life:
 *
 *     open ---> over, for one of EndReason, and no new visitors ---> ended, once the last transfer is through
 *
 * A share whose last place is spent stays open while a receipt is awaited: its receiver may come back over another link.
 */

import { randomUUID } from "node:crypto";
import { abortReason } from "../abort.ts";
import type { Kind, Part } from "../content/part.ts";
import type { Snapshot } from "../content/snapshot.ts";
import { type Advertisement, advertise } from "../discovery/mdns.ts";
import { type ErrorCode, SpreadError, toSpreadError } from "../errors.ts";
import { type Logger, silent } from "../log.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import type { Door, Link } from "../transport/link.ts";
import { createRoom } from "../transport/relay.ts";
import type { RelayAccess } from "../transport/relay-connection.ts";
import type { Room } from "../transport/relay-room.ts";
import { listenTcp } from "../transport/tcp.ts";
import { formatCode, newRoom } from "./code.ts";
import { ShareGate } from "./gate.ts";
import type { Mode, ShareState } from "./terms.ts";
import type { Admitted, Protocol, SenderVersion } from "./version.ts";

export interface ShareRequest {
  /** The share's from here on: it closes it. */
  readonly content: Snapshot;
  readonly kind: Kind;
  /** One cleaned line. */
  readonly title: string;
  /** This version, and nothing else. */
  readonly protocol: Protocol;
  /** Checked; without one, three words are made, or six for a legacy share. */
  readonly passphrase: string | undefined;
  readonly mode: Mode;
  /** Whether the share is announced on the LAN (mDNS); without that its address has to be told. */
  readonly announce: boolean;
  readonly relay: RelayAccess | undefined;
  readonly receivers: number;
  readonly lifetimeMs: number;
  /** Called once something may have become of the share that its owner wants to know: after a visitor, and at its end. */
  readonly changed?: ((share: Share) => void) | undefined;
}

type EndReason = Extract<ShareState, "burned" | "expired" | "stopped" | "failed"> | "used-up";

/** What a visitor is told who comes too late. */
const TOO_LATE: Record<EndReason, RefusedReason> = {
  burned: "burned",
  expired: "expired",
  stopped: "stopped",
  failed: "stopped",
  "used-up": "used_up",
};

/** How a visit ends that had the right code, and in which no transfer was to be. */
const NO_TRANSFER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["link-lost", "timed-out", "busy", "share-ended"]);

/** How often a share looks whether its time is over, in ms. */
const EXPIRY_LOOK_MS = 15_000;

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
  const secret = request.passphrase ?? request.protocol.newSecret();
  const createdAt = new Date();
  const gate = new ShareGate(request.receivers, { strangersAreOne: request.protocol.legacy });
  const version = await versionFor(request, { secret, createdAt, gate }).catch(async (error: unknown) => {
    await request.content[Symbol.asyncDispose]();
    throw error;
  });
  const share = new Share(request, { secret, createdAt, gate, version }, log);
  try {
    await share.open(signal);
    return share;
  } catch (error) {
    await share[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a share is made of, beside what was asked for. */
interface Made {
  readonly secret: string;
  readonly createdAt: Date;
  readonly gate: ShareGate;
  readonly version: SenderVersion;
}

async function versionFor(
  { content, kind, title, protocol }: ShareRequest,
  { secret, createdAt, gate }: Omit<Made, "version">,
): Promise<SenderVersion> {
  const { bytes, sha256, compressible, parts } = content;
  const read = (from?: number) => content.read(from);
  const document = { kind, title, sharedAt: createdAt, bytes, sha256, compressible, parts, read };
  return protocol.sender(secret, gate, document);
}

export class Share implements AsyncDisposable {
  readonly id = randomUUID();
  readonly kind: Kind;
  readonly title: string;
  readonly mode: Mode;
  readonly receivers: number;
  readonly legacy: boolean;
  readonly createdAt: Date;
  readonly secret: string;
  /** Of the document alone. */
  readonly bytes: number;
  readonly sha256: string;
  /** What comes along with it. */
  readonly files: readonly Part[];
  readonly gate: ShareGate;
  /** Paths that could not be opened, or were lost: sentences for the user. */
  readonly warnings: string[] = [];

  readonly #request: ShareRequest;
  readonly #log: Logger;
  readonly #version: SenderVersion;
  readonly #doors: Door[] = [];
  #announced: Advertisement | undefined;
  /** Every link that is open, with its visitor once that has proved itself. */
  readonly #links = new Map<Link, Admitted | undefined>();
  readonly #serving = new Set<Promise<void>>();
  /** Visitors can come before the share is complete; they wait for this. */
  readonly #opened: Promise<void>;
  #setOpened: () => void = () => {};
  readonly #stop = new AbortController();
  #room = "";
  #lan: LanPath | undefined;
  #relay: URL | undefined;
  #relayRoom: Room | undefined;
  #expiresAt: Date;
  #expiry: NodeJS.Timeout | undefined;
  #over: EndReason | undefined;
  #endedAt: Date | undefined;
  #givenBack: Promise<void> | undefined;
  #lastFailure: { readonly code: ErrorCode; readonly of: string | undefined } | undefined;

  constructor(request: ShareRequest, { secret, createdAt, gate, version }: Made, log: Logger) {
    this.#request = request;
    this.#version = version;
    this.#log = log;
    this.kind = request.kind;
    this.title = request.title;
    this.mode = request.mode;
    this.receivers = request.receivers;
    this.legacy = request.protocol.legacy;
    this.createdAt = createdAt;
    this.secret = secret;
    const [document, ...files] = request.content.parts;
    this.bytes = document?.bytes ?? 0;
    this.sha256 = document?.sha256 ?? "";
    this.files = files;
    this.gate = gate;
    this.#expiresAt = new Date(createdAt.getTime() + request.lifetimeMs);
    this.#opened = new Promise((resolve) => {
      this.#setOpened = resolve;
    });
  }

  get room(): string {
    return this.#room;
  }

  /** What the receiver is told; undefined where the two agreed on a passphrase, and in version 1, which has no codes. */
  get code(): string | undefined {
    if (this.legacy || this.#request.passphrase !== undefined) return undefined;
    return formatCode({ room: this.#room, secret: this.secret });
  }

  /** The passphrase that was made, since version 1 has no codes; undefined where the two agreed on one. */
  get madePassphrase(): string | undefined {
    return this.legacy && this.#request.passphrase === undefined ? this.secret : undefined;
  }

  /** Where a receiver on the same network can dial; undefined if the share is not there. */
  get lan(): LanPath | undefined {
    return this.#lan;
  }

  /** The relay that holds the room; undefined if none does. */
  get relay(): URL | undefined {
    return this.#relay;
  }

  /** Since when the connection to that relay is lost, and made again; undefined while it is there. */
  get relayAwaySince(): Date | undefined {
    return this.#relay && this.#relayRoom?.awaySince;
  }

  get expiresAt(): Date {
    return this.#expiresAt;
  }

  /** When everything was given back; undefined while the share lives. */
  get endedAt(): Date | undefined {
    return this.#endedAt;
  }

  /** Why the last transfer of a visitor with the right code failed, unless it goes on. */
  get lastFailure(): ErrorCode | undefined {
    const { code, of } = this.#lastFailure ?? {};
    const goesOn = of !== undefined && [...this.#links.values()].some((admitted) => admitted?.name === of);
    return goesOn ? undefined : code;
  }

  get state(): ShareState {
    if (this.#endedAt === undefined && this.#transferring()) return "serving";
    if (this.gate.counts.delivered === this.receivers) return "delivered";
    if (this.#endedAt === undefined && !this.gate.usedUp) return "waiting";
    return this.gate.usedUp || this.#over === undefined || this.#over === "used-up" ? "unconfirmed" : this.#over;
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
    this.#mindExpiry(performance.now() + this.#expiresAt.getTime() - Date.now());
    this.#setOpened();
  }

  /**
   * Timers stand still while a machine sleeps, and the clock on the wall may be set back: whichever says first that it is over.
   * @param end on the clock of `performance.now()`.
   */
  #mindExpiry(end: number): void {
    const leftMs = Math.min(end - performance.now(), this.#expiresAt.getTime() - Date.now());
    if (leftMs <= 0) this.#end("expired");
    else this.#expiry = setTimeout(() => this.#mindExpiry(end), Math.min(leftMs, EXPIRY_LOOK_MS));
  }

  /** Ends the share now: transfers that run are cut, and told so. */
  async stop(): Promise<void> {
    this.#end("stopped");
    const stopped = new SpreadError("share-ended", "the share was stopped");
    await Promise.all(
      [...this.#links].map(async ([link, admitted]) => {
        if (!admitted) return; // a visitor is told by #giveBack
        await admitted.giveUp(stopped);
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
    const listener = await listenTcp((link) => this.#take(link), this.#version.bounds);
    this.#doors.push(listener);
    const { port, addresses } = listener;
    this.#lan = { instance: undefined, port, addresses };
    if (!this.#request.announce) return;
    this.#announced = await advertise(this.#version.service, this.#room, port);
    if (this.#announced) this.#lan = { instance: this.#announced.instance, port, addresses };
    else this.warnings.push("Not announced on this network, where mDNS is not possible: receivers there need host.");
  }

  async #openRelay(relay: RelayAccess, ttlSeconds: number, opening: AbortSignal): Promise<void> {
    const { bounds } = this.#version;
    const room = await createRoom(relay, ttlSeconds, (link) => this.#take(link), opening, bounds);
    this.#doors.push(room);
    this.#relayRoom = room;
    this.#room = room.id;
    this.#relay = relay.url;
    if (room.expiresInSeconds !== undefined) {
      const granted = new Date(Date.now() + room.expiresInSeconds * 1000);
      if (granted < this.#expiresAt) this.#expiresAt = granted;
    }
    void room.lost.then((reason) => this.#loseRelay(reason));
  }

  #loseRelay({ code }: SpreadError): void {
    this.#relay = undefined;
    if (this.#over !== undefined) return;
    const alone = this.#lan === undefined && this.#expiry !== undefined;
    // The relay's clock can be a little ahead of ours.
    const expired = alone && code === "expired";
    if (code === "relay-full") {
      const still = this.#lan ? " Receivers on this network can still come." : "";
      this.warnings.push(`The relay was full, and gave this share's place away: share again for a new code.${still}`);
    } else if (!expired) this.warnings.push("The relay has lost the share; receivers can no longer come by it.");
    if (alone) this.#end(expired ? "expired" : "failed");
  }

  /** A visitor has come. */
  #take(link: Link): void {
    if (this.#endedAt !== undefined) {
      void this.#version.sendAway(link, this.#tooLate());
      return;
    }
    this.#links.set(link, undefined);
    const served = this.#serve(link).finally(() => {
      this.#links.delete(link);
      this.#serving.delete(served);
      this.#settle();
      this.#request.changed?.(this);
    });
    this.#serving.add(served);
  }

  /** Never throws: what goes wrong with a visitor is the visitor's, and is counted or told in the status. */
  async #serve(visitor: Link): Promise<void> {
    await using link = visitor;
    await this.#opened;
    // A machine that slept has timers that are late.
    if (Date.now() >= this.#expiresAt.getTime()) this.#end("expired");
    const share = { room: this.#room, expiresAt: this.#expiresAt };
    const admitted = await this.#version.admit(link, share).catch((thrown: unknown) => {
      const { code } = toSpreadError(thrown);
      this.#log.info(`visitor sent away: ${code}`);
      if (code === "version-mismatch") this.#warnOfVersion();
      if (code === "wrong-code") link.attemptFailed?.();
    });
    if (!admitted) return;
    this.#links.set(link, admitted);
    try {
      await admitted.transfer();
      this.#log.info("transferred");
      if (admitted.name === this.#lastFailure?.of) this.#lastFailure = undefined;
    } catch (thrown) {
      const error = toSpreadError(thrown);
      if (admitted.name !== undefined || !NO_TRANSFER.has(error.code)) {
        this.#lastFailure = { code: error.code, of: admitted.name };
      }
      this.#log.info(`transfer failed: ${error.code}`);
      await admitted.giveUp(error);
    }
  }

  #warnOfVersion(): void {
    const warning = this.legacy
      ? "A receiver came that does not speak legacy (version 1): it needs --legacy, or share again without."
      : "A receiver came that speaks another version. If it is the original Python tool, share again with --legacy.";
    if (!this.warnings.includes(warning)) this.warnings.push(warning);
  }

  #tooLate(): RefusedReason {
    return TOO_LATE[this.#over ?? "used-up"];
  }

  /** From the proof on, be it that the visitor is not let in yet. */
  #transferring(): boolean {
    return this.gate.counts.held > 0 || [...this.#links.values()].some((admitted) => admitted !== undefined);
  }

  /** After each visitor: has the share come to its end? */
  #settle(): void {
    // Through a relay all visitors of a legacy share count as one: nobody is left who could come.
    const barred = this.#lan === undefined && this.gate.barsStrangers;
    if (this.gate.burned || barred) this.#end("burned");
    else if (this.gate.usedUp && this.gate.awaited === 0) this.#end("used-up");
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
      // At once: a process that ends has less time than a visitor may take to leave.
      void this.#announced?.close();
      this.#log.info(`share is over: ${reason}`);
    }
    if (!this.#transferring()) void this.#giveBack();
  }

  /** Once: visitors who have proved nothing are told that they are late, and everything is closed. */
  #giveBack(): Promise<void> {
    this.#givenBack ??= (async () => {
      this.#endedAt = new Date();
      this.#request.changed?.(this);
      await Promise.all([...this.#links.keys()].map((link) => this.#version.sendAway(link, this.#tooLate())));
      await Promise.all([this.#announced, ...this.#doors].map((it) => it?.close()));
      await this.#request.content[Symbol.asyncDispose]();
    })();
    return this.#givenBack;
  }
}
