/** Writes turns as lines of a transcript that the client can resume. Nothing of the sender's is copied unread. */
import { createHash, randomUUID } from "node:crypto";
import { CLIENT_VERSION } from "./transcript.ts";
import type { Block, Turn } from "./turns.ts";

/** A session that is written here: its new id, and where. */
interface TranscriptTarget {
  readonly session: string;
  /** The project's real path. */
  readonly project: string;
}

/** Words of ours before a received conversation or after it: as a prompt, since prompts are shown and read. */
interface Note {
  readonly text: string;
  readonly at: string;
}

/**
 * Writes the lines of one session. The note at the beginning is the root of everything in it, and the note at the end is the
 * last line, from which the client goes back. `uuid`s are made from the session's id: none of the sender's gets in.
 */
export class TranscriptWriter {
  readonly #target: TranscriptTarget;
  #last: string;
  readonly #first: string;

  constructor(target: TranscriptTarget) {
    this.#target = target;
    this.#first = randomUUID();
    this.#last = this.#first;
  }

  begin({ text, at }: Note): string {
    return this.#line(this.#first, null, at, "user", { role: "user", content: text });
  }

  turn(turn: Turn): string {
    const uuid = this.#uuid(turn.n);
    const parent = turn.after === null ? this.#first : this.#uuid(turn.after);
    this.#last = uuid;
    const content = turn.content.map(blockLine);
    if (turn.from === "user") return this.#line(uuid, parent, turn.at, "user", { role: "user", content });
    const id = `msg_${this.#target.session.replaceAll("-", "")}_${turn.message}`;
    return this.#line(uuid, parent, turn.at, "assistant", { ...SAID, id, content });
  }

  end({ text, at }: Note): string {
    return this.#line(randomUUID(), this.#last, at, "user", { role: "user", content: text });
  }

  #line(uuid: string, parentUuid: string | null, timestamp: string, type: string, message: object): string {
    const { session: sessionId, project: cwd } = this.#target;
    const isSidechain = false;
    const userType = "external";
    const version = CLIENT_VERSION;
    const line = { parentUuid, isSidechain, userType, cwd, sessionId, version, type, message, uuid, timestamp };
    return `${JSON.stringify(line)}\n`;
  }

  #uuid(turn: number): string {
    const hex = createHash("sha256").update(`${this.#target.session} ${turn}`).digest("hex");
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20, 32),
    ].join("-");
  }
}

/**
 * No model of the sender's choice, and no tokens: none were used here. The client writes its own messages like this.
 */
const SAID = {
  type: "message",
  role: "assistant",
  model: "<synthetic>",
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
};

function blockLine(block: Block): object {
  switch (block.type) {
    case "text":
    case "tool_use":
      return block;
    case "image":
      return imageLine(block);
    case "tool_result": {
      const content = block.content.map((part) => (part.type === "image" ? imageLine(part) : part));
      return { ...block, content: content.length === 0 ? "" : content };
    }
    default:
      return block satisfies never;
  }
}

function imageLine({ media_type, data }: { media_type: string; data: string }): object {
  return { type: "image", source: { type: "base64", media_type, data } };
}
