/**
 * Owns the shares of a process and everything it is receiving. It serves sessions, of this process or (in the hub) of
 * others, and reports what happens to their shares; how a session is reached is not its business.
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
  type LivingShare,
  type NewShare,
  type ReceivedView,
  type ReceiveOrder,
  type ReceptionView,
  routeOf,
  type ShareOrder,
  type StepView,
  viewReceived,
  viewShare,
  viewStep,
} from "./views.ts";

/** The shortest time between two progress reports of a transfer, in ms. */
const PROGRESS_MS = 250;

/** Called when a share has changed. @param event what its session is told; undefined if that is nothing. */
type OnChange = (share: LivingShare, event: ShareEvent["event"] | undefined) => void;

export class ShareManager implements AsyncDisposable {
  readonly #home: string;
  readonly #shares: Shares;
  readonly #sessions = new WeakMap<Share, string>();
  readonly #receptions = new Set<ReceptionView>();
  readonly #onChange: OnChange;

  constructor(home: string, onChange: OnChange, log: Logger) {
    this.#home = home;
    this.#onChange = onChange;
    this.#shares = new Shares(log);
  }

  /** The newest last. */
  get shares(): LivingShare[] {
    return this.#shares.all.map((share) => this.#view(share));
  }

  /** @param content owned by the manager from here on. @throws SpreadError as `Shares.open`. */
  async open(order: ShareOrder, content: Snapshot, session: string, signal: AbortSignal): Promise<NewShare> {
    const request = await this.#requestFor(order, content, session).catch(async (error: unknown) => {
      await content[Symbol.asyncDispose]();
      throw error;
    });
    const share = await this.#shares.open(request, signal);
    this.#sessions.set(share, session);
    return { ...this.#view(share), files: [...share.files] };
  }

  /** What is being received, the newest last. */
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
    const request = { secret, room, protocol, timeoutMs, route: routeOf(order), home: this.#home };
    const reception = beginReception(order, session);
    this.#receptions.add(reception);
    let reportedAt = Number.NEGATIVE_INFINITY;
    try {
      const received = await receive(
        request,
        (step) => {
          const view = viewStep(step);
          note(reception, view);
          if (step.at === "receiving") {
            const now = performance.now();
            if (now - reportedAt < PROGRESS_MS && step.received < step.bytes) return;
            reportedAt = now;
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

  /** Stops every share of the session. @returns those that were alive. */
  async stopAll(session: string): Promise<LivingShare[]> {
    const living = this.#shares.all.filter((it) => it.endedAt === undefined && this.#sessions.get(it) === session);
    return Promise.all(living.map((share) => this.stop(share.id)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#shares[Symbol.asyncDispose]();
  }

  async #requestFor(order: ShareOrder, content: Snapshot, session: string): Promise<ShareRequest> {
    const { title = await headingOf(content), passphrase, relay, legacy, ...rest } = order;
    const eventOf = eventDetector();
    const onChange = (share: Share) => {
      const view = viewShare(share, session);
      this.#onChange(view, eventOf(view));
    };
    const protocol = await protocolOf(legacy);
    return { ...rest, protocol, content, title, passphrase, relay: relay && accessOf(relay), onChange };
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

/** Keeps the deadline in step: a search has the one it reported last, and content that is arriving has none. */
function note(reception: ReceptionView, step: StepView): void {
  reception.step = step;
  if (step.at === "reconnecting") reception.until = step.until;
  else if (step.at === "receiving") delete reception.until;
}

/** @returns a function that says what has happened to one share since its last call: at most the most telling event. */
function eventDetector(): (share: LivingShare) => ShareEvent["event"] | undefined {
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
