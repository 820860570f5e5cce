/** How well steering passages are told from honest text: the figures that the README shows and the tests hold. */
import { linkWarnings } from "../../../src/inspection/links.ts";
import { inspectPassages } from "../../../src/inspection/passages.ts";
import { steeringOf } from "../../../src/inspection/steering.ts";
import type { SteeringKind } from "../../../src/inspection/steering-rules.ts";
import { TextCleaner } from "../../../src/untrusted/clean.ts";
import { MarkerGuard } from "../../../src/untrusted/markers.ts";
import { friendlyDocuments, HELD_OUT_FRIENDLY } from "./friendly.ts";
import { DISGUISES, HELD_OUT, HOSTILE } from "./hostile.ts";

export const FRIENDLY_DOCUMENTS = 400;

/** What is found in one document, as the inbox looks at it. */
export function lookAt(document: string): {
  text: string;
  steering: { kind: SteeringKind; line: number }[];
  links: string[];
  marks: number;
} {
  const [cleaner, guard, inspection] = [new TextCleaner(), new MarkerGuard(), inspectPassages(1)];
  const text = guard.push(cleaner.push(Buffer.from(document)) + cleaner.end()) + guard.end();
  inspection.push(text);
  const passages = inspection.end();
  return { text, steering: steeringOf(passages), links: linkWarnings(passages), marks: guard.defused };
}

interface Share {
  readonly of: number;
  readonly found: number;
  /** Those that were not found, or were found and should not have been. */
  readonly wrong: readonly string[];
}

export function recall(passages: readonly string[]): Share {
  const [before, after] = friendlyDocuments(2);
  const missed = passages.filter((it) => {
    const document = `${before}\n${it}\n\n${after}`;
    return lookAt(document).steering.length === 0;
  });
  return { of: passages.length, found: passages.length - missed.length, wrong: missed };
}

export function falseAlarms(documents: readonly string[]): Share & { readonly lines: number } {
  const alarms = documents.flatMap((document) => {
    const lines = document.split("\n");
    return lookAt(document).steering.map(({ kind, line }) => `${kind}: ${lines[line - 1]}`);
  });
  const hit = documents.filter((it) => lookAt(it).steering.length > 0).length;
  return { of: documents.length, found: hit, wrong: alarms, lines: documents.join("\n").split("\n").length };
}

/** All figures, as lines of a Markdown table. */
export function table(): string {
  const percent = (part: number, of: number) => `${((100 * part) / of).toFixed(1)} %`;
  const rows: [what: string, of: number, found: number][] = [];
  for (const kind of Object.keys(HOSTILE) as SteeringKind[]) {
    const { of, found } = recall(HOSTILE[kind]);
    rows.push([`hostile: ${kind}`, of, found]);
  }
  const prose = [...HOSTILE.override, ...HOSTILE.concealment];
  for (const [name, disguise] of Object.entries(DISGUISES)) {
    const { of, found } = recall(prose.map(disguise));
    rows.push([`hostile, disguised: ${name}`, of, found]);
  }
  const heldOut = recall(Object.values(HELD_OUT).flat());
  rows.push(["hostile, written after the rules", heldOut.of, heldOut.found]);
  const friendly = falseAlarms(friendlyDocuments(FRIENDLY_DOCUMENTS));
  rows.push(["honest documents", friendly.of, friendly.found], ["honest lines", friendly.lines, friendly.wrong.length]);
  const near = falseAlarms(HELD_OUT_FRIENDLY);
  rows.push(["honest passages that come near", near.of, near.found]);
  return [
    "| corpus | of | listed | share |",
    "| --- | ---: | ---: | ---: |",
    ...rows.map(([what, of, found]) => `| ${what} | ${of} | ${found} | ${percent(found, of)} |`),
  ].join("\n");
}

/** What looking at a document costs, in MB of it a second of this processor's time: from bytes to clean text and passages. */
export function speed(): string {
  const honest = friendlyDocuments(400).join("\n");
  const prose = honest.replace(/^[^A-Z].*\n/gm, "");
  const texts = {
    "their prose, in ASCII": prose.replace(/[^\n -~]/g, "x"),
    "their prose, in all languages": prose,
    "honest hand-offs": honest,
  };
  const rows = Object.entries(texts).map(([name, text]) => {
    const bytes = Buffer.from(text.repeat(Math.ceil(8e6 / text.length)));
    lookInPieces(bytes.subarray(0, 500_000)); // warm
    const before = process.cpuUsage().user;
    lookInPieces(bytes);
    return `| ${name} | ${Math.round(bytes.length / (process.cpuUsage().user - before))} MB/s |`;
  });
  return ["| text | speed |", "| --- | ---: |", ...rows].join("\n");
}

/** As the inbox does it. */
function lookInPieces(bytes: Buffer): void {
  const [cleaner, guard, inspection] = [new TextCleaner(), new MarkerGuard(), inspectPassages(1)];
  for (let at = 0; at < bytes.length; at += 32 * 1024) {
    const piece = bytes.subarray(at, at + 32 * 1024);
    inspection.push(guard.push(cleaner.passes(piece) ? piece.toString("latin1") : cleaner.push(piece)));
  }
  inspection.push(guard.push(cleaner.end()) + guard.end());
  inspection.end();
}
