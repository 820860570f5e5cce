/**
 * The forms of secrets that can be told by their form: one row a kind. A pattern begins at one of its `starts`, is tried
 * there alone, and has a bound on all that it repeats: what a text costs grows with its length and with nothing else.
 * Values that only their surroundings give away are in assignments.ts.
 */
import { AUTHENTICATION } from "./authentication.ts";
import { CALLED, COMMANDS } from "./commands.ts";
import { PASSWORD_HASHES } from "./hashes.ts";
import { PRIVATE_KEYS } from "./keys.ts";
import { always, HEX_DIGITS, JUDGED_CHARS, LEFT, LONG_EFFORT, type Rule, UUID } from "./rule.ts";
import { SERVICE_TOKENS } from "./tokens.ts";
import { isTyped } from "./typed.ts";
import { isPlain, looksChosen, looksRandom, NOT_A_PASSWORD, standsForValue } from "./values.ts";
import { WEBHOOKS } from "./webhooks.ts";

/** The three characters with which the base64 of a Discord user's number begins. */
const SNOWFLAKE_STARTS = Array.from({ length: 90 }, (_, at) =>
  Buffer.from(`${at + 10}0`)
    .toString("base64")
    .slice(0, 3),
);

const TOP_DOMAINS =
  "com org net io dev co de fr app edu gov info cloud me uk it es nl pl ru eu ch at jp cn kr br tr se no dk fi cz".split(
    " ",
  );

const AZURE_MARKS = ["AZDO", "AzCa", "AzSe", "+AMC", "+ASt", "AzFu", "+ABa", "+ARm", "ACDb"];

/** An address has its first slash or blank soon. */
const URL_EFFORT = 8;
/** How far behind an id its secret may stand: in the next line, or the next field. */
const PARTNER_REACH_CHARS = 160;

export const RULES: readonly Rule[] = [
  ...SERVICE_TOKENS,
  ...PRIVATE_KEYS,
  ...COMMANDS,
  ...CALLED,
  {
    id: "wireguard-key",
    finds: "WireGuard private and preshared keys",
    starts: ["PrivateKey", "PresharedKey"],
    pattern: /(?:private|preshared)key\s{0,4}=\s{0,4}(?<secret>[A-Za-z0-9+/]{43}=)/diy,
  },
  {
    id: "discord-token",
    finds: "Discord bot tokens",
    starts: [...new Set(SNOWFLAKE_STARTS), "mfa."],
    pattern:
      /(?:(?<![\w.+/-])|(?<=\\[nrt]))(?:[MNO][A-Za-z\d_-]{22,27}\.[\w-]{6}\.[\w-]{27,40}|mfa\.[\w-]{80,95})(?![\w-])/dy,
  },
  {
    id: "telegram-token",
    finds: "Telegram bot tokens",
    starts: [":AA"],
    pattern: /(?<=(?<!\d)\d{8,10}):(?<secret>AA[\w-]{32,36})(?![\w-])/dy,
  },
  {
    id: "mailchimp-key",
    finds: "Mailchimp keys",
    starts: ["-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"],
    pattern: /(?<=(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))(?<head>[0-9a-f]{32}))(?<secret>-us\d{1,2})(?!\w)/dy,
  },
  {
    id: "azure-key",
    finds: "Azure storage, service bus and Cosmos keys, SAS signatures, Entra client secrets, DevOps tokens",
    starts: ["AccountKey=", "SharedAccessKey=", "SharedSecret="],
    pattern: /(?:accountkey|shared(?:access)?key|sharedsecret)=(?<secret>[A-Za-z0-9+/]{40,90}={0,2})/diy,
  },
  {
    id: "azure-key",
    finds: "",
    starts: ["sig="],
    pattern: /(?<=[?&;"'`\s](?:amp;)?)sig=(?<secret>[A-Za-z0-9+/%_-]{40,90}(?:%3D|=){0,2})/diy,
  },
  {
    id: "azure-key",
    finds: "",
    starts: [..."0123456789"].map((digit) => `${digit}Q~`),
    pattern: /(?<=(?:(?<![\w.~-])|(?<=\\[nrt]))(?<head>[\w.~-]{3}))(?<secret>\dQ~[\w.~-]{31,34})(?![\w.~-])/dy,
  },
  {
    id: "azure-key",
    finds: "",
    isWeak: true,
    // The mark that Azure puts near the end of its keys.
    starts: AZURE_MARKS,
    pattern: new RegExp(
      `(?<=(?<![A-Za-z0-9+/])(?<head>[A-Za-z0-9+/]{33,120}))(?<secret>(?:${AZURE_MARKS.join("|").replaceAll("+", "\\+")})` +
        "[A-Za-z0-9+/]{4,10}={0,2})(?![A-Za-z0-9+/=])",
      "dy",
    ),
  },
  {
    id: "npm-token",
    effort: LONG_EFFORT,
    finds: "",
    starts: ["_authToken", "_auth="],
    pattern: /_auth(?:token)?\s{0,3}[=\s]\s{0,3}["']?(?<secret>[\w+/=.-]{12,400})/diy,
    valid: (secret) => !standsForValue(secret),
  },
  {
    id: "new-relic-key",
    finds: "",
    starts: ["NRAL"],
    pattern: /(?<=(?:(?<!\w)|(?<=\\[nrt]))(?<head>[a-f0-9]{36}))(?<secret>(?:FFFF)?NRAL)(?!\w)/dy,
  },
  {
    id: "sentry-token",
    finds: "",
    starts: ["https://", "http://"],
    pattern: /https?:\/\/(?<secret>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[\w.-]{1,120}\/\d{1,20}/diy,
  },
  {
    id: "terraform-token",
    finds: "Terraform Cloud tokens",
    starts: [".atlasv1."],
    pattern: /(?<=(?:(?<![\w.-])|(?<=\\[nrt]))(?<head>[A-Za-z0-9]{14}))(?<secret>\.atlasv1\.[\w-]{60,90})/diy,
  },
  {
    id: "cloud-secret-key",
    finds: "the secret key beside the id of one: AWS, Alibaba, Tencent, Spaces, Scaleway, MinIO",
    starts: ["AKIA", "ASIA", "LTAI", "AKID", "DO00", "SCW"],
    pattern: new RegExp(
      `${LEFT}(?:(?:AKIA|ASIA)[A-Z0-9]{16}|LTAI[A-Za-z0-9]{12,24}|AKID[A-Za-z0-9]{32,48}|DO00[A-Z0-9]{16}|SCW[A-Z0-9]{17})(?![A-Za-z0-9])` +
        `[^\\0]{1,${PARTNER_REACH_CHARS}}?(?<![A-Za-z0-9+/=_-])(?<secret>[A-Za-z0-9+/]{40}|[A-Za-z0-9+/]{43}|[A-Za-z0-9]{30,32}|${UUID.replaceAll("~h", "[a-f0-9]")})(?![A-Za-z0-9+/_-])`,
      "dy",
    ),
    valid: (secret) => !/^[a-f0-9]{32,40}$/.test(secret) && looksRandom(secret, 30),
  },
  {
    id: "twilio-key",
    finds: "",
    starts: HEX_DIGITS.map((digit) => `AC${digit}`),
    pattern: new RegExp(`${LEFT}AC[a-f0-9]{32}(?!\\w)[^\\0]{1,80}?(?<![\\w/-])(?<secret>[a-f0-9]{32})(?!\\w)`, "dy"),
  },
  {
    id: "password-assignment",
    finds: "",
    starts: ["<input"],
    // A form's field that comes filled in, whatever the order of its attributes.
    pattern:
      /<input\b(?=[^>]{1,400}?(?:name|id|type)=\\?["']?[\w-]{0,30}(?:passw|secret|token|api_?key))[^>]{1,400}?\bvalue=\\?["']?(?<secret>[^\s"'<>\\]{4,400})/diy,
    valid: (secret) => looksChosen(secret, "settings") || looksRandom(secret, 8),
  },
  {
    id: "jwt",
    finds: "JSON web tokens, signed or encrypted",
    starts: ["eyJ"],
    pattern: new RegExp(
      `${LEFT}eyJ[\\w-]{10,3000}\\.[\\w-]{2,10000}\\.[\\w-]{10,2000}(?:\\.[\\w-]{2,10000}\\.[\\w-]{10,200})?(?![\\w-])`,
      "dy",
    ),
    valid: always,
  },
  ...WEBHOOKS,
  {
    id: "connection-string",
    effort: URL_EFFORT,
    finds: "passwords in URLs: databases, brokers, git remotes, proxies",
    starts: ["://"],
    pattern:
      /(?<=[a-z][a-z0-9+.-]{1,24}):\/\/[^\s:/@"'`<>|\\?#]{0,120}(?:@[\w.-]{1,80})?:(?<secret>[^\s/"'`<>|\\]{1,400})@(?=[\w[%.$*-])/diy,
    valid: isUrlPassword,
  },
  {
    id: "connection-string",
    effort: URL_EFFORT,
    finds: "",
    starts: ["://"],
    // A token in the user's place, as git remotes have it.
    pattern:
      /(?<=[a-z][a-z0-9+.-]{1,24}):\/\/(?:(?<secret>[\w.~%-]{20,300}):?|(?<oauth>[\w.~%-]{8,300}):x-oauth-basic)@[\w.-]{3,120}/diy,
    valid: (secret) => looksRandom(secret, 8),
  },
  {
    id: "connection-string",
    effort: URL_EFFORT,
    finds: "",
    starts: [":5432:", ":3306:", ":5433:", ":6432:", ":*:"],
    pattern: /:(?:543[23]|6432|3306|\*):[\w*-]{1,60}:[\w-]{1,60}:(?<secret>[^\s:"'`]{6,200})/diy,
    valid: isUrlPassword,
  },
  {
    id: "connection-string",
    effort: URL_EFFORT,
    finds: "",
    starts: [":thin:", ":oci:", ":oci8:"],
    pattern: /(?<=oracle):(?:thin|oci8?):["'\w.$#-]{1,60}\/(?<secret>[^\s@"'`]{3,200})@/diy,
    valid: isUrlPassword,
  },
  {
    id: "connection-string",
    effort: URL_EFFORT,
    finds: "",
    starts: ["@tcp(", "@unix(", "@udp("],
    // Of Go's drivers.
    pattern: /(?<=(?<![\w./-])[\w.-]{1,60}:(?<secret>[^\s@:/"'`]{4,200}))@(?:tcp|unix|udp)\(/diy,
    valid: isUrlPassword,
  },
  {
    id: "azure-key",
    finds: "",
    starts: ['"value"'],
    // 64 bytes, as `az storage account keys list` prints them.
    pattern: /"value"\s{0,4}:\s{0,4}"(?<secret>[A-Za-z0-9+/]{86}==)"/dy,
  },
  {
    id: "wallet-key",
    finds: "private keys of wallets",
    starts: ["accounts: [", 'accounts": ['],
    pattern: /accounts"?: \[\s{0,8}["'`](?<secret>(?:0x)?[0-9a-fA-F]{64})["'`]/dy,
  },
  {
    id: "session-cookie",
    finds: "cookies that are signed by Flask",
    starts: [".eJ"],
    pattern: /(?<![\w.])\.eJ[\w-]{16,3000}\.[\w-]{6}\.[\w-]{20,60}(?![\w.])/dy,
    valid: always,
  },
  {
    id: "connection-string",
    finds: "",
    // A mail address, and the password that belongs to it.
    starts: TOP_DOMAINS.flatMap((name) => [`.${name}:`, `.${name} /`, `.${name} |`]),
    pattern:
      /(?<=(?<![\w.])[\w.+-]{1,64}@[\w-]{1,60}(?:\.[\w-]{1,30}){0,3})\.[a-z]{2,8}(?::| \/ | \| )(?<secret>[^\s"'`<>|/]{8,64})/dy,
    valid: (secret) => isTyped(secret, "near") || looksRandom(secret, 12),
  },
  {
    id: "wifi-password",
    finds: "Wi-Fi passwords in the codes that telephones read",
    starts: ["WIFI:"],
    pattern: /wifi:(?:[^\n"]{0,160}?;)?p:"?(?<secret>(?:[^;\\\n"]|\\.){4,80})"?;/diy,
    valid: (secret) => !standsForValue(secret),
  },
  {
    id: "jwk-private",
    finds: "private members of JSON web keys",
    starts: ["d", "p", "q", "dp", "dq", "qi", "k"].flatMap((name) => [
      `"${name}"`,
      `'${name}'`,
      ` ${name}: `,
      `\t${name}: `,
    ]),
    // Beside a key's type, which may be before it or behind.
    pattern:
      /["'\s](?:d|p|q|dp|dq|qi|k)(?:\\?["'])?\s{0,4}:\s{0,4}\\?["']?(?<secret>[\w-]{20,1400})(?=\\?["']|\s|$)(?:(?<=["']?kty["']?[^{}]{1,8000})|(?=[^{}]{1,8000}kty))/dy,
    valid: always,
  },
  ...AUTHENTICATION,
  {
    id: "password-assignment",
    finds: "",
    // Of Dovecot.
    starts: ["{PLAIN}"],
    pattern: /\{plain\}(?<secret>[^\s:"'`]{4,120})/diy,
    valid: (secret) => !standsForValue(secret),
  },
  {
    id: "secret-assignment",
    finds: "",
    // Composer's auth.json.
    starts: ["-oauth", "-token"].map((end) => `${end}"`),
    pattern: /-(?:oauth|token)"\s{0,4}:\s{0,4}\{\s{0,16}"[\w.-]{3,80}"\s{0,4}:\s{0,4}"(?<secret>[\w-]{16,200})"/diy,
    valid: (secret) => !standsForValue(secret),
  },
  {
    id: "secret-assignment",
    finds: "",
    starts: ["django-insecure-"],
    pattern: /django-insecure-(?<secret>[^\s"'\\]{30,80})/dy,
  },
  ...PASSWORD_HASHES,
  {
    id: "signed-url",
    effort: LONG_EFFORT,
    finds: "",
    // Links that open an account by themselves.
    starts: ["reset", "verify", "magic", "magic-link", "invite", "confirm", "activate", "unsubscribe"].map(
      (word) => `/${word}/`,
    ),
    pattern: /(?<=:\/\/[^\s"'`<>]{1,200})\/[a-z-]{5,12}\/(?<secret>[\w.-]{24,400})(?![\w/.-])/diy,
    valid: (secret) => !isPlain(secret) && looksRandom(secret.slice(0, JUDGED_CHARS), 24),
  },
  {
    id: "stream-key",
    finds: "keys of streams to YouTube, Twitch and the like",
    starts: ["rtmp://", "rtmps://"],
    pattern:
      /rtmps?:\/\/[^\s"']{4,120}(?:\/|["'],\s{0,8}"(?:stream_?)?key"\s{0,2}:\s{0,2}")(?<secret>[a-z0-9]{4}(?:-[a-z0-9]{4}){3,4}|live_\d{6,12}_\w{20,40})(?![\w-])/diy,
  },
  {
    id: "secret-assignment",
    finds: "",
    // Of Consul and Nomad.
    starts: ["encrypt =", 'encrypt"', "encrypt:"],
    pattern: /(?<![\w-])encrypt"?\s{0,3}[=:]\s{0,3}"(?<secret>[A-Za-z0-9+/]{22}(?:[A-Za-z0-9+/]{20,22})?={0,2})"/diy,
  },
  {
    id: "signed-url",
    effort: LONG_EFFORT,
    finds: "",
    starts: [
      "sig",
      "sign",
      "signature",
      "key",
      "appid",
      "app_id",
      "hmac",
      "hash",
      "auth",
      "code",
      "st",
      "policy",
    ].flatMap((name) => [`?${name}=`, `&${name}=`, `;${name}=`]),
    pattern: /(?<=:\/\/[^\s"'`<>]{1,400}|\/[\w./-]{1,200})[?&;][a-z_]{2,12}=(?<secret>[\w%+/=~.-]{16,3000})/diy,
    valid: (secret) => !isPlain(secret) && looksRandom(secret.slice(0, JUDGED_CHARS), 20),
  },
  {
    id: "signed-url",
    effort: LONG_EFFORT,
    finds: "signatures of presigned URLs (S3, GCS, CloudFront)",
    starts: [
      "X-Amz-Signature",
      "X-Goog-Signature",
      "X-Amz-Security-Token",
      "X-Amz-Credential",
      "&Signature=",
      "?Signature=",
      "&amp;Signature=",
    ],
    pattern:
      /(?:x-(?:amz|goog)-(?:signature|security-token)|[?&](?:amp;)?signature)(?:=|%3D)(?<secret>[\w%+/=~.-]{16,3000})/diy,
    valid: (secret) => !standsForValue(secret),
  },
];

function isUrlPassword(secret: string): boolean {
  return !NOT_A_PASSWORD.test(secret) && !standsForValue(secret) && !/^[({[]|^\d{1,5}[,;]|\$\w/.test(secret);
}
