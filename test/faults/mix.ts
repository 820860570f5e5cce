/**
 * Faults of all kinds, drawn by chance from a seed: transfers one after another in a few lanes, by LAN, relay and both, over
 * cables that are cut, reset, altered, stalled, slowed and delayed, while the relay is killed and started again, and so are
 * receivers. What must hold for each is `judge`: whole, or a clear error, and never a word that is not true.
 */
import { expect } from "vitest";
import { relayProcess } from "../mcp/wires.ts";
import { type Cable, cable, type Fault, type LinkPlan } from "../support/cable.ts";
import { type Answer, type Offered, startServer, type Taken, type TestServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import {
  atRest,
  codeOf,
  type Document,
  expectNothingLeft,
  expectTaken,
  makeDocument,
  openOf,
  shareOf,
  twoPeople,
} from "./handoff.ts";

/** Any text of so many characters. */
const RELAY_SECRET = "the relay of the mix, whose rooms outlive its restart";
const LANES = 2;
/** Connections of a cable that are struck; those behind them are left alone, so that all comes to its end. */
const STRUCK = 4;
/** How long a share lives, in minutes, the shortest there is, and how long a receiver looks for it at first, in seconds. */
const LIFE_MINUTES = 1;
const LOOK_SECONDS = 30;
/** Every so often what stalls goes on, in ms, where it ever does. */
const HEAL_MS = 1_500;

interface MixOptions {
  readonly seed: number;
  /** How many transfers, where that is not told by time. */
  readonly transfers?: number;
  /** How long transfers are begun, in ms; those that run then come to their end. */
  readonly ms?: number;
  /** Whether some of what stalls never goes on, which takes longest. */
  readonly patient: boolean;
}

/** How it went. */
interface Tally {
  transfers: number;
  /** How they ended: "whole", the code of an error, or what happened to its receiver. */
  readonly ends: Record<string, number>;
  readonly faults: Record<string, number>;
  longestMs: number;
}

type By = "lan" | "relay" | "auto";

/** All that is drawn for one transfer, before it begins. */
interface Plan {
  readonly by: By;
  readonly bytes: number;
  readonly compressible: boolean;
  /** Of the cables: receiver to sender, receiver to relay, sender to relay. */
  readonly near: readonly LinkPlan[];
  readonly far: readonly LinkPlan[];
  readonly back: readonly LinkPlan[];
  readonly heals: boolean;
  /** After how many bytes, over all cables, the receiver's server is killed, and the relay is; undefined for not at all. */
  readonly killsReceiverAt: number | undefined;
  readonly killsRelayAt: number | undefined;
}

/** mulberry32: small, even, and the same everywhere. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function planOf(seed: number, number: number, patient: boolean): Plan {
  const draw = chance(seed + Math.imul(number, 0x9e3779b1));
  const one = <T>(...of: readonly T[]): T => of[Math.floor(draw() * of.length)] as T;
  const often = (share: number) => draw() < share;
  // As many below 1 KB as between 1 KB and 10 KB: handshakes are short.
  const offset = (limit: number) => Math.floor(100 * (limit / 100) ** draw() - 100 * draw());
  const bytes = one(700, 60_000, 900_000, 5_000_000);
  const fault = (): Fault => ({
    way: one("up", "down", "down"),
    at: offset(bytes + 2_000),
    what: one("cut", "reset", "corrupt", "stall"),
  });
  const linkPlan = (): LinkPlan => ({
    faults: [...(often(0.5) ? [fault()] : []), ...(often(0.15) ? [fault()] : [])],
    ...(often(0.1) && { bytesPerSecond: one(300_000, 1_000_000, 4_000_000) }),
    ...(often(0.1) && { delayMs: one(2, 10, 40) }),
  });
  const linkPlans = () => Array.from({ length: STRUCK }, linkPlan);
  return {
    by: one("lan", "relay", "auto"),
    bytes,
    compressible: often(0.3),
    near: linkPlans(),
    far: linkPlans(),
    back: linkPlans(),
    heals: !patient || often(0.7),
    killsReceiverAt: often(0.08) ? offset(bytes + 2_000) : undefined,
    killsRelayAt: often(0.08) ? offset(bytes + 2_000) : undefined,
  };
}

/** @throws what does not hold, with the seed and the plan of that transfer. */
export async function mix({
  seed,
  transfers = Number.POSITIVE_INFINITY,
  ms = Number.POSITIVE_INFINITY,
  patient,
}: MixOptions): Promise<Tally> {
  const tally: Tally = { transfers: 0, ends: {}, faults: {}, longestMs: 0 };
  const relay = await restartableRelay();
  let end = performance.now() + ms;
  let next = 0;
  let failed = false;
  const lane = async () => {
    const people = await twoPeople();
    const lane = new Lane(people.sender, people.receiver, relay, tally);
    await lane.warm();
    end = performance.now() + ms;
    while (next < transfers && performance.now() < end && !failed) {
      const number = next++;
      const plan = planOf(seed, number, patient);
      await lane.transfer(plan).catch((cause: unknown) => {
        failed = true;
        throw new Error(`transfer ${number} of seed ${seed}: ${String(cause)}\n${JSON.stringify(plan)}`, { cause });
      });
    }
    if (!failed) await lane.expectNothingLeft();
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const { status, ...rest } of lanes) if (status === "rejected") throw (rest as PromiseRejectedResult).reason;
  return tally;
}

interface RestartableRelay {
  readonly port: number;
  restart(): Promise<void>;
}

async function restartableRelay(): Promise<RestartableRelay> {
  const start = (port = 0) =>
    relayProcess({
      port,
      secret: RELAY_SECRET,
      settings: { rateLimitMax: 100_000, maxFailedJoins: 100_000, maxRooms: 1000 },
    });
  let { port, kill } = await start();
  let restarting: Promise<void> | undefined;
  return {
    port,
    restart: () => {
      restarting ??= (async () => {
        kill();
        ({ kill } = await start(port));
      })().finally(() => {
        restarting = undefined;
      });
      return restarting;
    },
  };
}

class Lane {
  readonly #sender: TestServer;
  #receiver: TestServer;
  readonly #relay: RestartableRelay;
  readonly #tally: Tally;
  #openBefore: number[] = [];

  constructor(sender: TestServer, receiver: TestServer, relay: RestartableRelay, tally: Tally) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#relay = relay;
    this.#tally = tally;
  }

  get people() {
    return { sender: this.#sender, receiver: this.#receiver };
  }

  /** By both ways, so that all that is loaded once is loaded. */
  async warm(): Promise<void> {
    const document = await makeDocument(this.#sender, 100_000, true);
    for (const mode of ["lan", "relay"] as const) {
      const share = await this.#sender.share({
        path: document.path,
        mode,
        relay_url: `ws://127.0.0.1:${this.#relay.port}`,
      });
      await expectTaken(this.people, await this.#receiver.receive(this.#direct(share)), document);
      await this.#sender.becomes("delivered");
    }
    this.#openBefore = await Promise.all([this.#sender, this.#receiver].map(({ home }) => openOf(home)));
  }

  expectNothingLeft(): Promise<void> {
    return expectNothingLeft(this.people, this.#openBefore);
  }

  async transfer(plan: Plan): Promise<void> {
    const document = await makeDocument(this.#sender, plan.bytes, plan.compressible);
    const back = await cable(this.#relay.port, plan.back);
    const cables = [back];
    const healing = plan.heals ? setInterval(() => cables.forEach((it) => void it.heal()), HEAL_MS) : undefined;
    let killed = false;
    try {
      const offered = await this.#sender.call("distill_share", {
        path: document.path,
        mode: plan.by,
        relay_url: `ws://127.0.0.1:${back.port}`,
        expires_minutes: LIFE_MINUTES,
      });
      this.#tally.transfers += 1;
      if (offered.isError) return this.#count(cables, `not shared: ${codeOf(offered)}`);
      const share = offered.data as Offered;
      const far = await cable(this.#relay.port, plan.far);
      const near = await cable(share.lan?.port ?? 0, plan.near);
      cables.push(far, near);
      const began = performance.now();
      const before = (await this.#receiver.kept("inbox")).length;
      const call = this.#receiver.call("distill_receive", {
        code: share.code,
        mode: plan.by,
        timeout_seconds: LOOK_SECONDS,
        ...(plan.by !== "relay" && { host: `127.0.0.1:${near.port}` }),
        ...(plan.by !== "lan" && { relay_url: `ws://127.0.0.1:${far.port}` }),
      });
      const [answer] = await Promise.all([
        call.catch((error: unknown): undefined => {
          if (!killed) throw error;
        }),
        this.#strike(plan.killsRelayAt, cables, call, "relay restarted", () => this.#relay.restart()),
        this.#strike(plan.killsReceiverAt, cables, call, "receiver killed", () => {
          killed = true; // be it that its answer is there already
          this.#receiver.kill("SIGKILL");
        }),
      ]);
      if (killed) this.#receiver = await startServer({ sandbox: this.#receiver.sandbox });
      const end = await this.#judge(share, document, answer, before);
      this.#tally.longestMs = Math.max(this.#tally.longestMs, performance.now() - began);
      this.#count(cables, end);
      await this.#sender.call("distill_stop", { share_id: share.share_id });
      await eventually(() => {
        for (const it of cables) it.heal(); // behind a stall there may be another one
        return cables.filter(({ open }) => open > 0);
      }).toEqual([]);
    } finally {
      clearInterval(healing);
      for (const it of cables) await it.down();
    }
  }

  /** What must be so once the receiver's call has ended, undefined if its server was killed. @returns how it ended. */
  async #judge(share: Offered, document: Document, answer: Answer | undefined, before: number): Promise<string> {
    const inbox = async () => (await this.#receiver.kept("inbox")).length - before;
    if (!answer) {
      await eventually(() => this.#receiver.kept("staging")).toEqual([]);
    }
    const { state, delivered } = await atRest(this.people, share.share_id);
    if (answer && !answer.isError) {
      const taken = answer.data as Taken;
      await expectTaken(this.people, taken, document);
      expect(await inbox()).toBe(1);
      if (!taken.warnings.some((it) => it.includes("did not confirm"))) expect(state).toBe("delivered");
      else expect(["delivered", "unconfirmed", "expired"]).toContain(state);
      return taken.warnings.length > 0 && state !== "delivered" ? "whole, unconfirmed" : "whole";
    }
    expect(await this.#receiver.kept("staging")).toEqual([]);
    const has = await inbox();
    if (answer) expect(has).toBe(0);
    if (has === 0) expect([state, delivered]).toEqual([expect.not.stringMatching("delivered"), 0]);
    const end = answer ? codeOf(answer) : `receiver killed${has ? ", and had it" : ""}`;
    // The error has harmed nothing: who comes by a good way gets it.
    if (state !== "waiting") return `${end}; ${state}`;
    const after = await this.#takeDirectly(share, document);
    return after === "delivered" ? end : `${end}; ${after}`;
  }

  /**
   * By a good way. The relay may be away at this moment, or the sender from it, but not for long.
   * @returns what has become of the share: it may also have come to its own end meanwhile.
   */
  async #takeDirectly(share: Offered, document: Document): Promise<string> {
    let answer: Answer | undefined;
    let state = "waiting";
    await until("who comes by a good way gets it", async () => {
      const { relay_away_since, ...listed } = await shareOf(this.people, share.share_id);
      state = listed.state;
      if (state !== "waiting") return true;
      if (share.lan === undefined && relay_away_since) return false;
      answer = await this.#receiver.call("distill_receive", this.#direct(share));
      if (!answer.isError) return true;
      if (["relay-unreachable", "room-not-found", "link-lost"].includes(codeOf(answer))) return false;
      // Its time can be over between the look and the call.
      expect(["share-ended", "expired"]).toContain(codeOf(answer));
      expect(["expired", "failed"]).toContain((await shareOf(this.people, share.share_id)).state);
      return false;
    });
    if (!answer || answer.isError) {
      expect(["expired", "failed"]).toContain(state);
      return state;
    }
    await expectTaken(this.people, answer.data as Taken, document);
    ({ state } = await atRest(this.people, share.share_id));
    expect(state).toBe("delivered");
    return state;
  }

  /** The same way for a share of any mode, without a cable at the receiver's end. */
  #direct({ code, lan }: Offered) {
    return lan
      ? { code, mode: "lan", host: `127.0.0.1:${lan.port}` }
      : { code, mode: "relay", relay_url: `ws://127.0.0.1:${this.#relay.port}` };
  }

  /** After so many bytes, if the call has not ended by then. */
  async #strike(
    bytes: number | undefined,
    cables: readonly Cable[],
    call: Promise<unknown>,
    name: string,
    strike: () => unknown,
  ): Promise<void> {
    if (bytes === undefined) return;
    let over = false;
    const ended = () => {
      over = true;
    };
    call.then(ended, ended);
    const passed = () => cables.reduce((sum, it) => sum + it.passed.up + it.passed.down, 0);
    await until("so much has passed, or all is over", () => over || passed() >= bytes);
    if (over) return;
    this.#add("faults", name);
    await strike();
  }

  #count(cables: readonly Cable[], end: string): void {
    this.#add("ends", end);
    for (const { what } of cables.flatMap(({ struck }) => struck)) this.#add("faults", what);
  }

  #add(to: "ends" | "faults", name: string): void {
    this.#tally[to][name] = (this.#tally[to][name] ?? 0) + 1;
  }
}
