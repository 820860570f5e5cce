/**
 * What the tools can have done, for one session of a user, by whoever does it: this process (local.ts), or the hub. Nobody
 * who asks needs to know which.
 */
import type { Material } from "../content/material.ts";
import type { Kept, NewShare, ReceivedView, ReceiveOrder, ShareOrder, ShareView, StepView } from "./views.ts";

/** Something that a session is told of a share that it made, unasked. */
export interface ShareEvent {
  readonly event: "delivered" | "attempt-failed" | "ended";
  readonly share: ShareView;
}

/** All that is done for the user, of all sessions. */
export interface Holdings extends Kept {
  /** Which hub does it; undefined if none does. */
  readonly hub?: { readonly pid: number; readonly version: string; readonly since: string };
}

export interface Service extends AsyncDisposable {
  /** Of those who ask: shares are made in its name. */
  readonly session: string;

  /**
   * Freezes the content, offers it, and goes on serving it.
   * @param content as `snapshot` takes it.
   * @param signal rules the opening alone.
   * @throws SpreadError
   */
  share(order: ShareOrder, content: readonly Material[], signal: AbortSignal): Promise<NewShare>;

  /** @param report told each step, and of those of a transfer one now and then. @throws SpreadError */
  receive(order: ReceiveOrder, report: (step: StepView) => void, signal: AbortSignal): Promise<ReceivedView>;

  holdings(): Promise<Holdings>;

  /** @returns the share, ended, whoever made it. @throws SpreadError `no-such-share`. */
  stop(id: string): Promise<ShareView>;

  /** @returns those of this session that were living. */
  stopAll(): Promise<readonly ShareView[]>;
}
