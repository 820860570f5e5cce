/**
 * The hub: it has the ShareManager do what its clients ask, notifies sessions about their shares, and ends when it has
 * nothing left to do. Its messages are in ops.ts, its socket in socket.ts, the reasons in README.md.
 */
import { readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { snapshotText, takeOver } from "../content/snapshot.ts";
import { SpreadError, toSpreadError } from "../errors.ts";
import { replaceFile } from "../home/folders.ts";
import { CLOSE_MS } from "../limits.ts";
import type { Logger } from "../log.ts";
import { ShareManager } from "../service/manager.ts";
import type { ShareEvent } from "../service/service.ts";
import type { ShareView } from "../service/views.ts";
import { HistoryFile, loadHistory, recent } from "./history.ts";
import {
  type HubInfo,
  type HubMessage,
  type HubRequest,
  MAX_MESSAGE_BYTES,
  PROTOCOL,
  parseRequest,
  REQUEST_MS,
  RETIRED,
} from "./ops.ts";
import { claimSocket } from "./socket.ts";

/** How long an idle hub stays, in ms: long enough for the next hand-off of the same afternoon. */
const IDLE_MS = 10 * 60_000;
const MAX_CLIENTS = 256;
/** Requests that may run at once; and how many more may look or stop, so that a full hub can still be seen and emptied. */
const MAX_RUNNING = 256;
const MAX_RUNNING_BESIDES = 64;
/** Bytes that may wait for a client that does not read, before it is cut off. */
const MAX_UNREAD_BYTES = 8 * MAX_MESSAGE_BYTES;
/** RFC 6455, section 7.4.1. */
const POLICY_VIOLATION = 1008;

/** The path for operations, with the UUID of the session that asks. */
const OPS = /^\/ops\?session=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export interface HubOptions {
  readonly home: string;
  readonly version: string;
  readonly log: Logger;
  readonly idleMs?: number;
}

/** @returns the hub, which the caller closes; undefined if there is one already. @throws as `claimSocket`. */
export async function openHub(options: HubOptions): Promise<Hub | undefined> {
  const hub = new Hub(options);
  let opened = false;
  try {
    opened = await hub.open();
    return opened ? hub : undefined;
  } finally {
    if (!opened) await hub[Symbol.asyncDispose]();
  }
}

export class Hub implements AsyncDisposable {
  /** Settles when the hub has been idle for long enough, or was asked to retire: then it has to be closed. */
  readonly over: Promise<void>;
  #setOver: () => void = () => {};
  readonly #home: string;
  readonly #info: HubInfo;
  readonly #idleMs: number;
  readonly #log: Logger;
  readonly #manager: ShareManager;
  readonly #history: HistoryFile;
  readonly #http: Server;
  readonly #wss = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  readonly #clients = new Set<Client>();
  /** Running requests, each with what cancels it. */
  readonly #running = new Map<Promise<void>, AbortController>();
  #state: "opening" | "open" | "closing" = "opening";
  #past: readonly ShareView[] = [];
  #idle: NodeJS.Timeout | undefined;

  constructor({ home, version, log, idleMs = IDLE_MS }: HubOptions) {
    this.#home = home;
    this.#log = log;
    this.#idleMs = idleMs;
    this.#info = { protocol: PROTOCOL, version, pid: process.pid, since: new Date().toISOString() };
    this.#manager = new ShareManager(home, (share, event) => this.#changed(share, event), log);
    this.#history = new HistoryFile(home, log);
    this.over = new Promise((resolve) => {
      this.#setOver = resolve;
    });
    this.#http = createServer((request, response) => this.#request(request, response));
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async open(): Promise<boolean> {
    const address = await claimSocket(this.#http, this.#home);
    if (address === undefined) return false;
    this.#past = await loadHistory(this.#home);
    const { pid, version, since } = this.#info;
    await replaceFile(this.#notice, `${JSON.stringify({ pid, socket: address, version, started: since })}\n`).catch(
      () => this.#log.error("hub.json cannot be written"),
    );
    this.#state = "open";
    this.#rest();
    return true;
  }

  /** Cancels requests, stops shares and tells their visitors, and records what became of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const wasHub = this.#state !== "opening";
    this.#finish();
    for (const end of this.#running.values()) end.abort(new SpreadError("cancelled", "the hub was ended"));
    await Promise.all(this.#running.keys());
    await this.#manager[Symbol.asyncDispose]();
    if (wasHub) {
      this.#saveHistory();
      await this.#history.flushed();
      await this.#removeNotice();
    }
    for (const { ws } of this.#clients) ws.close(RETIRED);
    const closed = new Promise((resolve) => this.#http.close(resolve));
    const overdue = setTimeout(() => {
      for (const { ws } of this.#clients) ws.terminate();
      this.#http.closeAllConnections();
    }, CLOSE_MS);
    this.#http.closeIdleConnections();
    await closed;
    clearTimeout(overdue);
  }

  get #shares(): ShareView[] {
    return recent([...this.#past, ...this.#manager.shares]);
  }

  #living(): ShareView[] {
    return this.#manager.shares.filter(({ endedAt }) => endedAt === undefined);
  }

  #request({ method, url, headers }: IncomingMessage, response: ServerResponse): void {
    const refused = this.#refusal(headers.origin);
    const status = refused ?? (url !== "/status" ? 404 : method !== "GET" ? 405 : 200);
    response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    response.end(status === 200 ? JSON.stringify(this.#health()) : undefined);
  }

  #health() {
    const living = this.#living();
    const relays = new Set(living.flatMap(({ held }) => held?.relay ?? []));
    const counts = { clients: this.#clients.size, shares: living.length, running: this.#running.size };
    return { status: "ok", ...this.#info, ...counts, relays: [...relays] };
  }

  #refusal(origin: string | undefined): number | undefined {
    if (origin !== undefined) return 403; // a browser, which has no business here
    return this.#state === "open" ? undefined : 503;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [, session] = OPS.exec(request.url ?? "") ?? [];
    const full = this.#clients.size >= MAX_CLIENTS ? 429 : undefined;
    const status = this.#refusal(request.headers.origin) ?? (session === undefined ? 404 : full);
    if (status !== undefined || session === undefined) {
      socket.on("error", () => {});
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#wss.handleUpgrade(request, socket, head, (ws) => this.#welcome(new Client(ws, session)));
  }

  #welcome(client: Client): void {
    const { ws } = client;
    this.#clients.add(client);
    ws.on("message", (data: Buffer, binary) => this.#hear(client, binary ? undefined : data));
    ws.on("error", () => {}); // "close" follows
    ws.on("close", () => {
      this.#clients.delete(client);
      client.leave();
    });
    client.send({ welcome: this.#info });
  }

  #hear(client: Client, data: Buffer | undefined): void {
    if (this.#state !== "open") return; // RETIRED will tell the client that nothing was done
    const request = data && parseRequest(data);
    if (request === undefined || client.runs(request.id)) client.ws.close(POLICY_VIOLATION);
    else if (request.op === "cancel") client.cancel(request.request);
    else void this.#run(client, request);
  }

  /** Never throws: a failure is the answer. */
  async #run(client: Client, request: Exclude<HubRequest, { op: "cancel" }>): Promise<void> {
    const { id } = request;
    const end = new AbortController();
    const begins = request.op === "share" || request.op === "receive";
    if (this.#running.size >= MAX_RUNNING + (begins ? 0 : MAX_RUNNING_BESIDES)) {
      client.fail(id, new SpreadError("hub-busy", "the hub does all that it can at once"));
      return;
    }
    clearTimeout(this.#idle);
    client.begin(id, end);
    const overdue = setTimeout(
      () => end.abort(new SpreadError("timed-out", "the hub was not done in time")),
      REQUEST_MS,
    );
    if (request.op === "receive") clearTimeout(overdue);
    // One turn later, when it is in #running.
    const done = Promise.resolve()
      .then(() => this.#answer(client, request, end.signal))
      .then(
        (ok) => client.send({ id, ok }),
        (thrown: unknown) => client.fail(id, toSpreadError(thrown)),
      );
    this.#running.set(done, end);
    await done;
    clearTimeout(overdue);
    this.#running.delete(done);
    client.done(id);
    this.#rest();
  }

  async #answer(
    client: Client,
    request: Exclude<HubRequest, { op: "cancel" }>,
    signal: AbortSignal,
  ): Promise<NonNullable<unknown>> {
    switch (request.op) {
      case "share": {
        const { order, content } = request;
        const frozen = "text" in content ? await snapshotText(content.text) : await takeOver(content, this.#home);
        const share = await this.#manager.open(order, frozen, client.session, signal);
        this.#saveHistory();
        await this.#history.flushed(); // once announced, it can be asked about, even if this process dies
        return share;
      }
      case "receive":
        return this.#manager.receive(
          request.order,
          client.session,
          (step) => client.send({ id: request.id, step }),
          signal,
        );
      case "holdings":
        return { shares: this.#shares, receptions: this.#manager.receptions };
      case "stop":
        return request.share === undefined ? this.#manager.stopAll(client.session) : [await this.#stop(request.share)];
      case "retire": {
        const retired = this.#living().length === 0 && this.#running.size === 1; // this one
        if (retired) this.#finish();
        return { retired };
      }
      default:
        return request satisfies never;
    }
  }

  async #stop(id: string): Promise<ShareView> {
    return this.#past.find((share) => share.id === id) ?? this.#manager.stop(id);
  }

  #changed(share: ShareView, event: ShareEvent["event"] | undefined): void {
    this.#saveHistory();
    if (event) for (const client of this.#clients) if (client.session === share.session) client.send({ event, share });
    this.#rest();
  }

  #saveHistory(): void {
    this.#history.save(this.#shares);
  }

  /** Starts the idle time if there is nothing to do, and stops it otherwise. */
  #rest(): void {
    clearTimeout(this.#idle);
    if (this.#state !== "open" || this.#running.size > 0 || this.#living().length > 0) return;
    this.#idle = setTimeout(() => this.#finish(), this.#idleMs);
  }

  /** No request is begun from here on. */
  #finish(): void {
    this.#state = "closing";
    clearTimeout(this.#idle);
    this.#setOver();
  }

  get #notice(): string {
    return join(this.#home, "hub.json");
  }

  async #removeNotice(): Promise<void> {
    const text = await readFile(this.#notice, "utf8").catch(() => "");
    if (text.includes(`"pid":${process.pid},`)) await rm(this.#notice, { force: true }).catch(() => {});
  }
}

/** One connection of a session. */
class Client {
  readonly ws: WebSocket;
  readonly session: string;
  readonly #requests = new Map<number, AbortController>();

  constructor(ws: WebSocket, session: string) {
    this.ws = ws;
    this.session = session;
  }

  send(message: HubMessage): void {
    if (this.ws.readyState !== WebSocket.OPEN) return;
    if (this.ws.bufferedAmount > MAX_UNREAD_BYTES) this.ws.terminate();
    else this.ws.send(JSON.stringify(message));
  }

  /** The error's cause is not sent: it can quote a peer. */
  fail(id: number, { code, message }: SpreadError): void {
    this.send({ id, error: { code, message } });
  }

  runs(id: number): boolean {
    return this.#requests.has(id);
  }

  begin(id: number, end: AbortController): void {
    this.#requests.set(id, end);
  }

  done(id: number): void {
    this.#requests.delete(id);
  }

  cancel(id: number): void {
    this.#requests.get(id)?.abort(new SpreadError("cancelled", "the call was cancelled"));
  }

  leave(): void {
    for (const end of this.#requests.values()) end.abort(new SpreadError("cancelled", "the one who asked has gone"));
  }
}
