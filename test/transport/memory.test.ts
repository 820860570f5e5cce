import type { FrameBounds } from "../../src/transport/link.ts";
import { memoryLinks } from "../../src/transport/memory.ts";
import { linkSuite } from "./link-suite.ts";

async function makePair(bounds?: FrameBounds) {
  const [a, b] = memoryLinks(undefined, bounds);
  return {
    a,
    b,
    closeA: () => a.close(),
    closeB: () => b.close(),
    release: async () => {
      await Promise.all([a.close(), b.close()]);
    },
  };
}

linkSuite("memory", { bSeesCleanEnd: true, makePair, makeBounded: makePair });
