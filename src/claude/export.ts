/**
 * A session of this machine as lines that can travel: read twice from its beginning, first for how its lines hang
 * together; never more of it in memory than a batch of lines, the ids, and where each line is.
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, realpath } from "node:fs/promises";
import { SpreadError } from "../errors.ts";
import { MAX_TITLE_CHARS } from "../limits.ts";
import { cleanLine } from "../untrusted/clean.ts";
import { openOwn } from "./folders.ts";
import { LineReader } from "./line-reader.ts";
import { isModest, type Line, parseLine, placedLinesOf } from "./lines.ts";
import { hidePlaces, makeTokens } from "./paths.ts";
import { countSubagents, pieces, type Session } from "./sessions.ts";
import { readThread, type Thread } from "./thread.ts";
import { fileOf } from "./transcript.ts";
import { type ReadLine, readLine, type Wanted } from "./transcript-content.ts";
import {
  FORMAT,
  type LeftOutCounts,
  MAX_TURN_BYTES,
  MAX_TURNS,
  mapInputs,
  mapTexts,
  type Redact,
  type SessionEnd,
  type SessionHeader,
  type Spoken,
  type Turn,
} from "./turns.ts";

interface ExportOptions extends Partial<Wanted> {
  /** The user's home folder, which is named in many paths. */
  readonly userHome: string;
  /** Applied to each text that a person could read, when the paths in it have been hidden. */
  readonly redact?: Redact;
  readonly signal?: AbortSignal;
}

/**
 * The lines of a session, a batch at a time. What a client that is still at work writes meanwhile is not in it. The
 * last line counts what was left out.
 * @throws SpreadError `path-unreadable`, `too-large` with more than MAX_TURNS turns; what `redact` throws
 */
export async function* exportSession(session: Session, options: ExportOptions): AsyncGenerator<Uint8Array, SessionEnd> {
  const { redact, signal } = options;
  await using handle = await openOwn(session.folder, fileOf(session.id));
  const { size } = await handle.stat();
  const tokens = makeTokens();
  const home = await realpath(options.userHome).catch(() => options.userHome);
  const places = { project: session.project ?? home, home };
  const hide = hidePlaces(places, tokens);
  // Read by a person, before there is a machine to put paths of in it.
  const shorten = hidePlaces(places, { project: ".", project_name: "project", home: "~", home_name: "home" });
  const oneLine = async (text: string) => {
    const short = shorten(text);
    const [clean = ""] = redact === undefined ? [short] : await redact([{ text: short, line: 1 }]);
    return cleanLine(clean, MAX_TITLE_CHARS);
  };

  yield jsonLine({
    format: FORMAT,
    version: 1,
    id: randomUUID(),
    title: await oneLine(session.title),
    ...(session.branch !== undefined && { branch: await oneLine(session.branch) }),
    places: tokens,
  } satisfies SessionHeader);

  const thread = await readThread(handle, size, signal);
  const turns = new TurnNumbers(thread.after);
  turns.leaveOut("subagents", await countSubagents(session));
  const wanted = { thinking: options.thinking ?? false, images: options.images ?? false };
  for await (const lines of inOrder(handle, size, thread, signal)) {
    const batch = await turnsIn(lines, turns, wanted, hide);
    const clean = redact === undefined ? batch : await redacted(batch, redact);
    if (clean.length > 0) yield Buffer.concat(clean.map((turn) => turnLine(turn, turns)));
  }
  const end: SessionEnd = { end: true, turns: turns.count, left_out: turns.leftOut };
  yield jsonLine(end);
  return end;
}

/** The turns that lines make, with paths hidden; `turns` counts what is left out of them. */
async function turnsIn(
  lines: readonly Line[],
  turns: TurnNumbers,
  wanted: Wanted,
  hide: (text: string) => string,
): Promise<Turn[]> {
  const batch: Turn[] = [];
  for (const line of lines) {
    if (line === undefined) {
      turns.leaveOut("long_lines");
      continue;
    }
    const read = readLine(parseLine(line), wanted);
    for (const what of read.leftOut) turns.leaveOut(what);
    const said = turns.next(read);
    const turn = said && (await mapTexts(said, hide));
    // What replaces a part can be many times as long as the part.
    const surely = line.length <= SURELY_FITS_BYTES && read.leftOut.length === 0;
    const kept = turn !== undefined && (surely || fits(jsonLine(turn)));
    if (kept) batch.push(turn);
    else if (turn !== undefined) turns.leaveOut("long_lines");
    turns.take(read, kept);
  }
  return batch;
}

/** A turn as it travels; if redacting has made it too long, without its words. */
function turnLine(turn: Turn, turns: TurnNumbers): Buffer {
  const line = jsonLine(turn);
  if (fits(line)) return line;
  turns.leaveOut("long_lines");
  return jsonLine({ ...turn, content: [{ type: "text", text: TOO_LONG }] });
}

/** The lines of a transcript, each after the one that it follows. */
async function* inOrder(
  handle: FileHandle,
  size: number,
  { early, elsewhere, last }: Thread,
  signal?: AbortSignal,
): AsyncGenerator<Line[]> {
  const reader = new LineReader(handle, signal);
  const batch = new Batch();
  async function* read(places: Thread["last"]): AsyncGenerator<Line[]> {
    for (const place of places) {
      if (batch.isFull) yield batch.take();
      batch.add(await reader.lineAt(place), place.bytes);
    }
  }
  // The last lines go with those before them, so that what is found in either is reported together.
  for await (const placed of placedLinesOf(pieces(handle, 0, size, signal))) {
    if (!batch.isEmpty) yield batch.take();
    for (const { line, start, bytes } of placed) {
      const ahead = early.get(start);
      if (ahead) yield* read(ahead);
      if (!elsewhere.has(start)) batch.add(line, bytes);
    }
  }
  yield* read(last);
  yield batch.take();
}

/** When so much was read of lines that are not where they belong, it goes on its way; the lines of one piece are as much. */
const BATCH_BYTES = 256 * 1024;

/** Lines that go on their way together. */
class Batch {
  #lines: Line[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  get isFull(): boolean {
    return this.#bytes >= BATCH_BYTES;
  }

  add(line: Line, bytes: number): void {
    this.#lines.push(line);
    this.#bytes += bytes;
  }

  take(): Line[] {
    const lines = this.#lines;
    this.#lines = [];
    this.#bytes = 0;
    return lines;
  }
}

/** A line of the client's so short, in bytes, makes no turn that is too long: a token is not eight times its path. */
const SURELY_FITS_BYTES = MAX_TURN_BYTES / 8;

/** Replaces a message that placeholders have made too long: other turns say that they follow it. */
const TOO_LONG = "[a message that was too long, left out]";

function fits(line: Buffer): boolean {
  return line.length <= MAX_TURN_BYTES && isModest(line);
}

/** Each text by itself first, as it was said; then what a tool was given as a whole, for what is secret by its name. */
async function redacted(batch: readonly Turn[], redact: Redact): Promise<Turn[]> {
  return changed(await changed(batch, mapTexts, redact), mapInputs, redact);
}

/** The same turns with all that `map` finds in them as `redact` has it: asked once for all of it. */
async function changed(batch: readonly Turn[], map: typeof mapTexts, redact: Redact): Promise<Turn[]> {
  const texts: Spoken[] = [];
  for (const turn of batch) {
    await map(turn, (text) => {
      texts.push({ text, line: turn.n + 2 }); // the header is line 1
      return text;
    });
  }
  if (texts.length === 0) return [...batch];
  const clean = await redact(texts);
  if (clean.length !== texts.length) throw new SpreadError("internal", "texts were lost while they were cleaned");
  let next = 0;
  const turns = [];
  for (const turn of batch) turns.push(await map(turn, () => clean[next++] ?? ""));
  return turns;
}

/**
 * Numbers in the place of the client's ids. What followed a line that is left out follows the line before that.
 */
class TurnNumbers {
  count = 0;
  readonly leftOut: LeftOutCounts = {};
  /** The client's ids, each with the turn that it is, or that it followed. */
  readonly #numbers = new Map<string, number | null>();
  /** Of each turn the answer that it is a part of: the client's id, and the number here. */
  readonly #answers: ({ id: string | undefined; message: number } | undefined)[] = [];
  #nextMessage = 0;
  readonly #calls = new Set<string>();
  readonly #results = new Set<string>();
  /** Of lines that follow another than they say. */
  readonly #after: Thread["after"];

  constructor(after: Thread["after"]) {
    this.#after = after;
  }

  leaveOut(what: keyof LeftOutCounts, times = 1): void {
    if (times > 0) this.leftOut[what] = (this.leftOut[what] ?? 0) + times;
  }

  /** The turn that a line is, if anything was said in it. */
  next(read: ReadLine): Turn | undefined {
    const { said } = read;
    if (said === undefined) return undefined;
    const content = said.content.filter((block) => this.#isFirst(block));
    if (content.length === 0) return undefined;
    if (this.count >= MAX_TURNS) throw new SpreadError("too-large", `the session has more than ${MAX_TURNS} turns`);
    const common = { n: this.count, after: this.#before(read), at: said.at ?? new Date(0).toISOString() };
    this.#answers.length = this.count; // a turn that was not kept after all has no answer
    if (said.from === "user") return { ...common, from: "user", content } as Turn;
    const answer = this.#answer(said.message, common.after);
    this.#answers.push(answer);
    return { ...common, from: "assistant", message: answer.message, content } as Turn;
  }

  /** @param kept whether the turn that was made of the line travels. */
  take(read: ReadLine, kept: boolean): void {
    const { id } = read;
    if (id !== undefined) {
      if (this.#numbers.size >= MAX_TURNS * 4) throw new SpreadError("too-large", "the session has too many lines");
      this.#numbers.set(id, kept ? this.count : this.#before(read));
    }
    if (kept) this.count += 1;
  }

  /** The turn that a line follows; where the line that it names is missing, the one before it in the file. */
  #before({ id: own, after }: ReadLine): number | null {
    const joined = own === undefined ? undefined : this.#after.get(own);
    const id = joined === undefined ? after : joined;
    if (id === null) return null;
    const known = id === undefined ? undefined : this.#numbers.get(id);
    return known !== undefined ? known : this.count > 0 ? this.count - 1 : null;
  }

  /** Parts of an answer follow one another. There are gateways that give all answers the same id. */
  #answer(id: string | undefined, after: number | null) {
    const before = after === null ? undefined : this.#answers[after];
    return id !== undefined && before?.id === id ? before : { id, message: this.#nextMessage++ };
  }

  /** A call, or its result, that is there twice is refused by a model's API, and the whole conversation with it. */
  #isFirst(block: Turn["content"][number]): boolean {
    const [seen, id] =
      block.type === "tool_use"
        ? [this.#calls, block.id]
        : block.type === "tool_result"
          ? [this.#results, block.tool_use_id]
          : [undefined, ""];
    if (seen?.has(id)) {
      this.leaveOut("blocks");
      return false;
    }
    seen?.add(id);
    return true;
  }
}

function jsonLine(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
