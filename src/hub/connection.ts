/**
 * One connection of a client to a hub: requests and their answers, steps, events. Which hub that is, and what to do where
 * there is none, is the client's to know.
 */
import { connect } from "node:net";
import { WebSocket } from "ws";
import { SpreadError, systemCode } from "../errors.ts";
import type { ShareEvent } from "../service/service.ts";
import type { StepView } from "../service/views.ts";
import {
  type HubInfo,
  HubMessage,
  HubRequest,
  MAX_MESSAGE_BYTES,
  OP_RESULTS,
  type Op,
  type OpArguments,
  type OpResult,
  REQUEST_MS,
  RETIRED,
} from "./ops.ts";

/** How long a hub may take to say welcome, in ms. One that hangs is not replaced: its shares may live. */
const WELCOME_MS = 5_000;
/** What a hub may take longer than its own limit to answer, in ms. */
const GRACE_MS = 5_000;
/** How long it may take to say what it holds, in ms: it only looks, so a longer silence is that of a machine that sleeps. */
const LOOK_MS = 10_000;
/** What a hub answers to an upgrade: that it ends, and that it has too many clients. */
const ENDING = 503;
const FULL = 429;

/** The hub ended before it did what was asked: another one may. */
export class HubRetired extends Error {}

export interface AskOptions {
  readonly step?: (step: StepView) => void;
  /** Cancels it. */
  readonly signal?: AbortSignal;
}

interface Waiting {
  answered(ok: unknown): void;
  failed(error: Error): void;
  step(step: StepView): void;
}

export class HubConnection {
  readonly hub: HubInfo;
  readonly #ws: WebSocket;
  readonly #waiting: Map<number, Waiting>;
  #id = 0;

  private constructor(ws: WebSocket, hub: HubInfo, waiting: Map<number, Waiting>) {
    this.#ws = ws;
    this.hub = hub;
    this.#waiting = waiting;
  }

  /**
   * @param address what `findSocket` found.
   * @returns undefined where nobody listens any more.
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
    const waiting = new Map<number, Waiting>();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(unreachable("the hub does not answer"));
        ws.terminate();
      }, WELCOME_MS);
      ws.on("message", (data: Buffer) => {
        const said = parse(data);
        if (said === undefined) {
          reject(unreachable("the hub cannot be understood"));
          ws.terminate();
        } else if ("welcome" in said) {
          clearTimeout(timer);
          resolve(new HubConnection(ws, said.welcome, waiting));
        } else if ("event" in said) onEvent(said);
        else if ("step" in said) waiting.get(said.id)?.step(said.step);
        else if ("ok" in said) waiting.get(said.id)?.answered(said.ok);
        else waiting.get(said.id)?.failed(new SpreadError(said.error.code, said.error.message));
      });
      ws.once("unexpected-response", (request, { statusCode }) => {
        request.destroy();
        reject(refusal(statusCode));
      });
      ws.on("error", (cause) => {
        const code = systemCode(cause);
        if (code === "ECONNREFUSED" || code === "ENOENT") resolve(undefined);
        else if (code === "ECONNRESET" || code === "EPIPE")
          reject(new HubRetired()); // ends at this very moment
        else reject(unreachable("the hub cannot be spoken to", cause));
      });
      ws.once("close", (code) => {
        clearTimeout(timer);
        reject(new HubRetired()); // before its welcome nothing was asked of it
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
    // The hub would close the connection, and with it end whatever else this session receives.
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
            cancel(); // a hub that slept would do it when it wakes, and nobody would know the code of its share
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

function refusal(status: number | undefined): Error {
  if (status === ENDING) return new HubRetired();
  if (status === FULL) return new SpreadError("hub-busy", "the hub has too many clients");
  return unreachable(`the hub does not let its client in (HTTP ${status})`);
}

export function unreachable(what: string, cause?: unknown): SpreadError {
  return new SpreadError("hub-unreachable", what, { cause });
}

function parse(data: Buffer): HubMessage | undefined {
  try {
    return HubMessage.safeParse(JSON.parse(data.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
