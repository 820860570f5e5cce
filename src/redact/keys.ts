/** Private keys in text: whole, cut off at either end, in strings, in patches, with what programs put around their lines. */
import { always, type Rule } from "./rule.ts";

/** Its lines are looked at, whatever they are. */
const KEY_EFFORT = 500;
const KEY_BEGIN = "-{4,5} ?BEGIN (?:(?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V\\d) ?-{4,5}";
const KEY_HEAD = new RegExp(KEY_BEGIN, "y");
const KEY_END = "-{4,5} ?END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY";
/** Whatever it has up to its end, with anything before and behind its lines; but never into the next key. */
const KEY_TEXT = "(?:[^-]|-(?!-{3,4} ?BEGIN )){16,16000}?(?=-{4,5} ?END )";
/** What programs and people put before a line and behind it: numbers, names of files and hosts, times, signs of a patch. */
const MAX_AROUND_CHARS = 60;
const AROUND = `[^\\n]{0,${MAX_AROUND_CHARS}}`;
const KEY_HEADER = `${AROUND}?[A-Z][\\w-]{2,20}: [^\\n]{1,80}`;
const KEY_RUN = "(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{16,2000}(?![A-Za-z0-9+/=])";
const KEY_LINE = `(?!${AROUND}(?:BEGIN|END) )${AROUND}?${KEY_RUN}[^\\n]{0,8}`;
const KEY_LINES = `[^\\n]{0,24}(?:\\n${KEY_HEADER}){0,4}(?:\\n[^\\n]{0,24})?(?:\\n${KEY_LINE}(?=\\n|$)){1,200}`;
/** Before a key's end, as in the hunk of a patch that begins within the key; its last line may be short. */
const KEY_REST = `(?:(?:^|\\n)${KEY_LINE}){2,200}(?:\\n[^\\n]{0,40})?\\n${AROUND}`;
/** The same in a string, with escaped line ends. */
const KEY_STRING = "(?:(?:\\\\[nr]|[\\s>|*\"',]){0,12}[A-Za-z0-9+/=]{16,2000}){1,100}";

export const PRIVATE_KEYS: readonly Rule[] = [
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "PEM, OpenSSH, PGP and PuTTY private keys, also cut off or with escaped line ends",
    starts: ["-----BEGIN ", "---- BEGIN "],
    head: KEY_HEAD,
    pattern: new RegExp(`${KEY_BEGIN}(?<secret>${KEY_TEXT})`, "dy"),
    valid: isKeyText,
  },
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "",
    starts: ["-----BEGIN ", "---- BEGIN "],
    head: KEY_HEAD,
    // Without its end: as much of its lines as there is.
    pattern: new RegExp(`${KEY_BEGIN}(?<secret>${KEY_LINES}|${KEY_STRING})`, "dy"),
    valid: isNoSample,
  },
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "",
    starts: ["-----END ", "---- END "],
    head: new RegExp(KEY_END, "y"),
    pattern: new RegExp(`(?<=(?<secret>${KEY_REST}))${KEY_END}`, "dy"),
    valid: isNoSample,
  },
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "",
    starts: ["Private-Lines:"],
    pattern:
      /private-lines: \d{1,3}(?:\\n|\r?\n)[ \t>+-]{0,16}(?<secret>[A-Za-z0-9+/=]{1,80}(?:(?:\\n|\r?\n)[ \t>+-]{0,16}[A-Za-z0-9+/=]{20,80}){0,200}(?:(?:\\n|\r?\n)[ \t>+-]{0,16}[A-Za-z0-9+/=]{1,80}(?![:\w-]))?)/diy,
    valid: always,
  },
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "",
    // The beginning of a PEM in base64, whatever comes of the rest.
    starts: ["LS0tLS1CRUdJTi"],
    pattern: /(?<![A-Za-z0-9+/])LS0tLS1CRUdJTi[A-Za-z0-9+/]{40,12000}={0,2}/dy,
    valid: (secret) => Buffer.from(secret.slice(0, 80), "base64").toString("latin1").includes("PRIVATE KEY"),
  },
];

function isNoSample(key: string): boolean {
  return /[\w+/]{24}/.test(key) && !/x{8}/i.test(key);
}

/** Between a key's begin and an end that may be another's: most lines are of its letters, and none is of prose. */
function isKeyText(text: string): boolean {
  if (!isNoSample(text)) return false;
  let lines = 0;
  let ofKey = 0;
  for (const line of text.split(/(?:[\r\n]|\\+[rn])+/)) {
    const around = line.replace(/[A-Za-z0-9+/=]{16,}/g, "");
    if (around.length < line.length) ofKey++;
    if (line.trim() !== "" && !KEY_HEADER_LINE.test(line)) lines++;
    if (around.length > MAX_AROUND_CHARS && !KEY_HEADER_LINE.test(line)) return false;
  }
  return ofKey >= lines / 2;
}

/** `Proc-Type: 4,ENCRYPTED`, `Comment: …` */
const KEY_HEADER_LINE = new RegExp(`^${AROUND}?[A-Z][\\w-]{2,20}: .{1,120}$`);
