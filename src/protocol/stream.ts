/**
 * The sealed half of the protocol: messages and chunks over a link, each direction under its own key. What does not open
 * ends the stream; an ABORT of the other end is thrown as an error, a `PeerError`.
 */
import type { DirectionKeys } from "../crypto/keys.ts";
import { type Opened, Opener, Sealer } from "../crypto/seal.ts";
import { type ErrorCode, SpreadError, toSpreadError } from "../errors.ts";
import type { Link } from "../transport/link.ts";
import { type AbortReason, FRAME_TYPE, parseSealed, type SealedFrame, type SealedMessage } from "./messages.ts";
import { Watchdog } from "./watchdog.ts";

/** How long our last words may take to leave once there is no hope, in ms, before the link is cut without them. */
export const GIVE_UP_MS = 3_000;

/** Messages behind which their direction is over. */
const FINAL: ReadonlySet<SealedMessage["type"]> = new Set(["RECEIPT", "DELIVERED", "ABORT"]);

const ABORTED_AS: Record<AbortReason, [ErrorCode, string]> = {
  cancelled: ["peer-aborted", "the other end cancelled the transfer"],
  stopped: ["share-ended", "the sender stopped the share"],
  busy: ["busy", "all places of this share are taken"],
  used_up: ["share-ended", "all places of this share have been used"],
  too_large: ["too-large", "the document is larger than the receiver takes"],
  unsupported: ["version-mismatch", "the receiver does not know this kind of document"],
  bad_message: ["bad-message", "the other end could not understand a message"],
  tampered: ["tampered", "the other end got data that was altered on the way"],
  no_space: ["peer-aborted", "the receiver cannot store the document"],
  stalled: ["stalled", "the other end saw no progress for too long"],
  internal: ["peer-aborted", "the other end failed"],
};

/** What the other end itself has said, behind its proof: that it gives up, or what is not in the protocol. */
export class PeerError extends SpreadError {
  /** Of its ABORT; undefined for what is not in the protocol. */
  readonly reason: AbortReason | undefined;

  constructor(reason: AbortReason | undefined, ...error: ConstructorParameters<typeof SpreadError>) {
    super(...error);
    this.reason = reason;
  }
}

/** The reason that the other end is told for an error of ours. */
function abortReasonFor(code: ErrorCode): AbortReason {
  switch (code) {
    case "too-large":
      return "too_large";
    case "bad-message":
      return "bad_message";
    case "version-mismatch":
      return "unsupported";
    case "tampered":
    case "wrong-sender":
      return "tampered";
    case "disk-full":
    case "home-unwritable":
      return "no_space";
    case "busy":
    case "stalled":
    case "cancelled":
      return code;
    case "share-ended":
      return "stopped";
    default:
      return "internal";
  }
}

export class SealedStream {
  readonly link: Link;
  /** Of the share; it is in the keys. */
  readonly room: string;
  readonly #sealer: Sealer;
  readonly #opener: Opener;
  /** Until the other end has proved itself by a frame that opens: what it may still say in the clear. */
  #refusal: ((frame: Uint8Array) => SpreadError | undefined) | undefined;
  #proven = false;
  #farewell: Promise<void> | undefined;

  /** @param refusal reads a refusal in the clear, which may come instead of the first sealed frame; undefined if it is none. */
  constructor(
    link: Link,
    role: "receiver" | "sender",
    room: string,
    keys: DirectionKeys,
    refusal?: (frame: Uint8Array) => SpreadError | undefined,
  ) {
    this.link = link;
    this.room = room;
    this.#refusal = refusal;
    const [ours, theirs] =
      role === "receiver" ? [keys.fromReceiver, keys.fromSender] : [keys.fromSender, keys.fromReceiver];
    this.#sealer = new Sealer(ours);
    this.#opener = new Opener(theirs);
  }

  /** The other end has proved itself: a frame of its has opened. */
  get proven(): boolean {
    return this.#proven;
  }

  async say(message: SealedMessage): Promise<void> {
    const body = Buffer.from(JSON.stringify(message));
    await this.link.send(this.#sealer.seal(FRAME_TYPE.message, body, FINAL.has(message.type)));
  }

  /** @param end the document's last chunk; every other one has CHUNK_BYTES bytes. */
  async sendChunk(chunk: Uint8Array, end: boolean): Promise<void> {
    await this.link.send(this.#sealer.seal(end ? FRAME_TYPE.contentEnd : FRAME_TYPE.content, chunk));
  }

  /**
   * @throws PeerError for an ABORT, and for what opens and is not in the protocol; SpreadError `wrong-sender`, `tampered`, what
   *   a REFUSED says, or the link's.
   */
  async hear(): Promise<SealedFrame> {
    const frame = await this.link.receive();
    if (!frame) throw new SpreadError("link-lost", "the other end closed the connection before it was done");
    const refused = this.#refusal?.(frame);
    if (refused) throw refused;
    const { type, body, last } = this.#open(frame);
    const heard = parsed(type, body);
    if (last !== (heard.is === "message" && FINAL.has(heard.message.type))) {
      throw notInProtocol("the other end ended its stream at the wrong place");
    }
    if (heard.is === "message" && heard.message.type === "ABORT") {
      const { reason } = heard.message;
      throw new PeerError(reason, ...ABORTED_AS[reason]);
    }
    return heard;
  }

  /** The first frame that opens is the other end's proof. */
  #open(frame: Uint8Array): Opened {
    try {
      const opened = this.#opener.open(frame);
      this.#proven = true;
      return opened;
    } catch (cause) {
      if (this.#refusal === undefined) throw cause;
      throw new SpreadError("wrong-sender", "the sender could not prove that it knows the code", { cause });
    } finally {
      this.#refusal = undefined;
    }
  }

  /** @throws PeerError `bad-message` if the next thing is not that message; else as `hear`. */
  async hearMessage<T extends SealedMessage["type"]>(type: T): Promise<Extract<SealedMessage, { type: T }>> {
    const heard = await this.hear();
    if (heard.is !== "message" || heard.message.type !== type) {
      throw notInProtocol("the other end said something out of turn");
    }
    return heard.message as Extract<SealedMessage, { type: T }>;
  }

  /**
   * Tells the other end why we give up, if that can still be told. Never throws; the link is then to be closed.
   * @param reason where the error's code does not say it.
   */
  giveUp(error: SpreadError, reason = abortReasonFor(error.code)): Promise<void> {
    this.#farewell ??= this.#abort(error, reason);
    return this.#farewell;
  }

  async #abort(error: SpreadError, reason: AbortReason): Promise<void> {
    if (this.#sealer.ended) return;
    using _ = new Watchdog(this.link, GIVE_UP_MS, () => error);
    try {
      await this.say({ type: "ABORT", reason });
    } catch {
      // The link is gone: the other end notices that by itself.
    }
  }
}

function parsed(type: number, body: Uint8Array): SealedFrame {
  try {
    return parseSealed(type, body);
  } catch (cause) {
    throw notInProtocol(toSpreadError(cause).message, { cause });
  }
}

/** Of something that opened: the other end's fault, and nobody's on the way. */
export function notInProtocol(message: string, options?: ErrorOptions): PeerError {
  return new PeerError(undefined, "bad-message", message, options);
}
