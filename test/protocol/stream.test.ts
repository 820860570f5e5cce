/** src/protocol/README.md, "Sealed frames": which message ends its direction is fixed, and the last frame says that it is. */
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { Sealer } from "../../src/crypto/seal.ts";
import { FRAME_TYPE } from "../../src/protocol/messages.ts";
import { SealedStream } from "../../src/protocol/stream.ts";
import { memoryLinks } from "../../src/transport/memory.ts";

it.each([
  ["a message that ends nothing, as the last frame", { type: "DELIVERED", transfer: "0".repeat(32) }, false],
  ["an ABORT that is not the last frame", { type: "ABORT", reason: "cancelled" }, false],
  ["a READY as the last frame", { type: "READY", kinds: [], encodings: [], max_bytes: 1 }, true],
])("takes %s for no word of the protocol", async (_what, message, last) => {
  const keys = { fromReceiver: randomBytes(32), fromSender: randomBytes(32) };
  const [near, far] = memoryLinks();
  const stream = new SealedStream(near, "receiver", "7f3k2a", keys);
  const sealer = new Sealer(keys.fromSender);
  await far.send(sealer.seal(FRAME_TYPE.message, Buffer.from(JSON.stringify(message)), last));
  await expect(stream.hear()).rejects.toMatchObject({ code: "bad-message", reason: undefined });
});
