/**
 * One connection to a relay: opened, asked one question, and then a pipe of frames with backpressure. Here is all that is
 * known of the relay's wire (relay/README.md) and of WebSocket; rooms and visits are in relay.ts and relay-room.ts.
 */

import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import WebSocket from "ws";
import * as z from "zod";
import { abortReason } from "../abort.ts";
import { isLoopback } from "../address.ts";
import { type ErrorCode, SpreadError, systemCode } from "../errors.ts";
import { CLOSE_MS, HANDSHAKE_MS, KEEP_ALIVE_MS } from "../limits.ts";
import { describeCertificateError } from "./certificate-error.ts";
import { bindSignal } from "./link.ts";
import { namedProxy } from "./named-proxy.ts";

/** Control messages are short; a longer text frame is a peer's, and is not even parsed. */
const MAX_CONTROL_BYTES = 1024;

/**
 * The largest message taken from a relay, in bytes: as much as relays forward by default. It is more than a link carries,
 * because a larger one ends the whole connection, and a visitor could so end a share; this way it ends a link. A relay that
 * forwards more than this gives its visitors that power.
 */
const MAX_RELAY_MESSAGE_BYTES = 10 * 1024 * 1024;

/**
 * Frames that may wait to be sent. A transfer has a few at once; but a relay that lets visitors come and go, and reads none
 * of our answers, would pile them up without limit.
 */
const MAX_UNSENT_FRAMES = 1024;

/** A reclaim token is the relay's to make, and ours to keep: ours have 73 characters. */
const MAX_TOKEN_CHARS = 512;

/** RFC 6455, section 7.4.1. */
const CLEAN_CLOSE = 1000;

/** The relay's own close codes that mean something to the user. Any other is treated as a lost connection. */
const CLOSED_AS = new Map<number, [ErrorCode, string]>([
  [4001, ["link-lost", "the other end left before it was done"]],
  [4002, ["expired", "the relay's time for the room is over"]],
  [4007, ["stalled", "the other end took nothing for too long"]],
  [4008, ["link-lost", "the relay lost the other end"]],
  [4010, ["link-lost", "the relay was stopped"]],
  [4011, ["relay-refused", "the document is larger than the relay lets through one room"]],
  [4012, ["relay-full", "the relay was full, and has given the room's place to another network"]],
]);

/** A relay's name for the network that a visitor comes from. Anything else is treated as no name. */
const Tag = z.string().regex(/^[0-9a-f]{16}$/);

/** Room ids as a relay may give them; anything else is refused, and shown to nobody. */
const RoomId = z.string().regex(/^[a-z0-9]{6}$/);

const Control = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("ROOM_CREATED"),
    room_id: RoomId,
    expires_in: z.number().positive().optional(),
    features: z.array(z.string()).optional(),
    reclaim_token: z.string().max(MAX_TOKEN_CHARS).optional(),
  }),
  z.object({ type: z.literal("ROOM_JOINED"), room_id: RoomId }),
  z.object({
    type: z.literal("PEER_JOINED"),
    peer_id: z.string(),
    tag: Tag.optional().catch(undefined),
    waiting: z.number().optional().catch(undefined),
  }),
  z.object({ type: z.literal("PEER_DISCONNECTED"), peer_id: z.string() }),
  z.object({ type: z.literal("ERROR"), reason: z.string() }),
]);
export type Control = z.infer<typeof Control>;

/** A relay, its token, and the way to it. */
export interface RelayAccess {
  readonly url: URL;
  /** The token of a private relay. It is sent to this relay only, in a header. */
  readonly token?: string | undefined;
  /** The proxy on the way to it, as an environment names it; "" for none. Default: what this process's environment names. */
  readonly proxy?: string | undefined;
  /** A PEM file with certificate authorities that are trusted in addition to the usual ones. */
  readonly authorities?: string | undefined;
}

/** Receives what comes over a connection. */
export interface ConnectionSink {
  onFrame(bytes: Uint8Array, text: boolean): void;
  /** The connection has ended. @param reason undefined after a clean close by the relay. */
  onGone(reason: SpreadError | undefined): void;
}

/** One WebSocket to a relay: a question and its answer, then frames. */
export class Connection {
  readonly #ws: WebSocket;
  #sink: ConnectionSink | undefined;
  #localAddress: string | undefined;
  #alive = true;
  #demand: NodeJS.Timeout | undefined;
  #unsent = 0;

  private constructor(ws: WebSocket, signal: AbortSignal) {
    this.#ws = ws;
    ws.on("message", (data: Buffer, binary) => {
      this.#alive = true;
      this.#sink?.onFrame(data, !binary);
    });
    ws.on("pong", () => {
      this.#alive = true;
    });
    ws.on("close", (code) => {
      clearTimeout(this.#demand);
      if (signal.aborted) this.#sink?.onGone(abortReason(signal));
      else if (code === CLEAN_CLOSE) this.#sink?.onGone(undefined);
      else {
        const why = CLOSED_AS.get(code) ?? ["link-lost", "the connection to the relay was lost"];
        this.#sink?.onGone(new SpreadError(...why));
      }
    });
    ws.once("upgrade", ({ socket }) => {
      this.#localAddress = socket.localAddress;
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
    });
    // The close event that follows says all there is to say.
    ws.on("error", () => {});
  }

  static async open(access: RelayAccess, signal: AbortSignal): Promise<Connection> {
    const { url, token } = access;
    const ca = await trusted(access);
    const tunnel = await tunnelTo(access, ca, signal);
    if (signal.aborted) {
      tunnel?.destroy();
      throw abortReason(signal);
    }
    const ws = new WebSocket(url, {
      ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
      ...(tunnel && { createConnection: () => tunnel }),
      ...(ca && { ca }),
      perMessageDeflate: false, // sealed bytes do not shrink
      maxPayload: MAX_RELAY_MESSAGE_BYTES,
    });
    const connection = new Connection(ws, signal);
    const bound = bindSignal({ abort: () => ws.terminate() }, signal);
    ws.once("close", () => bound[Symbol.dispose]());
    // Not ws's own handshakeTimeout: it counts from the last byte, and twice over while TLS is being waited for.
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => {
        reject(mute());
        ws.terminate();
      }, HANDSHAKE_MS);
      ws.once("open", resolve);
      ws.once("unexpected-response", (_request, { statusCode = 0 }) => {
        reject(upgradeRefusal(statusCode));
        ws.terminate();
      });
      ws.once("error", (cause) => {
        const reason = signal.aborted ? abortReason(signal) : undefined;
        reject(reason && reason.code !== "timed-out" ? reason : unreachable(cause));
      });
    }).finally(() => clearTimeout(timer));
    return connection;
  }

  /**
   * Asks the one question of this connection. The sink that `accept` returns for the answer gets all later frames, including
   * those in the same packet; undefined refuses the answer.
   * @throws SpreadError, and the connection is closed.
   */
  async ask<T>(
    question: object,
    accept: (answer: Control) => { value: T; sink: ConnectionSink } | undefined,
  ): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        timer = setTimeout(() => reject(mute()), HANDSHAKE_MS);
        this.#sink = {
          onFrame: (bytes, text) => {
            this.#sink = undefined;
            const answer = text ? parseControl(bytes) : undefined;
            const accepted = answer && accept(answer);
            if (accepted) {
              this.#sink = accepted.sink;
              resolve(accepted.value);
            } else if (answer?.type === "ERROR") reject(refusal(answer.reason));
            else reject(new SpreadError("relay-refused", "what answered does not speak the relay's protocol"));
          },
          onGone: (reason) => reject(reason && reason.code !== "link-lost" ? reason : mute()),
        };
        this.sendControl(question);
      });
    } catch (error) {
      this.#ws.terminate();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  sendControl(message: object): void {
    this.send(JSON.stringify(message), () => {});
  }

  /** @param sent called once: when the frame has left us, or with an error when it never will. */
  send(frame: Uint8Array | string, sent: (error?: Error) => void): void {
    if (this.#unsent >= MAX_UNSENT_FRAMES) this.#ws.terminate();
    this.#unsent += 1;
    this.#ws.send(frame, (error) => {
      this.#unsent -= 1;
      sent(error);
    });
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** The address of this end: one that this machine has, or had. */
  get localAddress(): string | undefined {
    return this.#localAddress;
  }

  /** Pings, and cuts the connection if there is no sign of life within `ms`. Does nothing while a ping is pending. */
  demandLife(ms: number): void {
    if (this.#demand) return;
    this.#alive = false;
    this.#ws.ping(() => {});
    this.#demand = setTimeout(() => {
      this.#demand = undefined;
      if (!this.#alive) this.#ws.terminate();
    }, ms);
  }

  async close(): Promise<void> {
    const ws = this.#ws;
    if (ws.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((closed) => {
      const timer = setTimeout(() => ws.terminate(), CLOSE_MS);
      ws.once("close", () => {
        clearTimeout(timer);
        closed();
      });
      ws.resume();
      ws.close(CLEAN_CLOSE);
    });
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

/**
 * A tunnel through the proxy, if one is named; only then is proxy.ts loaded. A relay on this machine is never reached by a
 * proxy, for which its address would mean the proxy's own machine.
 */
async function tunnelTo(
  { url, proxy = namedProxy(url) }: RelayAccess,
  ca: string[] | undefined,
  signal: AbortSignal,
): Promise<Socket | undefined> {
  if (proxy === "" || isLoopback(url)) return undefined;
  const { openTunnel } = await import("./proxy.ts");
  return openTunnel(url, proxy, ca, signal);
}

/** The certificate authorities to trust; undefined for those of Node. */
async function trusted({ authorities }: RelayAccess): Promise<string[] | undefined> {
  if (authorities === undefined) return undefined;
  // As Node does with NODE_EXTRA_CA_CERTS: a file that cannot be read adds nobody.
  const more = await readFile(authorities, "utf8").catch(() => undefined);
  if (more === undefined) return undefined;
  const { rootCertificates } = await import("node:tls");
  return [...rootCertificates, more];
}

function upgradeRefusal(status: number): SpreadError {
  switch (status) {
    case 401:
      return new SpreadError("relay-private", "the relay wants a token that it knows");
    case 429:
      return new SpreadError("rate-limited", "the relay got too many requests from this address");
    case 503:
      return new SpreadError("relay-full", "the relay takes no more connections");
    default:
      return new SpreadError("relay-refused", `what answered is not a relay, or does not let us in (HTTP ${status})`);
  }
}

function mute(): SpreadError {
  return new SpreadError("relay-unreachable", "the relay gave no answer");
}

function unreachable(cause: unknown): SpreadError {
  const wrong = describeCertificateError(cause);
  if (wrong) return new SpreadError("relay-untrusted", `the relay's certificate ${wrong}`, { cause });
  const why = systemCode(cause);
  return new SpreadError("relay-unreachable", `the relay cannot be reached${why ? ` (${why})` : ""}`, { cause });
}

/** A text frame as a control message; undefined for everything else, which is a peer's. */
export function parseControl(bytes: Uint8Array): Control | undefined {
  if (bytes.length > MAX_CONTROL_BYTES) return undefined;
  try {
    return Control.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  } catch {
    return undefined; // not JSON: a peer's frame, whose business it is elsewhere
  }
}

/** What a relay's `reason` means to the user. */
export function refusal(reason: string): SpreadError {
  switch (reason) {
    case "room_not_found":
      return new SpreadError("room-not-found", "the relay has no such room");
    case "sender_disconnected":
      return new SpreadError("share-ended", "the sender has left the relay");
    case "too_many_rooms":
    case "queue_full":
      return new SpreadError("relay-full", "the relay is full");
    case "too_many_attempts":
      return new SpreadError("too-many-attempts", "the relay lets nobody of this network try this share any more");
    case "rate_limited":
      return new SpreadError("rate-limited", "the relay got too many requests from this address");
    default:
      return new SpreadError("relay-refused", "the relay refused the request");
  }
}
