/** Why a call is to end. */
import { SpreadError } from "./errors.ts";

/** The reason why a signal was aborted: ours if we gave one, `cancelled` otherwise. */
export function abortReason(signal: AbortSignal): SpreadError {
  return signal.reason instanceof SpreadError
    ? signal.reason
    : new SpreadError("cancelled", "the call was cancelled", { cause: signal.reason });
}
