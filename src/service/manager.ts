/**
 * The owner of shares and of what is being received: sessions ask it, in this process or, in the hub, from others. It says
 * what becomes of the shares; what a session is, and how it is reached, it does not know.
 */
import type { Snapshot } from "../content/snapshot.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import type { Logger } from "../log.ts";
import type { Share, ShareRequest } from "../share/sender.ts";
import { Shares } from "../share/shares.ts";
import type { Protocol } from "../share/version.ts";
import type { ShareEvent } from "./service.ts";
import {
  accessOf,
  courseOf,
  type LivingShare,
  type NewShare,
  type ReceivedView,
  type ReceiveOrder,
  type ReceptionView,
  type ShareOrder,
  type StepView,
  viewReceived,
  viewShare,
  viewStep,
} from "./views.ts";

/** A transfer tells how far it is at most this often, in ms. */
const PROGRESS_MS = 250;

/** Called when something has become of a share. @param event if its session wants to know it. */
export type Changed = (share: LivingShare, event: ShareEvent["event"] | undefined) => void;

export class Keeper implements AsyncDisposable {
  readonly #home: string;
  readonly #shares: Shares;
  readonly #sessions = new WeakMap<Share, string>();
  readonly #receptions = new Set<ReceptionView>();
  readonly #changed: Changed;

  constructor(home: string, changed: Changed, log: Logger) {
    this.#home = home;
    this.#changed = changed;
    this.#shares = new Shares(log);
  }

  /** The youngest last. */
  get shares(): LivingShare[] {
    return this.#shares.all.map((share) => this.#view(share));
  }

  /** @param content the keeper's from here on. @throws SpreadError as `Shares.open`. */
  async open(order: ShareOrder, content: Snapshot, session: string, signal: AbortSignal): Promise<NewShare> {
    const request = await this.#requestFor(order, content, session).catch(async (error: unknown) => {
      await content[Symbol.asyncDispose]();
      throw error;
    });
    const share = await this.#shares.open(request, signal);
    this.#sessions.set(share, session);
    return { ...this.#view(share), files: [...share.files] };
  }

  /** What is being received, the youngest last. */
  get receptions(): ReceptionView[] {
    return [...this.#receptions];
  }

  /** @throws SpreadError as `receive`. */
  async receive(
    order: ReceiveOrder,
    session: string,
    report: (step: StepView) => void,
    signal: AbortSignal,
  ): Promise<ReceivedView> {
    const { receive } = await import("../share/receiver.ts");
    const { secret, room, legacy, timeoutMs } = order;
    const protocol = await protocolOf(legacy);
    const request = { secret, room, protocol, timeoutMs, course: courseOf(order), home: this.#home };
    const reception = beginReception(order, session);
    this.#receptions.add(reception);
    let toldAt = Number.NEGATIVE_INFINITY;
    try {
      const received = await receive(
        request,
        (step) => {
          const view = viewStep(step);
          note(reception, view);
          if (step.at === "receiving") {
            const now = performance.now();
            if (now - toldAt < PROGRESS_MS && step.received < step.bytes) return;
            toldAt = now;
          }
          report(view);
        },
        signal,
      );
      return viewReceived(received);
    } finally {
      this.#receptions.delete(reception);
    }
  }

  /** @returns the share, ended. @throws SpreadError `no-such-share`. */
  async stop(id: string): Promise<LivingShare> {
    return this.#view(await this.#shares.stop(id));
  }

  /** @returns those of the session that were living. */
  async stopAll(session: string): Promise<LivingShare[]> {
    const living = this.#shares.all.filter((it) => it.endedAt === undefined && this.#sessions.get(it) === session);
    return Promise.all(living.map((share) => this.stop(share.id)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#shares[Symbol.asyncDispose]();
  }

  async #requestFor(order: ShareOrder, content: Snapshot, session: string): Promise<ShareRequest> {
    const { title = await headingOf(content), passphrase, relay, legacy, ...rest } = order;
    const eventOf = watch();
    const changed = (share: Share) => {
      const view = viewShare(share, session);
      this.#changed(view, eventOf(view));
    };
    const protocol = await protocolOf(legacy);
    return { ...rest, protocol, content, title, passphrase, relay: relay && accessOf(relay), changed };
  }

  #view(share: Share): LivingShare {
    return viewShare(share, this.#sessions.get(share) ?? "");
  }
}

async function protocolOf(legacy: boolean): Promise<Protocol> {
  if (legacy) return (await import("../legacy/version1.ts")).version1;
  return (await import("../share/version2.ts")).version2;
}

function beginReception({ room, timeoutMs }: ReceiveOrder, session: string): ReceptionView {
  const now = Date.now();
  return {
    session,
    ...(room !== undefined && { room }),
    since: new Date(now).toISOString(),
    step: { at: "looking" },
    until: new Date(now + timeoutMs).toISOString(),
  };
}

/** What is waited for is waited for as long as it was said last; content that comes is waited for as long as it comes. */
function note(reception: ReceptionView, step: StepView): void {
  reception.step = step;
  if (step.at === "reconnecting") reception.until = step.until;
  else if (step.at === "receiving") delete reception.until;
}

/** What has become of one share since it was looked at last: one event at most, the one that says most. */
function watch(): (share: LivingShare) => ShareEvent["event"] | undefined {
  let before: Pick<LivingShare, "delivered" | "failedAttempts" | "endedAt"> = { delivered: 0, failedAttempts: 0 };
  return (share) => {
    const { delivered, failedAttempts, endedAt } = before;
    before = share;
    if (share.endedAt !== endedAt) return "ended";
    if (share.delivered > delivered) return "delivered";
    return share.failedAttempts > failedAttempts ? "attempt-failed" : undefined;
  };
}

/** Cleaned; empty where there is none. */
async function headingOf(content: Snapshot): Promise<string> {
  const [document, { cleanLine }] = await Promise.all([
    import("../untrusted/fence.ts"),
    import("../untrusted/clean.ts"),
  ]);
  const [{ bytes } = { bytes: 0 }] = content.parts;
  for await (const piece of content.read()) {
    return cleanLine(document.headingOf(piece.subarray(0, bytes)), MAX_TITLE_CHARS);
  }
  return "";
}
