/**
 * The log: an event a line, JSON on stdout, in a folder, or both. What is not named here is not written: no code, no
 * content, and an address or a room's id only for an operator who asked for it, and cut short.
 */
import { pino, stdTimeFunctions } from "pino";
import { networkOf } from "../limits/networks.ts";
import type { Emit, RelayEvent } from "./events.ts";
import type { LogFolder } from "./log-folder.ts";
import { openSink } from "./sink.ts";

/** How long the last lines may take to be taken, in ms. */
const FLUSH_MS = 500;

const STDOUT = 1;

const ROOM_CHARS_SHOWN = 2;

interface LogOptions {
  /** Addresses by their networks, and rooms by the beginnings of their ids. */
  readonly detail: boolean;
  /** Whether lines go to stdout. */
  readonly stdout: boolean;
  /** Closed with the log. */
  readonly folder: LogFolder | undefined;
}

export interface Log {
  readonly onEvent: Emit;
  /** The last lines get FLUSH_MS to be taken. */
  close(): Promise<void>;
}

export function openLog({ detail, stdout, folder }: LogOptions): Log {
  const sinks = [...(stdout ? [openSink(STDOUT)] : []), ...(folder ? [folder] : [])];
  const line = pino(
    { base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    {
      write: (text: string) => {
        for (const sink of sinks) sink.write(text);
      },
    },
  );
  return {
    onEvent: (event) => {
      const fields = fieldsOf(event, detail);
      if (!fields) return;
      line.info({ event: event.event, ...fields });
      folder?.count("why" in event ? `${event.event} ${event.why}` : event.event);
    },
    close: async () => {
      await Promise.all(sinks.map((sink) => sink.close(FLUSH_MS)));
    },
  };
}

/** Undefined for what has no line: a connection's end is either a room's or pair's, or a refusal. */
export function fieldsOf(event: RelayEvent, detail: boolean): Record<string, unknown> | undefined {
  switch (event.event) {
    case "listening":
      return { metrics: event.metrics, url: event.url };
    case "cut":
    case "pair-ended":
    case "tunnel-ended":
    case "client-ended":
      return { why: event.why };
    case "turned-away":
    case "refused":
      return { why: event.why, ...(detail && { from: networkOf(event.address) }) };
    case "room-ended":
    case "room-kept":
      return { why: event.why, ...(detail && { room: beginningOf(event.room) }) };
    case "room-reclaimed":
      return { ...(detail && { room: beginningOf(event.room) }) };
    case "draining":
    case "caller-unnamed":
    case "certificate-read":
      return {};
    case "stopped":
      return { rooms_ended: Object.fromEntries(event.ended) };
    case "closed":
      return undefined;
    default:
      return event satisfies never;
  }
}

function beginningOf(room: string): string {
  return `${room.slice(0, ROOM_CHARS_SHOWN)}…`;
}
