/** What HTTP and mail authenticate with in their headers and commands, one row a form. */
import { JUDGED_CHARS, LONG_EFFORT, type Rule } from "./rule.ts";
import { isPlain, looksRandom, standsForValue } from "./values.ts";

/** Between a header's words, also in a URL, in JSON, or as arguments. */
const SPACE = "(?: |\\\\u0020|%20|\\+| ?\\\\?[\"'`])";
const HEADER_TOKEN = "[\\w+/=.~:%-]{12,3000}";
const AUTHORIZATION = "authorization\\\\?[\"'`\\])]{0,3}\\s{0,4}(?:[:=,]|=>|:=)?\\s{0,4}\\\\?[`\"']?";
const SCHEMES =
  "token apikey api-key key splunk negotiate sso-key ghost zoho-oauthtoken geniekey genie-key bot private-token " +
  "jwt oauth discogs hmac dpop";
const SCHEME = `(?:${SCHEMES.replaceAll(" ", "|")})(?: token)?[ =:]{1,2}`;

export const AUTHENTICATION: readonly Rule[] = [
  {
    id: "bearer-header",
    effort: LONG_EFFORT,
    finds: "Authorization headers: Bearer, Token, Negotiate and the like",
    starts: ["bearer"],
    pattern: new RegExp(
      `(?<![\\w-])bearer(?:\\\\?["'\`])?[:=]?${SPACE}{1,3}\\\\?["'\`]?(?<secret>${HEADER_TOKEN})`,
      "diy",
    ),
    valid: isHeaderToken,
  },
  {
    id: "bearer-header",
    effort: LONG_EFFORT,
    finds: "",
    starts: ["authorization"],
    pattern: new RegExp(`${AUTHORIZATION}${SCHEME}\\\\?["'\`]?(?:token=\\\\?["']?)?(?<secret>${HEADER_TOKEN})`, "diy"),
    valid: isHeaderToken,
  },
  {
    id: "bearer-header",
    effort: LONG_EFFORT,
    finds: "",
    starts: ["authorization"],
    pattern: new RegExp(`${AUTHORIZATION}(?<secret>[\\w+/=.~-]{20,2000})`, "diy"),
    valid: (secret) => looksRandom(secret.slice(0, JUDGED_CHARS), 20),
  },
  {
    id: "basic-header",
    effort: LONG_EFFORT,
    finds: "Basic authorization headers, docker's and npm's auth fields",
    starts: ["basic "],
    pattern: /(?<![\w-])basic {1,2}\\?["'`]?(?<secret>[A-Za-z0-9+/]{8,600}={0,2})(?![\w-])/diy,
    valid: isUserAndPassword,
  },
  {
    id: "basic-header",
    effort: LONG_EFFORT,
    finds: "",
    starts: ['auth"', 'auth\\"', "auth:", "auth'"],
    pattern: /auth(?:\\?["'])?\s{0,4}[:=]\s{0,4}\\?["']?(?<secret>[A-Za-z0-9+/]{12,600}={0,2})(?![\w-])/diy,
    valid: isUserAndPassword,
  },
  {
    id: "basic-header",
    effort: LONG_EFFORT,
    finds: "",
    // What mail programs say to servers: a user and a password, or in answer to "Password:".
    starts: ["AUTH PLAIN ", "AUTHENTICATE PLAIN ", "UGFzc3dvcmQ6"],
    pattern:
      /(?:auth(?:enticate)? plain|UGFzc3dvcmQ6)\s{1,4}(?:[CS<>]: ?)?(?<secret>[A-Za-z0-9+/]{6,400}={0,2})(?![\w-])/diy,
  },
];

function isHeaderToken(secret: string): boolean {
  const judged = secret.slice(0, JUDGED_CHARS);
  return !standsForValue(judged) && !isPlain(judged) && looksRandom(judged, 16);
}

/** Base64 of `user:password`, in text that can be typed. */
function isUserAndPassword(secret: string): boolean {
  if (secret.length < 8) return false;
  const plain = Buffer.from(secret, "base64").toString("latin1");
  const at = plain.indexOf(":");
  return at >= 0 && plain.length > 5 && !/[^\x20-\x7e]/.test(plain) && !/^[^:]*:(?:pass(?:word)?|)$/i.test(plain);
}
