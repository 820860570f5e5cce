/**
 * One connection of a client to a hub: requests and their answers, steps and events. Which hub it is, and what to do if
 * there is none, is decided in client.ts.
 */
import { connect } from "node:net";
import { WebSocket } from "ws";
import { SpreadError, systemCode } from "../errors.ts";
import type { ShareEvent } from "../service/service.ts";
import type { StepView } from "../service/views.ts";
import {
  type HubInfo,
  type HubMessage,
  HubRequest,
  MAX_MESSAGE_BYTES,
  OP_RESULTS,
  type Op,
  type OpArguments,
  type OpResult,
  parseHubMessage,
  REQUEST_MS,
  RETIRED,
} from "./ops.ts";

/** How long a hub may take to say welcome, in ms. One that hangs is not replaced: its shares may still be alive. */
const WELCOME_MS = 5_000;
/** How much longer than its own time limit a hub may take to answer, in ms. */
const GRACE_MS = 5_000;
/** How long a hub may take to list what it holds, in ms: that needs no waiting, so a longer silence means a sleeping machine. */
const LOOK_MS = 10_000;
/** HTTP statuses of a hub that is ending, and of one that has too many clients. */
const ENDING = 503;
const FULL = 429;

/** The hub ended before it did what was asked; another hub may do it. */
export class HubRetired extends Error {}

export interface AskOptions {
  readonly step?: (step: StepView) => void;
  /** Cancels it. */
  readonly signal?: AbortSignal;
}

interface PendingCall {
  answered(ok: unknown): void;
  failed(error: Error): void;
  step(step: StepView): void;
}

export class HubConnection {
  readonly hub: HubInfo;
  readonly #ws: WebSocket;
  readonly #waiting: Map<number, PendingCall>;
  #id = 0;

  private constructor(ws: WebSocket, hub: HubInfo, waiting: Map<number, PendingCall>) {
    this.#ws = ws;
    this.hub = hub;
    this.#waiting = waiting;
  }

  /**
   * @param address what `findSocket` found.
   * @returns undefined if nobody is listening there any more.
   * @throws HubRetired, SpreadError `hub-unreachable`.
   */
  static open(
    address: string,
    session: string,
    onEvent: (event: ShareEvent) => void,
  ): Promise<HubConnection | undefined> {
    const ws = new WebSocket(`ws://hub/ops?session=${session}`, {
      createConnection: () => connect(address),
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
    });
    const waiting = new Map<number, PendingCall>();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(unreachable("the hub does not answer"));
        ws.terminate();
      }, WELCOME_MS);
      ws.on("message", (data: Buffer) => {
        const message = parseHubMessage(data);
        if (message === undefined) {
          reject(unreachable("the hub cannot be understood"));
          ws.terminate();
        } else if ("welcome" in message) {
          clearTimeout(timer);
          resolve(new HubConnection(ws, message.welcome, waiting));
        } else if ("event" in message) onEvent(message);
        else passOn(message, waiting.get(message.id));
      });
      ws.once("unexpected-response", (request, { statusCode }) => {
        request.destroy();
        reject(refusal(statusCode));
      });
      ws.on("error", (cause) => {
        const failure = connectFailure(cause);
        if (failure === undefined) resolve(undefined);
        else reject(failure);
      });
      ws.once("close", (code) => {
        clearTimeout(timer);
        reject(new HubRetired()); // it was not asked anything before its welcome
        const reason = code === RETIRED ? new HubRetired() : unreachable("the hub was lost before it had answered");
        for (const { failed } of [...waiting.values()]) failed(reason);
      });
    });
  }

  get open(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  /** @throws HubRetired, SpreadError: `invalid-input`, the hub's, `hub-unreachable`, or `cancelled`. */
  async ask<O extends Op>(
    op: O,
    ask: OpArguments<O>,
    { step = () => {}, signal }: AskOptions = {},
  ): Promise<OpResult<O>> {
    this.#id += 1;
    const id = this.#id;
    // The hub would close the connection, which would end everything else that this session is receiving.
    if (!HubRequest.safeParse({ id, op, ...ask }).success) {
      throw new SpreadError("invalid-input", "an argument is longer than any that is of use");
    }
    const limitMs = op === "holdings" ? LOOK_MS : REQUEST_MS + GRACE_MS;
    const cancel = () => this.#ws.send(JSON.stringify({ id: ++this.#id, op: "cancel", request: id }));
    let timer: NodeJS.Timeout | undefined;
    try {
      const ok = await new Promise<unknown>((answered, failed) => {
        if (!this.open) throw new HubRetired();
        this.#waiting.set(id, { answered, failed, step });
        this.#ws.send(JSON.stringify({ id, op, ...ask }));
        signal?.addEventListener("abort", cancel, { once: true });
        if (signal?.aborted) cancel();
        if (op !== "receive") {
          timer = setTimeout(() => {
            cancel(); // or a sleeping hub would do it on waking, and nobody would know its share's code
            failed(unreachable("the hub did not answer in time"));
          }, limitMs);
        }
      });
      const answer = OP_RESULTS[op].safeParse(ok);
      if (!answer.success) throw unreachable("the hub said something else than an answer");
      return answer.data as OpResult<O>;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      this.#waiting.delete(id);
    }
  }

  close(): void {
    this.#ws.terminate();
  }
}

/** Hands a step or an answer to the request it belongs to, if that still waits. */
function passOn(message: Extract<HubMessage, { id: number }>, waiting: PendingCall | undefined): void {
  if ("step" in message) waiting?.step(message.step);
  else if ("ok" in message) waiting?.answered(message.ok);
  else waiting?.failed(new SpreadError(message.error.code, message.error.message));
}

/** @returns undefined if nobody is listening there any more. */
function connectFailure(cause: unknown): Error | undefined {
  switch (systemCode(cause)) {
    case "ECONNREFUSED":
    case "ENOENT":
      return undefined;
    case "ECONNRESET":
    case "EPIPE":
      return new HubRetired(); // it is ending at this very moment
    default:
      return unreachable("the hub cannot be spoken to", cause);
  }
}

function refusal(status: number | undefined): Error {
  if (status === ENDING) return new HubRetired();
  if (status === FULL) return new SpreadError("hub-busy", "the hub has too many clients");
  return unreachable(`the hub does not let its client in (HTTP ${status})`);
}

export function unreachable(what: string, cause?: unknown): SpreadError {
  return new SpreadError("hub-unreachable", what, { cause });
}
