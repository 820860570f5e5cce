/** The service by way of the hub, which is found, or started if something has to be kept. */

import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { abortReason } from "../abort.ts";
import { parseRelayUrl } from "../address.ts";
import type { Material } from "../content/material.ts";
import { handOver, snapshot } from "../content/snapshot.ts";
import { SpreadError } from "../errors.ts";
import type { Service, ServiceStatus, ShareEvent } from "../service/service.ts";
import type { ReceiveOrder, RelayOrder, ShareOrder, ShareView, StepView } from "../service/views.ts";
import { namedProxy } from "../transport/named-proxy.ts";
import { type AskOptions, HubConnection, HubRetired, unreachable } from "./connection.ts";
import { loadHistory } from "./history.ts";
import { MAX_INLINE_BYTES, type Op, type OpArguments, type OpResult, PROTOCOL } from "./ops.ts";
import { findSocket } from "./socket.ts";
import { startHub } from "./start.ts";

/** How long to wait for a hub that is ending, and how often to look, in ms. */
const PATIENCE_MS = 15_000;
const AGAIN_MS = 50;
/** A hub that keeps ending at its start will do so again. */
const MAX_STARTS = 5;

interface HubClientOptions {
  readonly home: string;
  readonly version: string;
  /** The program that becomes a hub when run with the argument `hub`. */
  readonly entry: string;
  readonly onEvent: (event: ShareEvent) => void;
}

export class HubService implements Service {
  readonly session = randomUUID();
  readonly #options: HubClientOptions;
  /** The latest connection: open, closed, or being made. */
  #connection: Promise<HubConnection | undefined> = Promise.resolve(undefined);

  constructor(options: HubClientOptions) {
    this.#options = options;
  }

  async share(order: ShareOrder, content: readonly Material[], signal: AbortSignal) {
    const share = await this.#make(order, content, signal);
    if (!signal.aborted) return share;
    // The hub had finished before it heard of the cancellation: nobody would know the share's code.
    await this.stop(share.id);
    throw abortReason(signal);
  }

  async #make(order: ShareOrder, content: readonly Material[], signal: AbortSignal) {
    const { home } = this.#options;
    await using frozen = await snapshot(content, { home, signal, named: true });
    if (frozen.parts.length === 1 && frozen.bytes <= MAX_INLINE_BYTES) {
      const ask = { order: withWay(order), content: { text: (await buffer(frozen.read())).toString("utf8") } };
      return await this.#ask("share", ask, { signal }); // before it is closed
    }
    await using handed = await handOver(frozen, home);
    const { file, bytes, sha256, compressible, parts } = handed;
    const ask = { order: withWay(order), content: { file, bytes, sha256, compressible, parts: [...parts] } };
    return await this.#ask("share", ask, { signal });
  }

  receive(order: ReceiveOrder, step: (step: StepView) => void, signal: AbortSignal) {
    const { relay } = order;
    const known = relay ? { ...order, relay: { ...relay, access: wayTo(relay.access) } } : order;
    return this.#ask("receive", { order: known }, { step, signal });
  }

  async status(): Promise<ServiceStatus> {
    return this.#look<ServiceStatus>(
      async (found) => {
        const { pid, version, since } = found.hub;
        return { ...(await found.ask("holdings", {})), hub: { pid, version, since } };
      },
      // Without a hub nothing is alive: only its history is left.
      async () => ({ shares: await loadHistory(this.#options.home), receptions: [] }),
    );
  }

  async stop(id: string): Promise<ShareView> {
    const [share] = await this.#stop(id);
    if (share === undefined) throw new SpreadError("no-such-share", "there is no share with this id");
    return share;
  }

  stopAll(): Promise<readonly ShareView[]> {
    return this.#stop(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    (await this.#connection.catch(() => undefined))?.close();
  }

  #stop(share: string | undefined): Promise<readonly ShareView[]> {
    return this.#look(
      (found) => found.ask("stop", share === undefined ? {} : { share }),
      async () => (await loadHistory(this.#options.home)).filter(({ id }) => id === share),
    );
  }

  /**
   * Asks the hub if there is one, without starting it. Asking twice does no harm, so a hub that goes away meanwhile counts
   * as none.
   */
  async #look<T>(ask: (hub: HubConnection) => Promise<T>, without: () => Promise<T>): Promise<T> {
    const find = () => this.#reach(() => this.#open(false));
    const found = await find();
    if (!found) return without();
    try {
      return await ask(found);
    } catch (error) {
      if (found.open) throw error;
      const other = await find();
      return other ? ask(other) : without();
    }
  }

  /** Asks the hub, and starts it if there is none. */
  async #ask<O extends Op>(op: O, ask: OpArguments<O>, options: AskOptions): Promise<OpResult<O>> {
    for (const end = performance.now() + PATIENCE_MS; ; ) {
      try {
        return await (await this.#reach(() => this.#connect())).ask(op, ask, options);
      } catch (error) {
        if (!(error instanceof HubRetired)) throw error;
        if (performance.now() > end) throw unreachable("hubs come and go");
      }
    }
  }

  /**
   * The open connection, or a new one by `make`. Calls run one after another: a session with two connections would hear
   * everything twice.
   */
  #reach<T extends HubConnection | undefined>(make: () => Promise<T>): Promise<T | HubConnection> {
    const before = this.#connection;
    const next = (async () => {
      const last = await before.catch(() => undefined);
      return last?.open ? last : make();
    })();
    this.#connection = next;
    return next;
  }

  async #connect(): Promise<HubConnection> {
    const { home, entry } = this.#options;
    for (let starts = 0; starts < MAX_STARTS; starts += 1) {
      const found = await this.#open(starts === 0); // a hub that we have started is as new as possible
      if (found) return found;
      await startHub(home, entry);
    }
    const found = await this.#open(false);
    if (found) return found;
    throw unreachable("the hub cannot be started, or ends at once");
  }

  /**
   * The current hub, if there is one. One that is ending is waited for: it has not recorded the end of its shares yet.
   * @param renew whether an older hub is asked to make room.
   */
  async #open(renew: boolean): Promise<HubConnection | undefined> {
    const { home, version, onEvent } = this.#options;
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await delay(AGAIN_MS)) {
      const address = await findSocket(home);
      if (address === undefined) return undefined;
      try {
        const found = await HubConnection.open(address, this.session, onEvent);
        if (found === undefined || (await serves(found, renew ? version : undefined))) return found;
      } catch (error) {
        if (!(error instanceof HubRetired)) throw error;
      }
    }
    throw unreachable("the hub ends, and comes to no end");
  }
}

/**
 * @returns false if the hub ends, to make room for this newer version.
 * @throws SpreadError `hub-busy` if it speaks another protocol and does not end.
 */
async function serves(connection: HubConnection, version: string | undefined): Promise<boolean> {
  const { hub } = connection;
  if (version !== undefined && isOlder(hub.version, version) && (await connection.ask("retire", {})).retired)
    return false;
  if (hub.protocol === PROTOCOL) return true;
  connection.close();
  throw new SpreadError("hub-busy", `the hub speaks protocol ${hub.protocol}, and not ${PROTOCOL}`);
}

/** Compares the three numbers of a version. */
function isOlder(version: string, than: string): boolean {
  const numbers = (text: string) => text.split(/[.+-]/).slice(0, 3).map(Number);
  const others = numbers(than);
  const difference = numbers(version)
    .map((number, at) => number - (others[at] ?? 0))
    .find((it) => it !== 0);
  return difference !== undefined && difference < 0;
}

function withWay(order: ShareOrder): ShareOrder {
  return order.relay ? { ...order, relay: wayTo(order.relay) } : order;
}

/** Adds what this process's environment says about the way to the relay: the hub's own environment does not. */
function wayTo(relay: RelayOrder): RelayOrder {
  const authorities = process.env.NODE_EXTRA_CA_CERTS;
  const proxy = namedProxy(parseRelayUrl(relay.url));
  return { ...relay, proxy, ...(authorities && { authorities: resolve(authorities) }) };
}
