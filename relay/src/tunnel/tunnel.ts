/**
 * One tunnel: the connection of the agent that hosts, and a stream in it for each client that comes. A client's upgrade
 * request goes through its stream as well, to the local server behind the agent; once that has said 101, the relay reads
 * nothing any more.
 *
 *     client -- socket -- [ bridge ] -- stream --\
 *                                                 session == WebSocket of the agent == agent -- local server
 *     client -- socket -- [ bridge ] -- stream --/
 */
import type { Socket } from "node:net";
import { createWebSocketStream, type WebSocket } from "ws";
import type { Settings } from "../config/settings.ts";
import type { ClientEnd, Refusal, TunnelEnd } from "../doors.ts";
import { CLOSE_CODE } from "../wire.ts";
import { YamuxSession } from "../yamux/session.ts";
import { StreamError, type YamuxStream } from "../yamux/stream.ts";
import { bridge } from "./bridge.ts";

/** A client that was admitted, with what it said so far. */
export interface Visitor {
  readonly socket: Socket;
  /** The request as the local server is to see it. */
  readonly request: Buffer;
  /** What came after it. */
  readonly head: Buffer;
  readonly refuse: (why: Refusal) => void;
}

/** Enough of an answer to know its status: `HTTP/1.1 101`. */
const STATUS_BYTES = 12;
const SWITCHING = /^HTTP\/1\.[01] 101$/;

export class Tunnel {
  /** Settles once nothing is left of the agent's connection, and never rejects. */
  readonly closed: Promise<TunnelEnd>;
  readonly #ws: WebSocket;
  readonly #session: YamuxSession;
  readonly #settings: Settings;
  #restarting = false;

  constructor(ws: WebSocket, settings: Settings) {
    this.#ws = ws;
    this.#settings = settings;
    this.#session = new YamuxSession(createWebSocketStream(ws), "server", {
      maxStreams: settings.maxStreamsPerTunnel,
      pingMs: settings.pingMs,
    });
    this.closed = this.#session.closed.then((why) => (this.#restarting ? "restart" : why));
  }

  get hasRoom(): boolean {
    return this.#session.streams < this.#settings.maxStreamsPerTunnel;
  }

  /** Serves a client until it is gone. */
  async serve({ socket, request, head, refuse }: Visitor): Promise<ClientEnd> {
    const stream = this.#open();
    if (typeof stream === "string") {
      refuse(stream);
      return stream;
    }
    stream.write(request);
    const answer = await firstBytes(stream, socket, this.#settings.upgradeMs);
    if (typeof answer === "string") {
      stream.destroy();
      if (answer === "client-lost") return answer;
      refuse(answer);
      return answer;
    }
    const { stalledMs, lingerMs, flushMs } = this.#settings;
    if (head.length > 0) socket.unshift(head);
    socket.write(answer);
    // A server that stays with HTTP would take what the client says next for requests that we had let through.
    const answerOnly = !SWITCHING.test(answer.toString("latin1", 0, STATUS_BYTES));
    const halfOpenMs = answerOnly ? lingerMs : flushMs;
    const end = await bridge(socket, stream, { stalledMs, halfOpenMs, answerOnly });
    if (end === "socket-lost") return "client-lost";
    if (end === "stream-lost") return this.#whoLost(stream);
    return answerOnly && end === "done" ? "turned-down" : end;
  }

  /** Ends all streams and the agent's connection, with the reason in its close. */
  end(): void {
    this.#restarting = true;
    void this.#session.close();
    this.#ws.close(CLOSE_CODE.restart, "restart");
  }

  #whoLost({ errored }: YamuxStream): ClientEnd {
    if (!(errored instanceof StreamError && errored.code === "session-gone")) return "server-lost";
    return this.#restarting ? "restart" : "agent-lost";
  }

  #open(): YamuxStream | "too-many-streams" | "no-agent" {
    try {
      return this.#session.open();
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      return error.code === "too-many-streams" || error.code === "backlog-full" ? "too-many-streams" : "no-agent";
    }
  }
}

/** The beginning of what the local server answers, with the stream paused after it; or why there is none. */
function firstBytes(
  stream: YamuxStream,
  socket: Socket,
  ms: number,
): Promise<Buffer | "no-answer" | "late-answer" | "client-lost"> {
  return new Promise((resolve) => {
    const heard: Buffer[] = [];
    const settle = (answer: Buffer | "no-answer" | "late-answer" | "client-lost") => {
      clearTimeout(timer);
      stream.off("data", onData).off("end", onGone).off("close", onGone);
      socket.off("close", onLeft);
      resolve(answer);
    };
    const onData = (piece: Buffer) => {
      heard.push(piece);
      const answer = Buffer.concat(heard);
      if (answer.length < STATUS_BYTES) return;
      stream.pause();
      settle(answer);
    };
    const onGone = () => settle("no-answer");
    const onLeft = () => settle("client-lost");
    const timer = setTimeout(() => settle("late-answer"), ms);
    stream.on("data", onData).once("end", onGone).once("close", onGone);
    socket.once("close", onLeft);
  });
}
