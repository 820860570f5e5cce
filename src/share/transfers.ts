/**
 * The transfers of a share, by the names that their receivers gave them: so one whose link breaks can go on over another.
 * Only who has proved itself gets here. What a transfer can be:
 *
 *     running ---> broken    its link was lost with content missing: its slot is given back, and taken anew when it goes on
 *        |  ^------'
 *        v
 *     running, all handed over ---> sent    its slot is spent, and it waits for its receiver to come back, or has its receipt
 *        |      ^--------------------'
 *        v
 *     forgotten    its receiver has said that it gives up
 */
import { randomBytes } from "node:crypto";
import { SpreadError } from "../errors.ts";
import { type Encoding, type Ready, TRANSFER_ID_BYTES } from "../protocol/messages.ts";
import type { Leg } from "../protocol/transfer.ts";
import { REFUSED_AS } from "../protocol/visit.ts";
import type { Link } from "../transport/link.ts";
import type { ShareGate, Slot } from "./gate.ts";

/** Broken transfers that are remembered: a receiver of one that was forgotten begins anew, and loses time alone. */
export const MAX_BROKEN = 64;

interface Transfer {
  readonly name: string;
  readonly encoding: Encoding;
  /** Chunks that were handed to links: of more than these the receiver can have seen none. */
  handed: number;
  /** The last one is among them, and the slot spent. */
  complete: boolean;
  state: { readonly at: "running"; readonly link: Link; readonly slot: Slot } | { readonly at: "broken" } | Sent;
}
type Sent = { readonly at: "sent"; readonly slot: Slot };

/** A leg, for whoever sees how it ends. */
export interface Run extends Leg {
  /** The right receipt came. Only once all is handed over. */
  delivered(): void;
  /** Without a receipt. @param givenUp the receiver has said so: it does not come back. */
  ended(givenUp: boolean): void;
}

/** For a receiver that has the right secret, and no slot. */
export class NoSlot extends SpreadError {
  readonly reason: "busy" | "used_up";

  constructor(reason: NoSlot["reason"]) {
    super(...REFUSED_AS[reason]);
    this.reason = reason;
  }
}

export class Transfers {
  readonly #gate: Pick<ShareGate, "acquire" | "usedUp">;
  /** Those that broke are in the order in which they did. */
  readonly #known = new Map<string, Transfer>();

  constructor(gate: Pick<ShareGate, "acquire" | "usedUp">) {
    this.#gate = gate;
  }

  /**
   * A receiver has said READY: its transfer begins, or goes on.
   * @param encoding for a new one.
   * @throws NoSlot, or SpreadError `bad-message` for what cannot be asked for. Nothing has changed then.
   */
  begin(ready: Ready, encoding: Encoding, link: Link): Run {
    const { transfer: name, position } = ready.resume ?? { transfer: newName(), position: 0 };
    const known = this.#known.get(name);
    if (known && (position > known.handed || !takes(ready, known.encoding))) {
      throw new SpreadError("bad-message", "the receiver asked for what its transfer does not have");
    }
    const transfer = known ?? { name, encoding, handed: 0, complete: false, state: { at: "broken" } as const };
    const slot = transfer.state.at === "broken" ? this.#acquire() : transfer.state.slot;
    if (transfer.state.at === "running") {
      transfer.state.link.abort(new SpreadError("link-lost", "the receiver goes on over another link"));
    }
    transfer.state = { at: "running", link, slot };
    this.#known.set(name, transfer);
    return this.#run(transfer, slot, link, known ? position : 0);
  }

  #acquire(): Slot {
    const slot = this.#gate.acquire();
    if (slot) return slot;
    throw new NoSlot(this.#gate.usedUp ? "used_up" : "busy");
  }

  #run(transfer: Transfer, slot: Slot, link: Link, position: number): Run {
    /** A leg whose link was cut for another one has no say any more. */
    const current = () => transfer.state.at === "running" && transfer.state.link === link;
    let next = position;
    return {
      transfer: transfer.name,
      encoding: transfer.encoding,
      position,
      whole: transfer.complete && position === transfer.handed,
      handedOver: (end) => {
        if (!current()) return;
        next += 1;
        transfer.handed = Math.max(transfer.handed, next);
        if (!end) return;
        transfer.complete = true;
        slot.commit();
      },
      delivered: () => {
        if (!current() || !transfer.complete) return;
        slot.deliver();
        transfer.state = { at: "sent", slot };
      },
      ended: (givenUp) => {
        if (!current()) return;
        this.#known.delete(transfer.name);
        if (givenUp || !transfer.complete) slot.release();
        if (givenUp) return;
        transfer.state = transfer.complete ? { at: "sent", slot } : { at: "broken" };
        this.#known.set(transfer.name, transfer);
        this.#forgetOldest();
      },
    };
  }

  #forgetOldest(): void {
    const broken = [...this.#known.values()].filter(({ state }) => state.at === "broken");
    for (const { name } of broken.slice(0, Math.max(0, broken.length - MAX_BROKEN))) this.#known.delete(name);
  }
}

function takes({ encodings }: Ready, encoding: Encoding): boolean {
  return encoding === "identity" || encodings.includes(encoding);
}

function newName(): string {
  return randomBytes(TRANSFER_ID_BYTES).toString("hex");
}
