/** What version 2 knows of version 1: how its receiver says HELLO, and how to answer it. The rest is in legacy/. */
import * as z from "zod";
import { parse, parseJson } from "./messages.ts";

export const LEGACY_VERSION = 1;

/** The longest message except PAYLOAD, in bytes: many times what ours need, since JSON can be spelt verbosely. */
export const MAX_SMALL_MESSAGE_BYTES = 4096;

/** A receiver of version 1 at a share of version 2 shows this to its user. */
const SHARE_WITH_LEGACY = "unsupported_version: ask the sender to share again with --legacy";

const Hello = z.object({ type: z.literal("HELLO"), version: z.number() });

/** The version that a HELLO names. @throws SpreadError `bad-message` for anything else. */
export function helloVersion(frame: Uint8Array): number {
  return parse(Hello, parseJson(frame, MAX_SMALL_MESSAGE_BYTES)).version;
}

/** Whether a first frame is the HELLO of a version 1 receiver. */
export function isLegacyHello(frame: Uint8Array): boolean {
  try {
    return helloVersion(frame) === LEGACY_VERSION;
  } catch {
    return false;
  }
}

/** The answer of a share of version 2 to a HELLO of version 1. */
export function deniedByVersion2(): string {
  return JSON.stringify({ type: "DENIED", reason: SHARE_WITH_LEGACY });
}
