/** Every message between the hub and its clients. README.md says what they mean. */
import * as z from "zod";
import { Part } from "../content/part.ts";
import { ERROR_CODES } from "../errors.ts";
import { MAX_CODE_CHARS, MAX_PARTS, MAX_SHARE_BYTES } from "../limits.ts";
import {
  Kept,
  NewShare,
  ReceivedView,
  ReceiveOrder,
  SHARE_EVENTS,
  ShareOrder,
  ShareView,
  StepView,
} from "../service/views.ts";

export const PROTOCOL = 2;

export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** The longest text sent inside a message, in bytes of UTF-8: each can become six bytes in JSON. */
export const MAX_INLINE_BYTES = 128 * 1024;
/** How long a request other than `receive` may take, in ms. */
export const REQUEST_MS = 120_000;
/** The WebSocket close code of a hub that is ending. */
export const RETIRED = 4001;

const MAX_ID_CHARS = 100;

/** A file in the home's spool that the hub takes over. */
const HandedFile = z.object({
  file: z.string().max(100),
  bytes: z.int().min(1).max(MAX_SHARE_BYTES),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  compressible: z.boolean(),
  parts: z.array(Part).min(1).max(MAX_PARTS),
});

const Id = z.int().positive();

export const HubRequest = z.discriminatedUnion("op", [
  z.object({
    id: Id,
    op: z.literal("share"),
    order: ShareOrder,
    content: z.union([z.object({ text: z.string() }), HandedFile]),
  }),
  z.object({ id: Id, op: z.literal("receive"), order: ReceiveOrder }),
  z.object({ id: Id, op: z.literal("holdings") }),
  z.object({ id: Id, op: z.literal("stop"), share: z.string().max(MAX_ID_CHARS).optional() }),
  z.object({ id: Id, op: z.literal("cancel"), request: Id }),
  z.object({ id: Id, op: z.literal("retire") }),
]);
export type HubRequest = z.infer<typeof HubRequest>;

/** The result of each request that is answered. */
export const OP_RESULTS = {
  share: NewShare,
  receive: ReceivedView,
  holdings: Kept,
  stop: z.array(ShareView),
  retire: z.object({ retired: z.boolean() }),
} as const;
export type Op = keyof typeof OP_RESULTS;
/** The fields of a request besides its id and op. */
export type OpArguments<O extends Op> = Omit<Extract<HubRequest, { op: O }>, "id" | "op">;
export type OpResult<O extends Op> = z.infer<(typeof OP_RESULTS)[O]>;

/** Which hub this is. */
export const HubInfo = z.object({
  protocol: z.int(),
  version: z.string().regex(/^\d+\.\d+\.\d+/),
  pid: z.int().positive(),
  since: z.iso.datetime(),
});
export type HubInfo = z.infer<typeof HubInfo>;

/** A hub of another version can have codes that this one does not know: then its message has to say what happened. */
const Code = z.enum(ERROR_CODES).or(
  z
    .string()
    .max(MAX_CODE_CHARS)
    .transform(() => "peer-aborted" as const),
);

/** All that the hub says. */
export const HubMessage = z.union([
  z.object({ welcome: HubInfo }),
  z.object({ id: Id, ok: z.unknown().refine((value) => value !== undefined) }),
  z.object({ id: Id, error: z.object({ code: Code, message: z.string() }) }),
  z.object({ id: Id, step: StepView }),
  z.object({ event: z.enum(SHARE_EVENTS), share: ShareView }),
]);
export type HubMessage = z.infer<typeof HubMessage>;

/** @returns undefined for what is no request. */
export function parseRequest(data: Buffer): HubRequest | undefined {
  return parse(HubRequest, data);
}

/** @returns undefined for what no hub says. */
export function parseHubMessage(data: Buffer): HubMessage | undefined {
  return parse(HubMessage, data);
}

function parse<T>(schema: z.ZodType<T>, data: Buffer): T | undefined {
  try {
    return schema.safeParse(JSON.parse(data.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
