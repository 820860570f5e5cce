/** The service inside this process, without a hub (DISTILL_HUB=off): its shares end with the process. */
import { randomUUID } from "node:crypto";
import type { Material } from "../content/material.ts";
import type { Logger } from "../log.ts";
import { ShareManager } from "./manager.ts";
import type { Service, ShareEvent } from "./service.ts";
import type { ReceiveOrder, ShareOrder, StepView } from "./views.ts";

export class LocalService implements Service {
  readonly session = randomUUID();
  readonly #home: string;
  readonly #manager: ShareManager;

  constructor(home: string, onEvent: (event: ShareEvent) => void, log: Logger) {
    this.#home = home;
    this.#manager = new ShareManager(home, (share, event) => event && onEvent({ event, share }), log);
  }

  async share(order: ShareOrder, content: readonly Material[], signal: AbortSignal) {
    const { snapshot } = await import("../content/snapshot.ts");
    const frozen = await snapshot(content, { home: this.#home, signal });
    return this.#manager.open(order, frozen, this.session, signal);
  }

  receive(order: ReceiveOrder, report: (step: StepView) => void, signal: AbortSignal) {
    return this.#manager.receive(order, this.session, report, signal);
  }

  async status() {
    return { shares: this.#manager.shares, receptions: this.#manager.receptions };
  }

  stop(id: string) {
    return this.#manager.stop(id);
  }

  stopAll() {
    return this.#manager.stopAll(this.session);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#manager[Symbol.asyncDispose]();
  }
}
