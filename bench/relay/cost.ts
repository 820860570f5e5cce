/**
 * What limits and metrics cost: the relay with all of them beside the same relay with as little of them as can be set,
 * and, as a control, that one beside another of its own settings. The question is one of a few percent, and by so much two
 * processes of the same settings differ: all three take turns in many short rounds, in several generations of processes,
 * and what counts is the middle of the rounds' own ratios. By as much as the control is away from 1, the other is in doubt.
 */

import { forwardFor } from "./forward.ts";
import { RoomPair } from "./pair.ts";
import { Process } from "./process.ts";
import { makeRooms } from "./rooms.ts";
import { geometricMean, KIB, median, quantile, row, size } from "./table.ts";

/** Where it listens for Prometheus, so that it is not taken for the relay itself. */
const METRICS_ADDRESS = "127.0.0.2";

/** Limits at their defaults where those let a bench of one address through, and otherwise at what nobody reaches. */
const ON = {
  metricsPort: 0,
  metricsHost: METRICS_ADDRESS,
  maxRoomBytes: 1e12,
  maxRooms: 10_000,
  maxConnectionsPerAddress: 10_000,
  rateLimitMax: 1_000_000,
};
const HOUR_MS = 3_600_000;
const GIB = KIB ** 3;
const OFF = {
  maxRooms: 1_000_000,
  maxConnectionsPerAddress: 1_000_000,
  rateLimitMax: 1e9,
  rateLimitWindowMs: 24 * HOUR_MS,
  maxFailedJoins: 1e9,
  maxWaiting: 100_000,
  maxWaitingPerAddress: 100_000,
  maxMessageBytes: GIB,
  highWaterBytes: GIB,
  roomTtlMs: 7 * 24 * HOUR_MS,
  firstMessageMs: HOUR_MS,
  quietReceiverMs: HOUR_MS,
  idlePairMs: 24 * HOUR_MS,
  stalledMs: HOUR_MS,
  pingMs: HOUR_MS,
};
const SETTINGS = [OFF, ON, OFF] as const;

const GENERATIONS = 4;
const ROUNDS = 6;
const WARM_UP_ROUNDS = 1;
const SLICE_MS = 300;
const PAIRS = 10;
const ROOMS = 800;
const SCRAPES = 50;

/** Of one round: off, on, and off again. */
type Round = [number, number, number];

export async function measureCost(): Promise<void> {
  const small: Round[] = [];
  const large: Round[] = [];
  const roomCosts: Round[] = [];
  const roomRates: Round[] = [];
  const scrapes: number[] = [];
  for (let generation = 0; generation < GENERATIONS; generation++) {
    await using off = await launch(0);
    await using on = await launch(1);
    await using again = await launch(2);
    const relays = [off, on, again] as const;
    small.push(...(await forwarded(relays, KIB, 8)));
    large.push(...(await forwarded(relays, 64 * KIB, 4)));
    const made = await inTurn(relays, (relay) => makeRooms(relay, ROOMS));
    roomCosts.push(...made.map((round) => round.map(({ cpuMs }) => cpuMs) as Round));
    roomRates.push(...made.map((round) => round.map(({ aSecond }) => aSecond) as Round));
    scrapes.push(await scrapeMs(on));
  }
  const over = `over ${PAIRS} pairs`;
  const ratios = [
    show(`processor time of 1,000 frames of ${size(KIB)} ${over}`, small, (s) => `${s.toFixed(4)} s`),
    show(`processor time of 1,000 frames of ${size(64 * KIB)} ${over}`, large, (s) => `${s.toFixed(4)} s`),
    show("processor time of a room made and left", roomCosts, (ms) => `${ms.toFixed(3)} ms`),
  ];
  row("their geometric mean", "", "", `${geometricMean(ratios).toFixed(2)}x`, "", "1.05x");
  show("rooms made and left a second", roomRates, (rate) => rate.toFixed(0));
  row("processor time of one scrape of /metrics", `${median(scrapes).toFixed(2)} ms`, "", "", "", "");
}

function launch(at: 0 | 1 | 2): Promise<Process> {
  return Process.start("./served.js", JSON.stringify(SETTINGS[at]));
}

type Trio = readonly [off: Process, on: Process, again: Process];

async function forwarded(relays: Trio, bytes: number, window: number): Promise<Round[]> {
  const pairs = new Map<Process, RoomPair[]>();
  for (const relay of relays) {
    pairs.set(relay, await Promise.all(Array.from({ length: PAIRS }, () => RoomPair.join(relay, bytes))));
  }
  const rounds = await inTurn(relays, (relay) => forwardFor(SLICE_MS, relay, pairs.get(relay) ?? [], window));
  for (const pair of [...pairs.values()].flat()) pair.end();
  return rounds;
}

/** Each round begins with another relay, so that none has always the same one before it. */
async function inTurn<T>(relays: Trio, work: (relay: Process) => Promise<T>): Promise<[T, T, T][]> {
  const rounds: [T, T, T][] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const figures = new Map<Process, T>();
    for (let turn = 0; turn < relays.length; turn++) {
      const relay = relays[(turn + round + WARM_UP_ROUNDS) % relays.length] as Process;
      figures.set(relay, await work(relay));
    }
    if (round >= 0) rounds.push(relays.map((relay) => figures.get(relay)) as [T, T, T]);
  }
  return rounds;
}

async function scrapeMs(relay: Process): Promise<number> {
  const url = `http://${METRICS_ADDRESS}:${await relay.portOn(METRICS_ADDRESS)}/metrics`;
  const cpuMs = relay.cpuMs;
  for (let scrape = 0; scrape < SCRAPES; scrape++) await (await fetch(url)).text();
  return (relay.cpuMs - cpuMs) / SCRAPES;
}

/** @returns the middle ratio of on to off. */
function show(what: string, rounds: readonly Round[], text: (figure: number) => string): number {
  const onToOff = rounds.map(([off, on]) => on / off);
  const offToOff = rounds.map(([off, , again]) => again / off);
  const middle = (ratios: readonly number[]) => {
    const [low, high] = [quantile(ratios, 0.25), quantile(ratios, 0.75)];
    return `${median(ratios).toFixed(2)}x (${low.toFixed(2)} to ${high.toFixed(2)})`;
  };
  const [off, on] = [median(rounds.map(([figure]) => figure)), median(rounds.map(([, figure]) => figure))];
  row(what, text(on), text(off), middle(onToOff), middle(offToOff), "");
  return median(onToOff);
}
