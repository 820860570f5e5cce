/**
 * What redaction finds of corpora whose authors have seen neither its rules nor any other corpus: `node test/redact/judged/run.mjs`,
 * after a build. With `--hash` alone it prints what is judged, and judges nothing.
 */
import { createHash } from "node:crypto";
import { redactText } from "../../../dist/redact/redactor.js";
import * as round1 from "./round1.mjs";
import * as round2 from "./round2.mjs";

const redacted = async (text) => (await redactText(text, { secrets: "redact" })).text;
const percent = (part, of) => `${((100 * part) / of).toFixed(2)} %`;

for (const [name, { SEED, innocents, secrets }] of Object.entries({ round1, round2 })) {
  const [planted, clean] = [secrets(), innocents()];
  const hash = createHash("sha256")
    .update(JSON.stringify([planted, clean]))
    .digest("hex");
  const kinds = new Set(planted.map(({ kind }) => kind)).size;
  console.log(
    `${name}, seed ${SEED}, sha256 ${hash}: ${planted.length} secrets of ${kinds} kinds, ${clean.length} innocent texts`,
  );
  if (process.argv.includes("--hash")) continue;

  const missed = [];
  for (const item of planted) if ((await redacted(item.text)).includes(item.secret)) missed.push(item);
  const changed = [];
  for (const item of clean) {
    const became = await redacted(item.text);
    if (became !== item.text) changed.push({ ...item, became });
  }
  const found = planted.length - missed.length;
  console.log(`found: ${found} (${percent(found, planted.length)})`);
  console.log(`innocent texts changed: ${changed.length} (${percent(changed.length, clean.length)})`);
  for (const { kind, text } of missed) console.log(`missed ${kind}: ${JSON.stringify(text)}`);
  for (const { kind, text, became } of changed)
    console.log(`changed ${kind}: ${JSON.stringify(text)} -> ${JSON.stringify(became)}`);
}
