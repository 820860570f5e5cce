import { memoryLinks } from "../../src/transport/memory.ts";
import { linkSuite } from "./link-suite.ts";

linkSuite("memory", {
  bSeesCleanEnd: true,
  async makePair() {
    const [a, b] = memoryLinks();
    return {
      a,
      b,
      closeA: () => a.close(),
      closeB: () => b.close(),
      release: async () => {
        await Promise.all([a.close(), b.close()]);
      },
    };
  },
});
