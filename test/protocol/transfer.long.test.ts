/** Bits of each frame, anywhere: more of them than transfer.test.ts alters. */
import { it } from "vitest";
import { alter, FRAMES } from "./transfer-suite.ts";

it.each(FRAMES)("alters %s in any bit: an error or the document, never anything else", (name, from, index) =>
  alter(name, from, index, 60),
);
