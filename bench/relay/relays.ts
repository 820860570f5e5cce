/** The relay and the bare forwarder beside it, each in a process of its own, and how the two take turns. */
import { Process } from "./process.ts";

export const RELAY = "../../../relay/dist/index.js";

const SCRIPTS = {
  ours: [
    RELAY,
    "--host=127.0.0.1",
    "--port=0",
    "--rate-limit-max=1000000",
    "--max-rooms=1000000",
    "--max-connections-per-address=100000",
  ],
  bare: ["./bare.js"],
} as const;
export type Which = keyof typeof SCRIPTS;
export const BOTH = ["bare", "ours"] as const satisfies readonly Which[];

/** How long a relay gets to come to rest before its memory is read. */
export const REST_MS = 1500;

export function start(which: Which): Promise<Process> {
  const [script, ...flags] = SCRIPTS[which];
  return Process.start(script, ...flags);
}

export async function each<T>(work: (which: Which) => Promise<T>): Promise<Record<Which, T>> {
  return { bare: await work("bare"), ours: await work("ours") };
}
