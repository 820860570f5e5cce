/**
 * The life of one share: its doors are opened (doors.ts), visitors are served, and at the end everything is released. What
 * it counts is in gate.ts, its transfers are in transfers.ts, its messages in protocol/.
 *
 *     open ---> over, for one of EndReason: no new visitors ---> ended, once the last transfer is through
 *
 * A share whose last slot is spent stays open while a receipt is awaited: its receiver may come back over another link.
 */

import { randomUUID } from "node:crypto";
import type { Kind, Part } from "../content/part.ts";
import type { Snapshot } from "../content/snapshot.ts";
import { type ErrorCode, SpreadError, toSpreadError } from "../errors.ts";
import { type Logger, silent } from "../log.ts";
import type { RefusedReason } from "../protocol/messages.ts";
import type { Link } from "../transport/link.ts";
import { formatCode } from "./code.ts";
import { Doors, type DoorsRequest, type LanPath } from "./doors.ts";
import { ShareGate } from "./gate.ts";
import type { Mode, ShareState } from "./terms.ts";
import type { Admitted, Protocol, SenderVersion } from "./version.ts";

export interface ShareRequest extends DoorsRequest {
  /** Owned by the share from here on, which closes it. */
  readonly content: Snapshot;
  readonly kind: Kind;
  /** One cleaned line. */
  readonly title: string;
  /** The only version that is spoken. */
  readonly protocol: Protocol;
  /** Checked; without one, three words are made, or six for a legacy share. */
  readonly passphrase: string | undefined;
  readonly receivers: number;
  /** Called when the share may have changed: after each visitor, and at the end. */
  readonly onChange?: ((share: Share) => void) | undefined;
}

type EndReason = Extract<ShareState, "burned" | "expired" | "stopped" | "failed"> | "used-up";

/** Why visitors are sent away after the end. */
const TOO_LATE: Record<EndReason, RefusedReason> = {
  burned: "burned",
  expired: "expired",
  stopped: "stopped",
  failed: "stopped",
  "used-up": "used_up",
};

/** Errors after which a visit with the right code is no failed transfer: none had begun. */
const NO_TRANSFER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["link-lost", "timed-out", "busy", "share-ended"]);

/** How often a share checks whether it has expired, in ms. */
const EXPIRY_CHECK_MS = 15_000;

/**
 * Opens the doors of a share and keeps serving it in the background.
 * @param signal cancels the opening only.
 * @throws SpreadError as `Doors.open`; nothing is left open then.
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

/** What is made for a share before it opens. */
interface ShareParts {
  readonly secret: string;
  readonly createdAt: Date;
  readonly gate: ShareGate;
  readonly version: SenderVersion;
}

async function versionFor(
  { content, kind, title, protocol }: ShareRequest,
  { secret, createdAt, gate }: Omit<ShareParts, "version">,
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

  readonly #request: ShareRequest;
  readonly #log: Logger;
  readonly #version: SenderVersion;
  readonly #doors: Doors;
  /** Every link that is open, with its visitor once that has proved itself. */
  readonly #links = new Map<Link, Admitted | undefined>();
  readonly #serving = new Set<Promise<void>>();
  /** Visitors can come before the share is complete; they wait for this. */
  readonly #opened: Promise<void>;
  #setOpened: () => void = () => {};
  readonly #stop = new AbortController();
  #expiresAt: Date;
  #expiry: NodeJS.Timeout | undefined;
  #over: EndReason | undefined;
  #endedAt: Date | undefined;
  #released: Promise<void> | undefined;
  #lastFailure: { readonly code: ErrorCode; readonly of: string | undefined } | undefined;

  constructor(request: ShareRequest, { secret, createdAt, gate, version }: ShareParts, log: Logger) {
    this.#request = request;
    this.#version = version;
    this.#doors = new Doors(
      version,
      (link) => this.#take(link),
      ({ code }) => this.#loseRelay(code),
    );
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
    return this.#doors.room;
  }

  /** What the receiver is told; undefined where the two agreed on a passphrase, and in version 1, which has no codes. */
  get code(): string | undefined {
    if (this.legacy || this.#request.passphrase !== undefined) return undefined;
    return formatCode({ room: this.room, secret: this.secret });
  }

  /** The passphrase that was made, since version 1 has no codes; undefined where the two agreed on one. */
  get madePassphrase(): string | undefined {
    return this.legacy && this.#request.passphrase === undefined ? this.secret : undefined;
  }

  /** Where a receiver on the same network can dial; undefined if the share is not there. */
  get lan(): LanPath | undefined {
    return this.#doors.lan;
  }

  /** The relay that holds the room; undefined if none does. */
  get relay(): URL | undefined {
    return this.#doors.relay;
  }

  /** As `Doors.relayAwaySince`. */
  get relayAwaySince(): Date | undefined {
    return this.#doors.relayAwaySince;
  }

  /** Doors that could not be opened, and other things the user should know: sentences. */
  get warnings(): string[] {
    return this.#doors.warnings;
  }

  get expiresAt(): Date {
    return this.#expiresAt;
  }

  /** When everything was released; undefined while the share lives. */
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

  /** Called once, by `openShare`. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#doors.open(this.#request, AbortSignal.any([signal, this.#stop.signal]));
    const { relayExpiresAt } = this.#doors;
    if (relayExpiresAt && relayExpiresAt < this.#expiresAt) this.#expiresAt = relayExpiresAt;
    this.#watchExpiry(performance.now() + this.#expiresAt.getTime() - Date.now());
    this.#setOpened();
  }

  /**
   * Timers stop while a machine sleeps, and the system clock may be set back, so both are watched: the first to reach the
   * end decides.
   * @param end on the clock of `performance.now()`.
   */
  #watchExpiry(end: number): void {
    const leftMs = Math.min(end - performance.now(), this.#expiresAt.getTime() - Date.now());
    if (leftMs <= 0) this.#end("expired");
    else this.#expiry = setTimeout(() => this.#watchExpiry(end), Math.min(leftMs, EXPIRY_CHECK_MS));
  }

  /** Ends the share now: running transfers are told why, and cut. */
  async stop(): Promise<void> {
    this.#end("stopped");
    const stopped = new SpreadError("share-ended", "the share was stopped");
    await Promise.all(
      [...this.#links].map(async ([link, admitted]) => {
        if (!admitted) return; // a visitor is told by #release
        await admitted.giveUp(stopped);
        link.abort(stopped);
      }),
    );
    await this.#release();
    await Promise.all(this.#serving);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #loseRelay(code: ErrorCode): void {
    if (this.#over !== undefined) return;
    const alone = this.lan === undefined && this.#expiry !== undefined;
    // The relay's clock can be a little ahead of ours.
    const expired = alone && code === "expired";
    if (code === "relay-full") {
      const still = this.lan ? " Receivers on this network can still come." : "";
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
      this.#request.onChange?.(this);
    });
    this.#serving.add(served);
  }

  /** Never throws: a visit that fails is counted, or shown in the status. */
  async #serve(visitor: Link): Promise<void> {
    await using link = visitor;
    await this.#opened;
    // After a sleep the expiry timer is late.
    if (Date.now() >= this.#expiresAt.getTime()) this.#end("expired");
    const share = { room: this.room, expiresAt: this.#expiresAt };
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

  /** True once a visitor has proved itself, even before it is admitted. */
  #transferring(): boolean {
    return this.gate.counts.held > 0 || [...this.#links.values()].some((admitted) => admitted !== undefined);
  }

  /** After each visitor: has the share come to its end? */
  #settle(): void {
    // Through a relay all visitors of a legacy share count as one: nobody is left who could come.
    const barred = this.lan === undefined && this.gate.barsStrangers;
    if (this.gate.burned || barred) this.#end("burned");
    else if (this.gate.usedUp && this.gate.awaited === 0) this.#end("used-up");
    else if (this.#over !== undefined && !this.#transferring()) void this.#release();
  }

  /** Admits no new visitors. Running transfers may finish. */
  #end(reason: EndReason): void {
    if (this.#over === undefined) {
      this.#over = reason;
      this.gate.close(TOO_LATE[reason]);
      clearTimeout(this.#expiry);
      this.#stop.abort(new SpreadError("cancelled", "the share is over"));
      this.#setOpened();
      // At once: a process that is ending has less time than a visitor may take to leave.
      this.#doors.stopAnnouncing();
      this.#log.info(`share is over: ${reason}`);
    }
    if (!this.#transferring()) void this.#release();
  }

  /** Releases everything, once; visitors that have proved nothing are told that they are too late. */
  #release(): Promise<void> {
    this.#released ??= (async () => {
      this.#endedAt = new Date();
      this.#request.onChange?.(this);
      await Promise.all([...this.#links.keys()].map((link) => this.#version.sendAway(link, this.#tooLate())));
      await this.#doors.close();
      await this.#request.content[Symbol.asyncDispose]();
    })();
    return this.#released;
  }
}
