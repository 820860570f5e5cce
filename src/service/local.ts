/** The service as this very process gives it (DISTILL_HUB=off): its shares end with it. */
import { randomUUID } from "node:crypto";
import type { Material } from "../content/material.ts";
import type { Logger } from "../log.ts";
import { Keeper } from "./manager.ts";
import type { Service, ShareEvent } from "./service.ts";
import type { ReceiveOrder, ShareOrder, StepView } from "./views.ts";

export class OwnService implements Service {
  readonly session = randomUUID();
  readonly #home: string;
  readonly #keeper: Keeper;

  constructor(home: string, tell: (event: ShareEvent) => void, log: Logger) {
    this.#home = home;
    this.#keeper = new Keeper(home, (share, event) => event && tell({ event, share }), log);
  }

  async share(order: ShareOrder, content: readonly Material[], signal: AbortSignal) {
    const { snapshot } = await import("../content/snapshot.ts");
    const frozen = await snapshot(content, { home: this.#home, signal });
    return this.#keeper.open(order, frozen, this.session, signal);
  }

  receive(order: ReceiveOrder, report: (step: StepView) => void, signal: AbortSignal) {
    return this.#keeper.receive(order, this.session, report, signal);
  }

  async holdings() {
    return { shares: this.#keeper.shares, receptions: this.#keeper.receptions };
  }

  stop(id: string) {
    return this.#keeper.stop(id);
  }

  stopAll() {
    return this.#keeper.stopAll(this.session);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#keeper[Symbol.asyncDispose]();
  }
}
