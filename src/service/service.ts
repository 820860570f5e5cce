/**
 * What a session can have done for its user: by this process (local.ts) or by the hub (hub/client.ts). Callers need not
 * know which.
 */
import type { Material } from "../content/material.ts";
import type {
  Kept,
  NewShare,
  ReceivedView,
  ReceiveOrder,
  SHARE_EVENTS,
  ShareOrder,
  ShareView,
  StepView,
} from "./views.ts";

/** News of a share, sent unasked to the session that made it. */
export interface ShareEvent {
  readonly event: (typeof SHARE_EVENTS)[number];
  readonly share: ShareView;
}

/** Everything in progress for the user, across all sessions. */
export interface ServiceStatus extends Kept {
  /** The hub that does the work; undefined if there is none. */
  readonly hub?: { readonly pid: number; readonly version: string; readonly since: string };
}

export interface Service extends AsyncDisposable {
  /** The id of the caller's session, which owns the shares it makes. */
  readonly session: string;

  /**
   * Freezes the content, offers it, and keeps serving it.
   * @param content as `snapshot` takes it.
   * @param signal cancels the opening only; the share then lives on its own.
   * @throws SpreadError
   */
  share(order: ShareOrder, content: readonly Material[], signal: AbortSignal): Promise<NewShare>;

  /** @param report called at each step, and from time to time during a transfer. @throws SpreadError */
  receive(order: ReceiveOrder, report: (step: StepView) => void, signal: AbortSignal): Promise<ReceivedView>;

  status(): Promise<ServiceStatus>;

  /** Stops a share of any session. @returns the share, ended. @throws SpreadError `no-such-share`. */
  stop(id: string): Promise<ShareView>;

  /** Stops every share of this session. @returns those that were alive. */
  stopAll(): Promise<readonly ShareView[]>;
}
