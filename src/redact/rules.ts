/**
 * The forms of secrets that can be told by their form: one row a kind. A pattern begins at one of its `starts`, is tried
 * there alone, and has a bound on all that it repeats: what a text costs grows with its length and with nothing else.
 * Values that only their surroundings give away are in assignments.ts.
 */
import { entropyBits, looksChosen, looksRandom, standsForValue } from "./values.ts";

export interface Rule {
  /** Its name in placeholders and results. */
  readonly id: string;
  /** What it finds, for the table in the README. */
  readonly finds: string;
  /** Literals, in any case, at which the pattern may begin. Three characters or more. */
  readonly starts: readonly string[];
  /** Sticky. What goes is what the groups took, from the first to the last of them; without groups, all of it. */
  readonly pattern: RegExp;
  /** Whether this one is meant. Without it, what is an example or has no entropy is left. */
  readonly valid?: (secret: string) => boolean;
}

/** The longest secret, in characters, that a pattern takes: a PGP key with several subkeys. */
export const MAX_SECRET_CHARS = 48 * 1024;

/** Random characters have more bits each; `AKIAAAAAAAAAAAAAAAAA` and `ghp_xxxxxxxx` have fewer. */
const MIN_BITS = 2.2;
const JUDGED_CHARS = 256;

export function isMeant(rule: Rule, secret: string): boolean {
  if (rule.valid) return rule.valid(secret);
  // Forty letters of one case are words run together.
  return (
    !PRETENDS.test(secret) && !/^[a-z_.-]+$/.test(secret) && entropyBits(secret.slice(0, JUDGED_CHARS)) >= MIN_BITS
  );
}

/** A token of a service that is an example of one. */
const PRETENDS =
  /x{5}|0{8}|\*{3}|\.{3}|\u2026|example|placeholder|your[-_]|redacted|(?:0123456789|1234567890).{0,8}$|abcdefghij/i;

const HEX_DIGITS = [..."0123456789abcdef"];
const always = () => true;

/**
 * Where a word may begin: behind anything that is no part of one. The letter of an escaped line end, a percent-encoded
 * sign and the end of a terminal's colour, or of its clearing of a line, are none.
 */
const LEFT = "(?:(?<![A-Za-z0-9_-])|(?<=\\\\[nrtbf])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[(?:[0-9;:]{1,24}m|[0-2]?K)))";

/** A token of a service: its prefix, and what follows; several forms where it has them. */
function token(id: string, finds: string, starts: readonly string[], ...forms: readonly string[]): Rule {
  return { id, finds, starts, pattern: new RegExp(`${LEFT}(?:${forms.join("|")})(?![A-Za-z0-9])`, "dy") };
}

/** The three characters with which the base64 of a Discord user's number begins. */
const SNOWFLAKE_STARTS = Array.from({ length: 90 }, (_, at) =>
  Buffer.from(`${at + 10}0`)
    .toString("base64")
    .slice(0, 3),
);

const AZURE_MARKS = ["AZDO", "AzCa", "AzSe", "+AMC", "+ASt", "AzFu", "+ABa", "+ARm", "ACDb"];

const KEY_BEGIN = "-{4,5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}";
/** Whatever it has up to its end, with anything before and behind its lines; but never into the next key. */
const KEY_TEXT = "(?:[^-]|-(?!-{3,4} ?BEGIN )){16,49000}?(?=-{4,5} ?END )";
/** What programs and people put before a line and behind it: numbers, names of files and hosts, times, signs of a patch. */
const MAX_AROUND_CHARS = 60;
const AROUND = `[^\\n]{0,${MAX_AROUND_CHARS}}`;
const KEY_HEADER = `${AROUND}?[A-Z][\\w-]{2,20}: [^\\n]{1,80}`;
const KEY_RUN = "(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{16,2000}(?![A-Za-z0-9+/=])";
const KEY_LINE = `(?!${AROUND}(?:BEGIN|END) )${AROUND}?${KEY_RUN}[^\\n]{0,8}`;
const KEY_LINES = `[^\\n]{0,24}(?:\\n${KEY_HEADER}){0,4}(?:\\n[^\\n]{0,24})?(?:\\n${KEY_LINE}(?=\\n|$)){1,600}`;
/** Before a key's end, as in the hunk of a patch that begins within the key; its last line may be short. */
const KEY_REST = `(?:(?:^|\\n)${KEY_LINE}){2,600}(?:\\n[^\\n]{0,40})?\\n${AROUND}`;
/** The same in a string, with escaped line ends. */
const KEY_STRING = "(?:(?:\\\\[nr]|[\\s>|*\"',]){0,12}[A-Za-z0-9+/=]{16,2000}){1,600}";

/** Between a header's words, also in a URL, in JSON, or as arguments. */
const SPACE = "(?: |\\\\u0020|%20|\\+| ?\\\\?[\"'`])";
const HEADER_TOKEN = "[\\w+/=.~:%-]{12,4000}";
const AUTHORIZATION = "authorization\\\\?[\"'`\\])]{0,3}\\s{0,4}(?:[:=,]|=>|:=)?\\s{0,4}\\\\?[`\"']?";
const SCHEMES =
  "token apikey api-key key splunk negotiate sso-key ghost zoho-oauthtoken geniekey genie-key bot private-token " +
  "jwt oauth discogs hmac dpop";
const SCHEME = `(?:${SCHEMES.replaceAll(" ", "|")})(?: token)?[ =:]{1,2}`;

/** What the secret of a webhook's address is: all that comes behind the fixed part. */
function webhook(starts: readonly string[], before: RegExp, secret: RegExp): Rule {
  const finds = "Slack, Discord, Teams, Google Chat, Zapier, Make, IFTTT, Airtable, DingTalk, Feishu webhooks";
  const pattern = new RegExp(`${before.source}(?<secret>${secret.source})`, "diy");
  const valid = (found: string) => !standsForValue(found) && !/T0{6}|B0{6}|X{8}/i.test(found);
  return { id: "webhook-url", finds, starts, pattern, valid };
}

/** A password's hash, which is as good as the password to whoever has the time. */
function hash(starts: readonly string[], pattern: RegExp): Rule {
  return { id: "password-hash", finds: "crypt, bcrypt, Argon2, PBKDF2, scrypt and htpasswd hashes", starts, pattern };
}

const ARGUMENT = /[^\s"'`|;&<>]{4,120}/;
/** One letter, or a word of keytool's, anywhere in the command; the password is behind it. */
const FLAG = /[^\n|;`]{0,160}? -(?:p|a|w|P|A|storepass|keypass) ?/;
const QUOTED = /(?<=["'])[^\s"'`]{4,120}(?=["'])/;
/** What commands take as an argument: the password stands where `before` ends, quoted or not. */
function commandLine(starts: readonly string[], before: RegExp, value = ARGUMENT, flag?: RegExp): Rule {
  const finds = "passwords as arguments of commands, in .netrc, in SQL";
  const pattern = new RegExp(`${before.source}${flag?.source ?? ""}(?:\\\\?["'])?(?<secret>${value.source})`, "diy");
  return { id: "command-line-password", finds, starts, pattern, valid: isTypedPassword };
}

export const RULES: readonly Rule[] = [
  {
    id: "private-key",
    finds: "PEM, OpenSSH, PGP and PuTTY private keys, also cut off or with escaped line ends",
    starts: ["-----BEGIN ", "---- BEGIN "],
    pattern: new RegExp(`${KEY_BEGIN}(?<secret>${KEY_TEXT})`, "dy"),
    valid: isKeyText,
  },
  {
    id: "private-key",
    finds: "",
    starts: ["-----BEGIN ", "---- BEGIN "],
    // Without its end: as much of its lines as there is.
    pattern: new RegExp(`${KEY_BEGIN}(?<secret>${KEY_LINES}|${KEY_STRING})`, "dy"),
    valid: isNoSample,
  },
  {
    id: "private-key",
    finds: "",
    starts: ["-----END ", "---- END "],
    pattern: new RegExp(`(?<=(?<secret>${KEY_REST}))-{4,5} ?END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY`, "dy"),
    valid: isNoSample,
  },
  {
    id: "private-key",
    finds: "",
    starts: ["Private-Lines:"],
    pattern: /private-lines: \d{1,3}\r?\n(?<secret>(?:[A-Za-z0-9+/=]{1,80}\r?\n?){1,200})/diy,
    valid: always,
  },
  token(
    "age-secret-key",
    "age identities",
    ["AGE-SECRET-KEY-1", "AGE-PLUGIN-"],
    "AGE-(?:SECRET-KEY-(?:PQ-)?|PLUGIN-[A-Z0-9]{1,20}-)1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{30,2000}",
  ),
  {
    id: "wireguard-key",
    finds: "WireGuard private and preshared keys",
    starts: ["PrivateKey", "PresharedKey"],
    pattern: /(?:private|preshared)key\s{0,4}=\s{0,4}(?<secret>[A-Za-z0-9+/]{43}=)/diy,
  },
  token(
    "github-token",
    "GitHub: personal (classic, fine-grained), OAuth, app and refresh tokens",
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
    "gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255}",
  ),
  token(
    "gitlab-token",
    "GitLab: personal, deploy, runner, trigger, feed, agent, CI tokens",
    [
      "glpat-",
      "gldt-",
      "glrt-",
      "glrtr-",
      "glptt-",
      "glft-",
      "glsoat-",
      "glcbt-",
      "glimt-",
      "glagent-",
      "gloas-",
      "glffct-",
      "GR1348941",
    ],
    "(?:gl(?:pat|dt|rtr?|ptt|ft|soat|cbt|imt|agent|oas|ffct)-|GR1348941)[\\w-]{20,300}(?:\\.[\\w-]{2}\\.[\\w-]{9,12})?",
  ),
  token(
    "atlassian-token",
    "Atlassian and Bitbucket API tokens, app passwords",
    ["ATATT3", "ATCTT3", "ATBB"],
    "AT(?:ATT3|CTT3)[\\w=-]{40,400}|ATBB[A-Za-z0-9]{28,40}",
  ),
  token(
    "slack-token",
    "Slack bot, user, app and configuration tokens",
    ["xoxb-", "xoxp-", "xoxa-", "xoxo-", "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xoxe-", "xoxe.xox", "xapp-"],
    "xox[abceoprsd]-[\\w%-]{10,300}",
    "xoxe\\.xox[bp]-[\\w-]{10,300}",
    "xapp-\\d-[A-Z0-9]{5,20}-\\d{5,20}-[a-f0-9]{20,80}",
    "i",
  ),
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
  token(
    "stripe-key",
    "Stripe secret and restricted keys, webhook secrets",
    ["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"],
    "[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{24,100}",
  ),
  token(
    "square-token",
    "Square access tokens and application secrets",
    ["sq0atp-", "sq0csp-", "EAAA"],
    "sq0atp-[\\w-]{22,60}|sq0csp-[\\w-]{40,60}|EAAA[\\w-]{60}",
  ),
  token(
    "braintree-token",
    "Braintree and PayPal access tokens",
    ["access_token$"],
    "access_token\\$(?:production|sandbox)\\$[a-z0-9]{16}\\$[a-f0-9]{32}",
  ),
  token(
    "twilio-key",
    "Twilio API keys",
    HEX_DIGITS.map((digit) => `SK${digit}`),
    "SK[0-9a-f]{32}",
  ),
  token("sendgrid-key", "SendGrid API keys", ["SG."], "SG\\.[\\w-]{16,32}\\.[\\w-]{32,64}"),
  token("mailgun-key", "Mailgun keys", ["key-"], "key-[0-9a-f]{32}"),
  {
    id: "mailchimp-key",
    finds: "Mailchimp keys",
    starts: ["-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"],
    pattern: /(?<=(?:(?<![0-9A-Za-z])|(?<=\\[nrt]))(?<head>[0-9a-f]{32}))(?<secret>-us\d{1,2})(?!\w)/dy,
  },
  token("mandrill-key", "Mandrill keys", ["md-"], "md-[\\w-]{22}(?![\\w-])"),
  token("brevo-key", "Brevo keys", ["xkeysib-", "xsmtpsib-"], "x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
  token("resend-key", "Resend keys", ["re_"], "re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}"),
  token(
    "aws-access-key-id",
    "AWS access key ids",
    ["AKIA", "ASIA", "ABIA", "ACCA"],
    "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
  ),
  token(
    "aws-bedrock-key",
    "AWS Bedrock API keys",
    ["ABSK", "bedrock-api-key-"],
    "ABSK[A-Za-z0-9+/]{100,300}={0,2}|bedrock-api-key-[\\w+/=-]{60,4000}",
  ),
  token("google-api-key", "Google API keys", ["AIza"], "AIza[\\w-]{35}(?![\\w-])"),
  token(
    "google-oauth-token",
    "Google OAuth access and refresh tokens, client secrets, FCM server keys",
    ["ya29.", "GOCSPX-", "1//0", "AAAA"],
    "ya29\\.[\\w.-]{20,2500}|GOCSPX-[\\w-]{24,32}|1//0[\\w-]{38,200}|AAAA[\\w-]{7}:[\\w-]{134,160}",
  ),
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
    // The mark that Azure puts near the end of its keys.
    starts: AZURE_MARKS,
    pattern: new RegExp(
      `(?<=(?<![A-Za-z0-9+/])(?<head>[A-Za-z0-9+/]{33,80}))(?<secret>(?:${AZURE_MARKS.join("|").replaceAll("+", "\\+")})` +
        "[A-Za-z0-9+/]{4,10}={0,2})(?![A-Za-z0-9+/=])",
      "dy",
    ),
  },
  token(
    "digitalocean-token",
    "DigitalOcean personal, OAuth and refresh tokens",
    ["dop_v1_", "doo_v1_", "dor_v1_"],
    "do[opr]_v1_[a-f0-9]{64}",
  ),
  token("heroku-key", "Heroku keys", ["HRKU-"], "HRKU-(?:[\\w-]{58,70}|[0-9a-f-]{36})"),
  token(
    "cloudflare-token",
    "Cloudflare tokens of the new form, origin CA keys",
    ["cfut_", "cfat_", "cfk_", "v1.0-"],
    "cf(?:ut|at|k)_[A-Za-z0-9]{36,80}|v1\\.0-[a-f0-9]{24}-[a-f0-9]{146}",
  ),
  token(
    "vercel-token",
    "Vercel tokens",
    ["vcp_", "vci_", "vca_", "vcr_", "vck_", "vercel_blob_rw_"],
    "vc[piark]_[A-Za-z0-9]{24,80}|vercel_blob_rw_[A-Za-z0-9]{16}_[A-Za-z0-9]{24,40}",
  ),
  token("netlify-token", "Netlify tokens", ["nfp_", "nfc_", "nfo_", "nfu_", "nfb_"], "nf[pcoub]_[A-Za-z0-9]{36,60}"),
  token(
    "supabase-key",
    "Supabase secret keys and access tokens",
    ["sbp_", "sb_secret_"],
    "sbp_(?:v0_|oauth_)?[a-f0-9]{40}|sb_secret_[\\w-]{31,50}",
  ),
  token(
    "planetscale-token",
    "PlanetScale tokens and passwords",
    ["pscale_tkn_", "pscale_pw_", "pscale_oauth_"],
    "pscale_(?:tkn|pw|oauth)_[\\w.=-]{32,64}",
  ),
  token("neon-key", "Neon keys and role passwords", ["napi_", "npg_"], "napi_[a-z0-9]{60,70}|npg_[A-Za-z0-9]{12,24}"),
  token("mongodb-atlas-key", "MongoDB Atlas service account secrets", ["mdb_sa_sk_"], "mdb_sa_sk_[\\w-]{36,48}"),
  token("npm-token", "npm tokens", ["npm_"], "npm_[A-Za-z0-9]{36}"),
  {
    id: "npm-token",
    finds: "",
    starts: ["_authToken", "_auth="],
    pattern: /_auth(?:token)?\s{0,3}[=\s]\s{0,3}["']?(?<secret>[\w+/=.-]{12,400})/diy,
    valid: (secret) => !standsForValue(secret),
  },
  token("pypi-token", "PyPI tokens", ["pypi-AgE"], "pypi-AgE[\\w-]{50,1000}"),
  token("rubygems-key", "RubyGems keys", ["rubygems_"], "rubygems_[a-f0-9]{48}"),
  token("crates-io-token", "crates.io tokens", ["cio"], "cio[A-Za-z0-9]{32}"),
  token("docker-token", "Docker Hub tokens", ["dckr_pat_", "dckr_oat_"], "dckr_[po]at_[\\w-]{24,60}"),
  token("nuget-key", "NuGet keys", ["oy2"], "oy2[a-z0-9]{43}"),
  token(
    "jfrog-token",
    "Artifactory keys and reference tokens",
    ["AKCp", "cmVmdGtu"],
    "AKCp[A-Za-z0-9]{69,80}|cmVmdGtuO[A-Za-z0-9+/=]{40,80}",
  ),
  token(
    "anthropic-key",
    "Anthropic API, admin and OAuth keys",
    ["sk-ant-"],
    "sk-ant-[a-z]{2,6}\\d{0,2}-[\\w-]{24,200}",
  ),
  token("openrouter-key", "OpenRouter keys", ["sk-or-"], "sk-or-v\\d-[a-f0-9]{64}"),
  token(
    "openai-key",
    "OpenAI keys, and others of the form sk-",
    ["sk-"],
    "sk-(?:proj|svcacct|admin|None|lf|user|service)-[\\w-]{20,250}|sk-[A-Za-z0-9]{20,100}",
  ),
  token("hugging-face-token", "Hugging Face tokens", ["hf_", "api_org_"], "(?:hf|api_org)_[A-Za-z0-9]{34,40}"),
  token("replicate-token", "Replicate tokens", ["r8_"], "r8_[A-Za-z0-9]{37,40}"),
  token("groq-key", "Groq keys", ["gsk_"], "gsk_[A-Za-z0-9]{48,60}"),
  token("xai-key", "xAI keys", ["xai-"], "xai-[A-Za-z0-9]{70,90}"),
  token(
    "ai-service-key",
    "Perplexity, Pinecone, Fireworks, Tavily, LangSmith, NVIDIA, Cerebras, ElevenLabs, Voyage keys",
    ["pplx-", "pcsk_", "tvly-", "lsv2_", "nvapi-", "csk-", "sk_", "pa-", "fw_"],
    "pplx-[A-Za-z0-9]{40,60}",
    "pcsk_[A-Za-z0-9]{5,8}_[A-Za-z0-9]{50,70}",
    "tvly-(?:dev-|prod-)?[A-Za-z0-9]{28,40}",
    "lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}",
    "nvapi-[\\w-]{60,72}",
    "csk-[a-z0-9]{44,52}",
    "sk_[a-f0-9]{48}",
    "pa-[\\w-]{43}",
    "fw_[A-Za-z0-9]{22,24}",
  ),
  token("databricks-token", "Databricks tokens", ["dapi", "dose", "dkea"], "(?:dapi|dose|dkea)[a-f0-9]{32}(?:-\\d)?"),
  token(
    "datadog-key",
    "Datadog keys of the new form",
    ["ddapp_", "ddpat_", "ddapi_"],
    "dd(?:app|pat|api)_[A-Za-z0-9]{30,48}",
  ),
  token(
    "new-relic-key",
    "New Relic user, ingest and license keys",
    ["NRAK-", "NRII-", "NRAA-", "NRSP-"],
    "NR(?:AK|AA)-[A-Z0-9]{27}|NRII-[\\w-]{32}|NRSP-[a-z]{2}\\d{2}[a-f0-9]{30,36}",
  ),
  {
    id: "new-relic-key",
    finds: "",
    starts: ["NRAL"],
    pattern: /(?<=(?:(?<!\w)|(?<=\\[nrt]))(?<head>[a-f0-9]{36}))(?<secret>(?:FFFF)?NRAL)(?!\w)/dy,
  },
  token(
    "sentry-token",
    "Sentry tokens and DSNs",
    ["sntrys_", "sntryu_", "sntryi_", "sntrya_"],
    "sntrys_[\\w+/=-]{60,600}|sntry[uia]_[a-f0-9]{64}",
  ),
  {
    id: "sentry-token",
    finds: "",
    starts: ["https://", "http://"],
    pattern: /https?:\/\/(?<secret>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[\w.-]{1,120}\/\d{1,20}/diy,
  },
  token(
    "grafana-token",
    "Grafana service account, cloud and legacy tokens",
    ["glsa_", "glc_", "eyJrIjoi"],
    "glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_eyJ[A-Za-z0-9+/=]{40,400}|eyJrIjoi[A-Za-z0-9+/=]{40,400}",
  ),
  token(
    "honeycomb-key",
    "Honeycomb keys",
    ["hcaik_", "hcbik_", "hcalk_", "hcamk_", "hcaic_", "hcxik_", "hcxlk_"],
    "hc[a-z][ilm][kc]_[a-z0-9]{32,64}",
  ),
  token("linear-key", "Linear keys", ["lin_api_", "lin_oauth_", "lin_wh_"], "lin_(?:api|oauth|wh)_[A-Za-z0-9]{32,128}"),
  token("notion-token", "Notion tokens", ["ntn_", "secret_"], "ntn_[A-Za-z0-9]{43,50}|secret_[A-Za-z0-9]{43}"),
  token("airtable-token", "Airtable tokens", ["pat"], "pat[A-Za-z0-9]{14}\\.[a-f0-9]{64}"),
  token("asana-token", "Asana tokens", ["1/1", "2/1"], "[12]/\\d{13,17}(?:/\\d{13,17})?:[a-f0-9]{32}"),
  token("figma-token", "Figma tokens", ["figd_", "figo_", "figp_", "figu_"], "fig[dopu][hr]?_[\\w-]{36,60}"),
  token("postman-key", "Postman keys", ["PMAK-", "PMAT-"], "PMAK-[a-f0-9]{24}-[a-f0-9]{34}|PMAT-[A-Z0-9]{26}"),
  token("dropbox-token", "Dropbox tokens", ["sl."], "sl\\.(?:u\\.)?[\\w-]{100,1500}"),
  token("facebook-token", "Facebook and Instagram tokens", ["EAA"], "EAA[A-Za-z0-9]{90,300}"),
  token(
    "shopify-token",
    "Shopify access tokens and secrets",
    ["shpat_", "shpca_", "shppa_", "shpss_", "shpua_", "shptka_"],
    "shp(?:at|ca|pa|ss|ua|tka)_[A-Za-z0-9]{32,64}",
  ),
  token("mapbox-token", "Mapbox secret tokens", ["sk.ey"], "sk\\.eyJ[\\w-]{20,400}\\.[\\w-]{16,100}"),
  token("segment-token", "Segment tokens", ["sgp_"], "sgp_(?:[a-f0-9]{16}_)?[A-Za-z0-9]{40,70}"),
  token(
    "launchdarkly-key",
    "LaunchDarkly SDK and API keys",
    ["sdk-", "api-"],
    "(?:sdk|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
  ),
  {
    id: "terraform-token",
    finds: "Terraform Cloud tokens",
    starts: [".atlasv1."],
    pattern: /(?<=(?:(?<![\w.-])|(?<=\\[nrt]))(?<head>[A-Za-z0-9]{14}))(?<secret>\.atlasv1\.[\w-]{60,90})/diy,
  },
  token("pulumi-token", "Pulumi tokens", ["pul-"], "pul-[a-f0-9]{40}"),
  token("vault-token", "HashiCorp Vault tokens and unseal keys", ["hvs.", "hvb.", "hvr."], "hv[sbr]\\.[\\w-]{24,300}"),
  token(
    "doppler-token",
    "Doppler tokens",
    ["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit.", "dp.said."],
    "dp\\.(?:pt|st|ct|sa|said|scim|audit)\\.(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,44}",
  ),
  token(
    "1password-token",
    "1Password service account tokens and secret keys",
    ["ops_ey", "A3-"],
    "ops_ey[\\w+/=-]{100,3000}",
    "A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
  ),
  token("tailscale-key", "Tailscale keys", ["tskey-"], "tskey-[a-z]{2,12}-[A-Za-z0-9]{8,24}(?:-[A-Za-z0-9]{16,48})?"),
  token(
    "fly-token",
    "Fly.io tokens",
    ["fo1_", "fm1r_", "fm2_", "fm1a_"],
    "fo1_[\\w-]{43}|fm(?:1r|1a|2)_[A-Za-z0-9+/=]{80,4000}",
  ),
  token("render-key", "Render keys", ["rnd_"], "rnd_[A-Za-z0-9]{28,40}"),
  token(
    "ci-service-token",
    "Snyk, Sourcegraph, SonarQube, Buildkite, CircleCI tokens",
    ["snyk_", "sgp_", "sqp_", "squ_", "sqa_", "bkua_", "CCIPAT_", "CCIPRJ_"],
    "snyk_[a-z]{3}\\.[\\w.-]{40,200}",
    "sgp_[a-f0-9]{40}",
    "sq[pua]_[a-f0-9]{40}",
    "bkua_[a-f0-9]{40}",
    "CCIP(?:AT|RJ)_[A-Za-z0-9]{16,28}_[a-f0-9]{40}",
  ),
  token(
    "service-key",
    "ClickHouse Cloud, Prefect, Contentful, Duffel, Typeform, Rootly keys",
    ["4b1d", "pnu_", "CFPAT-", "duffel_", "tfp_", "rootly_"],
    "4b1d[A-Za-z0-9]{38}",
    "pnu_[A-Za-z0-9]{36}",
    "CFPAT-[\\w-]{43}",
    "duffel_(?:test|live)_[\\w-]{43}",
    "tfp_[\\w.=-]{59}",
    "rootly_[a-f0-9]{64}",
  ),
  {
    id: "jwt",
    finds: "JSON web tokens, signed or encrypted",
    starts: ["eyJ"],
    pattern: new RegExp(
      `${LEFT}eyJ[\\w-]{10,12000}\\.[\\w-]{2,24000}\\.[\\w-]{10,4000}(?:\\.[\\w-]{2,24000}\\.[\\w-]{10,200})?(?![\\w-])`,
      "dy",
    ),
    valid: always,
  },
  webhook(["hooks.slack.com/"], /hooks\.slack\.com\/(?:services|workflows|triggers)\//, /[\w/-]{20,120}/),
  webhook(
    ["discord.com/api/", "discordapp.com/api/"],
    /discord(?:app)?\.com\/api\/(?:v\d{1,2}\/)?webhooks\//,
    /\d{15,21}\/[\w-]{50,90}/,
  ),
  webhook(
    [".webhook.office.com/", "outlook.office.com/webhook/"],
    /(?:\.webhook|outlook)\.office\.com\/webhook(?:b2)?\//,
    /[\w@/-]{60,250}/,
  ),
  webhook(["hooks.zapier.com/"], /hooks\.zapier\.com\/hooks\/catch\//, /\d{4,12}\/\w{5,20}/),
  webhook(["maker.ifttt.com/"], /maker\.ifttt\.com\/trigger\/[\w-]{1,60}\/(?:json\/)?with\/key\//, /[\w-]{20,60}/),
  webhook(
    ["open.feishu.cn/", "open.larksuite.com/"],
    /open\.(?:feishu\.cn|larksuite\.com)\/open-apis\/bot\/v2\/hook\//,
    /[\w-]{30,60}/,
  ),
  webhook(["hooks.airtable.com/"], /hooks\.airtable\.com\/workflows\/v1\/genericwebhook\//, /[\w/]{20,80}/),
  webhook([".make.com/"], /\.make\.com\//, /[a-z0-9]{28,40}(?!\w)/),
  webhook(["oapi.dingtalk.com/"], /oapi\.dingtalk\.com\/robot\/send\?access_token=/, /[a-f0-9]{40,80}/),
  webhook(
    ["chat.googleapis.com/"],
    /chat\.googleapis\.com\/v1\/spaces\/[\w-]{5,40}\/messages\?/,
    /key=[\w-]{20,60}&(?:amp;)?token=[\w%-]{20,80}/,
  ),
  {
    id: "connection-string",
    finds: "passwords in URLs: databases, brokers, git remotes, proxies",
    starts: ["://"],
    pattern:
      /(?<=[a-z][a-z0-9+.-]{1,24}):\/\/[^\s:/@"'`<>|\\?#]{0,120}:(?<secret>[^\s/"'`<>|\\]{1,400})@(?=[\w[%.$*-])/diy,
    valid: isUrlPassword,
  },
  {
    id: "connection-string",
    finds: "",
    starts: ["://"],
    // A token in the user's place, as git remotes have it.
    pattern:
      /(?<=[a-z][a-z0-9+.-]{1,24}):\/\/(?:(?<secret>[\w.~%-]{20,300}):?|(?<oauth>[\w.~%-]{8,300}):x-oauth-basic)@[\w.-]{3,120}/diy,
    valid: (secret) => looksRandom(secret, 8),
  },
  {
    id: "connection-string",
    finds: "",
    starts: [":5432:", ":3306:", ":5433:"],
    pattern: /:(?:543[23]|3306):[\w*-]{1,60}:[\w-]{1,60}:(?<secret>[^\s:"'`]{6,200})/diy,
    valid: isUrlPassword,
  },
  {
    id: "bearer-header",
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
    finds: "",
    starts: ["authorization"],
    pattern: new RegExp(`${AUTHORIZATION}${SCHEME}\\\\?["'\`]?(?:token=\\\\?["']?)?(?<secret>${HEADER_TOKEN})`, "diy"),
    valid: isHeaderToken,
  },
  {
    id: "bearer-header",
    finds: "",
    starts: ["authorization"],
    pattern: new RegExp(`${AUTHORIZATION}(?<secret>[\\w+/=.~-]{20,4000})(?=["'\`\\s\\\\,;)]|$)`, "diy"),
    valid: (secret) => looksRandom(secret, 20),
  },
  {
    id: "basic-header",
    finds: "Basic authorization headers, docker's and npm's auth fields",
    starts: ["basic "],
    pattern: /(?<![\w-])basic {1,2}\\?["'`]?(?<secret>[A-Za-z0-9+/]{8,600}={0,2})(?![\w-])/diy,
    valid: isUserAndPassword,
  },
  {
    id: "basic-header",
    finds: "",
    starts: ['auth"', 'auth\\"', "auth:", "auth'"],
    pattern: /auth(?:\\?["'])?\s{0,4}[:=]\s{0,4}\\?["']?(?<secret>[A-Za-z0-9+/]{12,600}={0,2})(?![\w-])/diy,
    valid: isUserAndPassword,
  },
  hash(["$2a$", "$2b$", "$2y$"], /\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}/dy),
  hash(["$1$", "$apr1$"], /\$(?:1|apr1)\$[./\w]{1,16}\$[./A-Za-z0-9]{22}/dy),
  hash(["$5$", "$6$"], /\$[56]\$(?:rounds=\d{1,9}\$)?[./\w]{1,16}\$[./A-Za-z0-9]{43,86}/dy),
  hash(["$y$", "$7$"], /\$[y7]\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}/dy),
  hash(
    ["$argon2", "argon2$"],
    /\$?argon2(?:id?|d)?\$(?:argon2(?:id?|d)\$)?(?:v=\d\d\$)?m=\d{1,9},t=\d{1,5},p=\d{1,4}\$[\w+/.-]{8,100}\$[\w+/.=-]{16,200}/dy,
  ),
  hash(["$pbkdf2"], /\$pbkdf2(?:-sha\d{1,3})?\$(?:i=)?\d{1,8}(?:,l=\d{1,3})?\$[\w+/.=-]{8,100}\$[\w+/.=-]{16,200}/dy),
  hash(["pbkdf2_sha"], /pbkdf2_sha\d{1,3}\$\d{1,8}\$[\w+/.=-]{4,60}\$[\w+/.=-]{20,200}/dy),
  hash(
    ["pbkdf2:sha", "scrypt:"],
    /(?:pbkdf2:sha\d{1,3}:\d{1,8}|scrypt:\d{1,8}:\d{1,4}:\d{1,4})\$[\w+/.=-]{4,60}\$[a-f0-9]{32,200}/dy,
  ),
  hash(
    ["scrypt$", "$scrypt$"],
    /\$?scrypt\$(?:ln=)?\d{1,8}[$,](?:r=)?\d{1,4}[$,](?:p=)?\d{1,4}\$[\w+/.=-]{4,100}\$[\w+/.=-]{16,200}/dy,
  ),
  hash(["{SSHA"], /\{SSHA(?:256|512)?\}[A-Za-z0-9+/]{28,160}={0,2}/dy),
  hash([":{SHA}"], /:(?<secret>\{SHA\}[A-Za-z0-9+/]{27}=)/dy),
  commandLine(
    ["-u ", "-u=", "--user", "--proxy-user", "-U "],
    /(?<=[\s"'`[,])(?:-u|-U|--(?:proxy-)?user)["']?[ =,]{1,2}\\?["']?[\w.@\\+-]{0,64}[:%]/,
  ),
  commandLine(
    ["mysql", "mariadb"],
    /(?:mysql|mariadb)[\w-]{0,12} [^\n|;`]{0,200}?-p/,
    /(?!assword|ort)[^\s"'`]{4,120}/,
  ),
  commandLine(
    ["sshpass", "redis-cli", "keytool", "snmpwalk"],
    /(?:sshpass|redis-cli|keytool|snmpwalk)\b/,
    ARGUMENT,
    FLAG,
  ),
  commandLine(
    ["docker", "podman", "helm", "az ", "oc "],
    /(?:docker|podman|helm|az|oc)[^\n|;]{0,20}login\b/,
    ARGUMENT,
    FLAG,
  ),
  commandLine(["mongo"], /mongo(?:sh|dump|restore|import|export)?\b/, ARGUMENT, FLAG),
  commandLine(
    ["sqlcmd", "cqlsh", "isql", "bcp ", "influx", "ldap"],
    /(?:sqlcmd|cqlsh|isql|bcp|influx|ldap\w{3,8})\b/,
    ARGUMENT,
    FLAG,
  ),
  commandLine(["zip ", "7z ", "7za ", "rar "], /(?:zip|7za?|rar)\b[^\n|;`]{0,80}? -(?:p|P|hp) ?/),
  commandLine(["-pass"], /-pass(?:in|out|wd)?(?: |=)["']?pass:/),
  commandLine(
    ["echo ", "printf "],
    /(?:echo|printf) (?:-\w )?["']?(?:[\w.-]{1,32}:)?/,
    /[^\s"'`]{6,120}(?=(?:\\n)?["']? \| (?:sudo -S|(?:sudo )?chpasswd|passwd|docker login|gh auth|cryptsetup))/,
  ),
  commandLine(["htpasswd"], /htpasswd -\w{0,4}b\w{0,4} (?:\S{1,100} )?[\w.@-]{1,40} /),
  commandLine(["net use", "net user"], /net user? [^\n]{0,120}?(?:\/user:\S{1,60}|user \S{1,40}) /),
  commandLine(["xfreerdp", "rdesktop"], /(?:xfreerdp|rdesktop)[^\n|;]{0,160}? (?:\/p:|-p )/),
  commandLine(["smbclient"], /smbclient [^\n]{0,120}?-U ?["']?[\w\\.-]{1,60}%/),
  commandLine(["login "], /login\s{1,8}\S{1,80}\s{1,8}password\s{1,8}/),
  commandLine(["identified "], /identified (?:with \w{1,40} )?by (?:password )?/, QUOTED),
  commandLine(["password "], /password /, QUOTED),
  commandLine(["requirepass ", "masterauth "], /(?:requirepass|masterauth) /),
  {
    id: "signed-url",
    finds: "signatures of presigned URLs (S3, GCS, CloudFront)",
    starts: ["X-Amz-Signature", "X-Goog-Signature", "X-Amz-Security-Token", "X-Amz-Credential", "&Signature="],
    pattern:
      /(?:x-(?:amz|goog)-(?:signature|security-token)|(?<!\w)&signature)(?:=|%3D)(?<secret>[\w%+/=~.-]{16,3000})/diy,
    valid: (secret) => !standsForValue(secret),
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

const NOT_A_PASSWORD =
  /^(?:pass(?:word|wd)?|pwd|pw|secret|token|postgres|root|admin|user|guest|test|x-oauth-basic|\w{1,3}|\d{1,5}|port)$/i;

function isUrlPassword(secret: string): boolean {
  return !NOT_A_PASSWORD.test(secret) && !standsForValue(secret) && !/^[({[]|^\d{1,5}[,;]|\$\w/.test(secret);
}

function isHeaderToken(secret: string): boolean {
  return !standsForValue(secret) && looksRandom(secret, 16);
}

/** Base64 of `user:password`, in text that can be typed. */
function isUserAndPassword(secret: string): boolean {
  if (secret.length < 8) return false;
  const plain = Buffer.from(secret, "base64").toString("latin1");
  const at = plain.indexOf(":");
  return at >= 0 && plain.length > 5 && !/[^\x20-\x7e]/.test(plain) && !/^[^:]*:(?:pass(?:word)?|)$/i.test(plain);
}

function isTypedPassword(secret: string): boolean {
  return looksChosen(secret, "settings") && !NOT_A_PASSWORD.test(secret);
}
