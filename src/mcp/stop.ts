/** The tool distill_stop. */
import * as z from "zod";
import { SpreadError } from "../errors.ts";
import { tool } from "./tool.ts";
import { inWords } from "./view.ts";

export const stopTool = tool({
  name: "distill_stop",
  title: "Stop a share",
  description: `Ends shares that were made with distill_share: nobody can receive them any more, and a transfer that runs is cut. What was delivered stays with the receiver; where unconfirmed is not 0, so many receivers may have it as well.

Give share_id (from distill_share or distill_status) of a share of any session, or all: true for every share of this one.`,
  input: z.strictObject({
    share_id: z.string().optional().describe("The share to end. Either this or all."),
    all: z.boolean().optional().describe("true: end every share of this session."),
  }),
  output: z.object({
    stopped: z.array(z.object({ share_id: z.string(), state: z.string(), delivered: z.int(), unconfirmed: z.int() })),
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run({ share_id, all }, context) {
    if ((share_id === undefined) === (all !== true)) {
      throw new SpreadError("invalid-input", "either share_id or all: true must be given, and not both");
    }
    const service = await context.service();
    const ended = share_id === undefined ? await service.stopAll() : [await service.stop(share_id)];
    const stopped = ended.map(({ id, state, delivered, spent }) => {
      return { share_id: id, state, delivered, unconfirmed: spent - delivered };
    });
    const lines = ended.map((it) => `${it.id}: ${inWords(it)}`);
    return { result: { stopped }, text: lines.length > 0 ? lines.join("\n") : "There was nothing to stop." };
  },
});
