/**
 * What redaction finds of a corpus whose author has seen neither its rules nor any other corpus: `node test/redact/judged/run.mjs`,
 * after a build. With `--hash` alone it prints what is judged, and judges nothing.
 */
import { createHash } from "node:crypto";
import { redactText } from "../../../dist/redact/redactor.js";
import { innocents, SEED, secrets } from "./corpus.mjs";

const [planted, clean] = [secrets(), innocents()];
const hash = createHash("sha256")
  .update(JSON.stringify([planted, clean]))
  .digest("hex");
const kinds = new Set(planted.map(({ kind }) => kind)).size;
console.log(
  `seed ${SEED}, sha256 ${hash}: ${planted.length} secrets of ${kinds} kinds, ${clean.length} innocent texts`,
);

if (!process.argv.includes("--hash")) {
  const missed = [];
  for (const item of planted) {
    const { text } = await redactText(item.text, { secrets: "redact" });
    if (text.includes(item.secret)) missed.push(item);
  }
  const changed = [];
  for (const item of clean) {
    const { text } = await redactText(item.text, { secrets: "redact" });
    if (text !== item.text) changed.push({ ...item, became: text });
  }
  const percent = (part, of) => `${((100 * part) / of).toFixed(1)} %`;
  const found = planted.length - missed.length;
  console.log(`found: ${found} (${percent(found, planted.length)})`);
  console.log(`innocent texts changed: ${changed.length} (${percent(changed.length, clean.length)})`);
  for (const { kind, text } of missed) console.log(`missed ${kind}: ${JSON.stringify(text)}`);
  for (const { kind, text, became } of changed)
    console.log(`changed ${kind}: ${JSON.stringify(text)} -> ${JSON.stringify(became)}`);
}
