/**
 * What is heard on a network: datagrams that are nearly mDNS, at a process that looks for shares and one that
 * advertises. They stay what they are, an honest share is found in the middle of it, and what is found besides has
 * the form of a share.
 */
import { isIP } from "node:net";
import fc from "fast-check";
import { beforeEach, expect } from "vitest";
import type { Announcement } from "../../src/discovery/mdns.ts";
import { dnsName, query, record, response, senderRecords, TYPE } from "../discovery/datagram.ts";
import { Peer } from "../discovery/peer.ts";
import { aloneNamespace, noNamespaces } from "../support/namespaces.ts";
import { mutants } from "./mutate.ts";
import { fuzz } from "./runner.ts";

beforeEach(({ skip }) => skip(noNamespaces !== undefined, noNamespaces));

/**
 * What sixty datagrams may cost a process, in times of what a look costs that is its first, and finds one share: of those that
 * are here, the most costly are far below. Were each record compared with each, one datagram would cost more than this.
 */
const MAX_TIMES_A_LOOK = 30;

/** What the stranger says last, and again whenever it is asked: a look that has heard it has heard what came before. */
const END_ROOM = "zzzzzz";
const END = response(senderRecords(`claude-spread-${END_ROOM}`, 40_126));

const HONEST = { room: "7f3k2a", port: 40_123 };
const TYPE_NAME = dnsName("_claude-spread", "_tcp", "local");
const LISTED = [
  [10, 0, 0, 1],
  [127, 0, 0, 1],
  [224, 0, 0, 251],
  [0xfe, 0x80, ...Array<number>(13).fill(0), 1],
  [0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1],
];
const loop = Buffer.concat([Buffer.alloc(12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
loop.writeUInt16BE(1, 4);
const SECOND = response(senderRecords("claude-spread-8g4m3b", 40_124, LISTED));
const CORPUS = [
  SECOND,
  response(senderRecords("claude-spread-7f3k2a", 40_125)),
  response(senderRecords("claude-spread-7f3k2a", 0)),
  response(senderRecords("claude-spread-\x1b[31m", 1)),
  response(senderRecords("claude-spread-a.b.c.", 1)),
  response(senderRecords("claude-spread-../..", 65_535)),
  response(Array.from({ length: 100 }, (_, at) => senderRecords(`claude-spread-aaaa${10 + at}`, at + 1)).flat()),
  response([record(TYPE_NAME, TYPE.PTR, Buffer.from([0xc0, 12]))]),
  response([record(TYPE_NAME, 16, Buffer.from([255, 1, 2]))]),
  response([record(Buffer.from([0xc0, 0x0c]), TYPE.SRV, Buffer.alloc(6))]),
  query(TYPE_NAME, [TYPE.PTR]),
  query(TYPE_NAME, [TYPE.PTR, TYPE.SRV, TYPE.A, 255, 41]),
  query(dnsName("claude-spread-7f3k2a", "_claude-spread", "_tcp", "local"), [TYPE.SRV, TYPE.AAAA, 16]),
  loop,
  Buffer.alloc(12),
];
/** What a datagram holds on this network. */
const MAX_DATAGRAM_BYTES = 60_000;
const datagram = mutants(CORPUS).map((bytes) => bytes.subarray(0, MAX_DATAGRAM_BYTES));

/** Whether all of them have room in a socket until they are read, with what the system needs for each. */
const fitsSocket = (datagrams: readonly Buffer[]) =>
  datagrams.reduce((bytes, { length }) => bytes + 2 * length + 1_024, 0) < 200_000;

interface Machine {
  readonly looker: Peer;
  readonly sender: Peer;
  readonly stranger: Peer;
  /** Processor time of a look that finds the honest share, and is the process's first, in ms. */
  readonly lookMs: number;
}

/** Made for the first input, and anew behind one that broke it. */
let machine: Machine | undefined;
beforeEach(() => {
  machine = undefined;
});

async function start(): Promise<Machine> {
  const alone = aloneNamespace();
  const [looker, sender, stranger] = await Promise.all([Peer.start(alone), Peer.start(alone), Peer.start(alone)]);
  await sender.advertise("claude-spread", HONEST.room, HONEST.port);
  const lookMs = await looker.costOf(() => looker.look("claude-spread", { count: 1 }));
  return { looker, sender, stranger, lookMs };
}

fuzz(
  "among datagrams of a stranger a share is found, and nothing that has not the form of one",
  { inputs: fc.array(datagram, { minLength: 1, maxLength: 60 }), known: [CORPUS], round: 2 },
  async (datagrams) => {
    const { looker, sender, stranger, lookMs } = machine ?? (await start());
    machine = undefined;
    await stranger.answer([...datagrams, END], [END]);
    let found: readonly Announcement[] = [];
    let senderMs = 0;
    const lookerMs = await looker.costOf(async () => {
      senderMs = await sender.costOf(async () => {
        found = await looker.look("claude-spread", { last: END_ROOM });
      });
    });
    for (const { room, port, addresses } of found) {
      expect(room).toMatch(/^[a-z0-9]{6}$/);
      expect(port >= 1 && port <= 65_535).toBe(true);
      expect(addresses.length).toBeLessThanOrEqual(8);
      expect(addresses.filter((it) => isIP(it) === 0)).toEqual([]);
      // The first is where it came from; the others are believed only if they can be dialled.
      expect(addresses.slice(1).filter((it) => /^(?:0|127|22[4-9]|2[3-5]\d)\.|^::1?$|^f[ef]/i.test(it))).toEqual([]);
    }
    expect(found.length).toBeLessThanOrEqual(64);
    // Else nothing of all this was heard.
    if (found.length < 64 && datagrams.some((it) => it.equals(SECOND)) && fitsSocket(datagrams)) {
      expect(found.map(({ room }) => room)).toContain("8g4m3b");
    }
    const after = await looker.look("claude-spread", { room: HONEST.room, count: 1 });
    expect(after.map(({ room, port }) => ({ room, port }))).toContainEqual(HONEST);
    for (const ms of [lookerMs, senderMs]) expect(ms / lookMs).toBeLessThan(MAX_TIMES_A_LOOK);
    machine = { looker, sender, stranger, lookMs };
  },
);
