/**
 * The forms of secrets that can be told by their form: one row a kind. A pattern begins at one of its `starts`, is tried
 * there alone, and has a bound on all that it repeats: what a text costs grows with its length and with nothing else.
 * Values that only their surroundings give away are in assignments.ts.
 */
import { entropyBits, isPlain, isWords, looksChosen, looksRandom, standsForValue } from "./values.ts";

export interface Rule {
  /** Its name in placeholders and results. */
  readonly id: string;
  /** What it finds, for the table in the README. */
  readonly finds: string;
  /** Literals, in any case, at which the pattern may begin. Three characters or more. */
  readonly starts: readonly string[];
  /** Sticky. What goes is what the groups took, from the first to the last of them; without groups, all of it. */
  readonly pattern: RegExp;
  /** Whether its mark is so short that random base64 has it: within a run or block of that it is none. */
  readonly isWeak?: boolean;
  /** What a try takes, in characters that are looked at; where it is not given, as many as most take. */
  readonly effort?: number;
  /** Whether this one is meant. Without it, what is an example or has no entropy is left. */
  readonly valid?: (secret: string) => boolean;
}

/** The longest secret, in characters, that a pattern takes: more than an RSA key of 16,384 bits. */
export const MAX_SECRET_CHARS = 16 * 1024;

/** Random characters have more bits each; `AKIAAAAAAAAAAAAAAAAA` and `ghp_xxxxxxxx` have fewer. */
const MIN_BITS = 2.2;
/** So much of a match is judged. */
export const JUDGED_CHARS = 128;

export function isMeant(rule: Rule, secret: string): boolean {
  if (rule.valid) return rule.valid(secret);
  // Forty letters of one case are words run together.
  return (
    !PRETENDS.test(secret) &&
    !/^[a-z_.-]+$/.test(secret) &&
    !isWords(secret.slice(0, JUDGED_CHARS)) &&
    entropyBits(secret.slice(0, JUDGED_CHARS)) >= MIN_BITS
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

/**
 * Tokens of a service by what they begin with: the literals at which to look are taken from the forms. In a form, `~` and a
 * letter stand for a class: ~a letters and digits, ~w the same with - and _, ~h hex, ~l small letters and digits, ~u capitals
 * and digits, ~b base64.
 */
function tokens(id: string, finds: string, ...forms: readonly string[]): Rule {
  const source = forms.join("|").replace(/~([awhlub])/g, (_, letter: string) => CLASSES[letter] ?? "");
  const starts = [...new Set(forms.flatMap(beginnings))];
  // Without a separator in it, a mark of a few letters stands in base64 by chance.
  const isWeak = starts.some((start) => start.length <= 6 && !/[_.~$!-]/.test(start));
  // A long one with a separator in it may stand behind a name: `fix-ghp_…`.
  const isStrong = starts.every((start) => start.length >= 4 && /[_.~$!-]/.test(start));
  const left = isStrong ? LEFT.replace("[A-Za-z0-9_-]", "[A-Za-z0-9]") : LEFT;
  return { id, finds, starts, pattern: new RegExp(`${left}(?:${source})(?![A-Za-z0-9])`, "dy"), isWeak };
}

const CLASSES: Readonly<Record<string, string>> = {
  a: "[A-Za-z0-9]",
  w: "[\\w-]",
  h: "[a-f0-9]",
  l: "[a-z0-9]",
  u: "[A-Z0-9]",
  b: "[\\w+/=-]",
};

/** The literals with which a form begins: up to the first class or repetition, for each choice that stands in it. */
function beginnings(form: string): string[] {
  const literal = /^(?:[\w!/-](?![{?*+])|\\[.$|*])*/.exec(form)?.[0] ?? "";
  const rest = form.slice(literal.length);
  const here = literal.replace(/\\/g, "");
  const choice = /^\(\?:([\w|.\\-]*)\)(?![{?*+])/.exec(rest);
  if (choice === null) return [here];
  return (choice[1] ?? "").split("|").flatMap((one) => beginnings(`${literal}${one}${rest.slice(choice[0].length)}`));
}

/** The three characters with which the base64 of a Discord user's number begins. */
const SNOWFLAKE_STARTS = Array.from({ length: 90 }, (_, at) =>
  Buffer.from(`${at + 10}0`)
    .toString("base64")
    .slice(0, 3),
);

const AZURE_MARKS = ["AZDO", "AzCa", "AzSe", "+AMC", "+ASt", "AzFu", "+ABa", "+ARm", "ACDb"];

/** Its lines are looked at, whatever they are. */
const KEY_EFFORT = 500;
/** Some hundred characters may follow. */
const LONG_EFFORT = 30;
/** An address has its first slash or blank soon. */
const URL_EFFORT = 8;
const KEY_BEGIN = "-{4,5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}";
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

/** Between a header's words, also in a URL, in JSON, or as arguments. */
const SPACE = "(?: |\\\\u0020|%20|\\+| ?\\\\?[\"'`])";
const HEADER_TOKEN = "[\\w+/=.~:%-]{12,3000}";
const AUTHORIZATION = "authorization\\\\?[\"'`\\])]{0,3}\\s{0,4}(?:[:=,]|=>|:=)?\\s{0,4}\\\\?[`\"']?";
const SCHEMES =
  "token apikey api-key key splunk negotiate sso-key ghost zoho-oauthtoken geniekey genie-key bot private-token " +
  "jwt oauth discogs hmac dpop";
const SCHEME = `(?:${SCHEMES.replaceAll(" ", "|")})(?: token)?[ =:]{1,2}`;

/** What tokens of services call themselves, between two separators. */
const MARKS = "live test prod production sandbox staging sk pat secret token key api apikey priv private oauth".split(
  " ",
);
const MARKED_STARTS = MARKS.map((mark) => `_${mark}_`);

const UUID = "~h{8}-~h{4}-~h{4}-~h{4}-~h{12}";
/** Where a service sells several environments, its tokens say which. */
const STAGES = "(?:live|test|prod|production|sandbox|staging|stage|dev|development|preview|sbox|sdbx|stg)";

const GITLAB_KINDS = "pat dt rt rtr ptt ft soat cbt imt agent oas ffct wt".split(" ");

/** The published forms of tokens, as known on 2026-12-01. Lengths are a little wider than published: services add to them. */
const SERVICE_TOKENS: readonly Rule[] = [
  tokens("age-secret-key", "age identities", "AGE-SECRET-KEY-(?:PQ-)?1~u{30,2000}", "AGE-PLUGIN-~u{1,20}-1~u{30,2000}"),
  tokens(
    "github-token",
    "GitHub: personal (classic, fine-grained), OAuth, app (both forms) and refresh tokens",
    "gh[pousr]_~a{36,255}".replace("[pousr]", "(?:p|o|u|s|r)"),
    "gh(?:s|u)_\\d{1,20}_[\\w-]{10,4000}\\.[\\w-]{10,9000}\\.[\\w-]{10,1400}",
    "github_pat_[A-Za-z0-9_]{50,255}",
  ),
  tokens(
    "gitlab-token",
    "GitLab: personal, deploy, runner, trigger, feed, agent, CI tokens, also with an instance's prefix",
    `gl(?:${GITLAB_KINDS.join("|")})-[\\w-]{20,300}(?:\\.[\\w-]{2,12}){0,2}`,
    "GR1348941[\\w-]{20,60}",
  ),
  {
    id: "gitlab-token",
    finds: "",
    starts: GITLAB_KINDS.map((kind) => `-gl${kind}-`),
    pattern: new RegExp(
      `(?<=${LEFT}(?<head>[A-Za-z0-9][\\w-]{0,40}))(?<secret>-gl(?:${GITLAB_KINDS.join("|")})-[\\w-]{20,300}(?:\\.[\\w-]{2,12}){0,2})`,
      "dy",
    ),
  },
  tokens(
    "atlassian-token",
    "Atlassian and Bitbucket API tokens, app passwords, Trello tokens",
    "AT(?:ATT|CTT|OA)3[\\w=-]{40,400}",
    "ATBB~a{28,40}",
    "ATTA~a{60,80}",
    "BBDC-~b{40,60}",
  ),
  tokens(
    "slack-token",
    "Slack bot, user, app and configuration tokens",
    "xox(?:a|b|c|d|e|o|p|r|s)-[\\w%-]{10,300}",
    "xoxe\\.xox(?:b|p)-[\\w-]{10,300}",
    "xapp-\\d-~a{5,20}-\\d{5,20}-~a{20,80}",
    "xwfp-[\\w-]{20,200}",
  ),
  tokens(
    "stripe-key",
    "Stripe secret, restricted and organisation keys, webhook secrets, and others of the form sk_live_",
    `(?:s|r)k_(?:org_)?${STAGES}_~b{16,250}`,
    `sk_org_${STAGES}_~b{16,250}`,
    "whsec_~b{24,100}",
  ),
  tokens(
    "square-token",
    "Square access tokens and application secrets",
    "sq0(?:atp|csp|idp)-[\\w-]{22,60}",
    "EAAA[\\w-]{60}",
  ),
  tokens(
    "braintree-token",
    "Braintree and PayPal access tokens",
    "access_token\\$(?:production|sandbox)\\$~l{16}\\$~h{32}",
  ),
  tokens("twilio-key", "Twilio API keys", ...HEX_DIGITS.map((digit) => `SK${digit}~h{31}`)),
  tokens("sendgrid-key", "SendGrid API keys", "SG\\.[\\w-]{16,32}\\.[\\w-]{32,64}"),
  tokens("mailgun-key", "Mailgun keys", "key-~h{32}"),
  tokens("mandrill-key", "Mandrill keys", "md-[\\w-]{22}(?![\\w-])"),
  tokens("brevo-key", "Brevo keys", "x(?:keysib|smtpsib)-~h{64}-~a{16}"),
  tokens("resend-key", "Resend keys", "re_~a{8}_~a{20,28}"),
  tokens("aws-access-key-id", "AWS access key ids", "A(?:KIA|SIA|BIA|CCA)~u{16}"),
  tokens("aws-bedrock-key", "AWS Bedrock API keys", "ABSK[A-Za-z0-9+/]{100,300}={0,2}", "bedrock-api-key-~b{60,4000}"),
  tokens("google-api-key", "Google and Gemini API keys", "AIza[\\w-]{35}(?![\\w-])", "AQ\\.[\\w-]{30,100}"),
  tokens(
    "google-oauth-token",
    "Google OAuth access and refresh tokens, client secrets, FCM server keys",
    "ya29\\.[\\w.-]{20,2500}",
    "GOCSPX-[\\w-]{24,32}",
    "1//0[\\w-]{38,200}",
    "AAAA[\\w-]{7}:[\\w-]{134,160}",
  ),
  tokens(
    "digitalocean-token",
    "DigitalOcean personal, OAuth and refresh tokens, Spaces keys",
    "do(?:o|p|r)_v1_~h{64}",
    "DO00~u{16}",
  ),
  tokens("heroku-key", "Heroku keys", "HRKU-(?:[\\w-]{58,70}|[0-9a-f-]{36})"),
  tokens(
    "cloudflare-token",
    "Cloudflare tokens of the new form, origin CA keys, tunnel tokens",
    "cf(?:ut|at|k)_~a{36,80}",
    "v1\\.0-~h{24}-~h{146}",
    "eyJhIjoi~b{100,400}",
  ),
  tokens("vercel-token", "Vercel tokens", "vc(?:p|i|a|r|k)_~a{24,80}", "vercel_blob_rw_~a{16}_~a{24,40}"),
  tokens("netlify-token", "Netlify tokens", "nf(?:p|c|o|u|b)_~a{36,60}"),
  tokens(
    "supabase-key",
    "Supabase secret keys and access tokens",
    "sbp_(?:v0_|oauth_)?~h{40}",
    "sb_secret_[\\w-]{22,60}",
  ),
  tokens("planetscale-token", "PlanetScale tokens and passwords", "pscale_(?:tkn|pw|oauth)_[\\w.=-]{32,64}"),
  tokens("neon-key", "Neon keys and role passwords", "napi_~l{60,70}", "npg_~a{12,24}"),
  tokens("mongodb-atlas-key", "MongoDB Atlas service account secrets", "mdb_sa_sk_[\\w-]{36,48}"),
  tokens(
    "database-key",
    "Aiven, CockroachDB, Astra, Xata, Materialize, Fauna, Elastic Cloud, Confluent, dbt, Hex keys",
    "AVNS_[\\w-]{15,40}",
    "CCDB1_~a{20,24}_~a{36,44}",
    "AstraCS:~a{20,40}:~h{60,68}",
    "xau_~a{30,60}",
    "mzp_~h{60,68}",
    "fnAE[\\w-]{30,44}",
    "essu_~b{30,120}",
    "cflt~b{50,80}",
    "dbt(?:c|u|s)_~b{30,80}",
    "hxt(?:p|w)_~a{60,120}",
  ),
  tokens("npm-token", "npm tokens", "npm_~a{36}"),
  tokens("pypi-token", "PyPI tokens", "pypi-AgE[\\w-]{50,1000}"),
  tokens("rubygems-key", "RubyGems keys", "rubygems_~h{48}"),
  tokens("crates-io-token", "crates.io tokens", "cio~a{32}"),
  tokens("docker-token", "Docker Hub tokens", "dckr_(?:p|o)at_[\\w-]{24,60}"),
  tokens("nuget-key", "NuGet keys", "oy2~l{43}"),
  tokens("jfrog-token", "Artifactory keys and reference tokens", "AKCp~a{60,80}", "cmVmdGtu~b{40,80}"),
  tokens(
    "package-registry-token",
    "Packagist, Clojars, Deno, Hackage and Open VSX tokens",
    "packagist_~l{2,5}_~h{40,80}",
    "CLOJARS_~l{50,64}",
    "dd(?:p|o|w)_~a{36,60}",
    "ovsxp_[\\w-]{30,60}",
  ),
  tokens("anthropic-key", "Anthropic API, admin and OAuth keys", "sk-ant-[a-z]{2,6}\\d{0,2}-[\\w-]{24,200}"),
  tokens(
    "openai-key",
    "OpenAI, OpenRouter, DeepSeek, Langfuse, Helicone keys, and others of the form sk-",
    "sk-~a{2,12}-(?:v\\d-)?[\\w-]{20,250}",
    "sk-~a{20,100}",
  ),
  tokens("hugging-face-token", "Hugging Face tokens", "(?:hf|api_org)_~a{34,40}"),
  tokens("replicate-token", "Replicate tokens", "r8_~a{37,40}"),
  tokens("groq-key", "Groq keys", "gsk_~a{48,60}"),
  tokens("xai-key", "xAI keys", "xai-~a{70,90}"),
  tokens(
    "ai-service-key",
    "Perplexity, Pinecone, Fireworks, Tavily, LangSmith, NVIDIA, Cerebras, ElevenLabs, Voyage, Together, Jina, LlamaCloud, Firecrawl, E2B, Mem0, Weights & Biases, Runpod, Modal, Apify, Cursor keys",
    "pplx-~a{40,60}",
    "pcsk_~a{5,8}_~a{50,70}",
    "tvly-(?:dev-|prod-)?~a{28,40}",
    "lsv2_(?:pt|sk)_~h{32}_~h{10}",
    "nvapi-[\\w-]{60,72}",
    "csk-~l{44,52}",
    "sk_~h{48}",
    "sk_car_~a{16,24}",
    "pa-[\\w-]{43}",
    "fw_~a{22,24}",
    "tgp_v1_[\\w-]{40,48}",
    "jina_~h{32}[\\w-]{20,34}",
    "llx-~a{40,56}",
    "fc-~h{32}",
    "e2b_~h{40}",
    "m0-~a{36,44}",
    "wandb_v1_\\w{60,90}",
    "rpa_~u{30,50}",
    "a(?:k|s)-~a{22,24}(?![\\w-])",
    "apify_(?:api|proxy)_~a{30,40}",
    "key_~h{60,68}",
    "crsr_~h{60,68}",
    "ds-~h{32}",
  ),
  tokens("databricks-token", "Databricks tokens", "d(?:api|ose|kea)~h{32}(?:-\\d)?"),
  tokens("datadog-key", "Datadog keys of the new form", "dd(?:app|pat|api)_~a{30,48}"),
  tokens(
    "new-relic-key",
    "New Relic user, ingest and license keys",
    "NR(?:AK|AA)-~u{27}",
    "NRII-[\\w-]{32}",
    "NRSP-[a-z]{2}\\d{2}~h{30,36}",
  ),
  tokens("sentry-token", "Sentry tokens and DSNs", "sntrys_~b{60,600}", "sntry(?:u|i|a)_~h{64}"),
  tokens(
    "grafana-token",
    "Grafana service account, cloud and legacy tokens",
    "glsa_~a{32}_~h{8}",
    "glc_eyJ~b{40,400}",
    "eyJrIjoi~b{40,400}",
  ),
  tokens("honeycomb-key", "Honeycomb keys", "hc(?:a|b|x)(?:i|l|m)(?:k|c)_~l{32,64}"),
  tokens(
    "monitoring-key",
    "PostHog, Dynatrace, Coralogix, Honeybadger, Axiom, Checkly, Instana, Infracost keys",
    "ph(?:x|s|r|a)_~a{36,52}",
    "dt0[a-z]\\d\\d\\.~u{20,28}\\.~u{56,72}",
    "cx(?:tp|up)_~a{28,34}",
    "hb(?:p|u)_~a{30,40}",
    `x(?:aat|apt|ait)-${UUID}`,
    "cu_~h{32}",
    "ico-~a{32}",
  ),
  tokens("linear-key", "Linear keys", "lin_(?:api|oauth|wh)_~a{32,128}"),
  tokens("notion-token", "Notion tokens", "ntn_~a{43,50}", "secret_~a{43}"),
  tokens("airtable-token", "Airtable tokens", "pat~a{14}\\.~h{64}"),
  tokens("asana-token", "Asana tokens", "(?:1|2)/1\\d{12,16}(?:/\\d{13,17})?:~h{32}", "(?:1|2)/\\d{13,17}:~h{32}"),
  tokens("figma-token", "Figma tokens", "fig(?:d|o|p|u)[hr]?_[\\w-]{36,60}"),
  tokens("postman-key", "Postman keys", "PMAK-~h{24}-~h{34}", "PMAT-~u{26}"),
  tokens("dropbox-token", "Dropbox tokens", "sl\\.(?:u\\.)?[\\w-]{100,1500}"),
  tokens("facebook-token", "Facebook and Instagram tokens", "EAA~a{90,300}", "IGQ(?:V|W)[\\w-]{80,300}"),
  tokens("shopify-token", "Shopify access tokens and secrets", "shp(?:at|ca|pa|ss|ua|tka|it|aa)_~a{32,64}"),
  tokens("mapbox-token", "Mapbox secret tokens", "sk\\.eyJ[\\w-]{20,400}\\.[\\w-]{16,100}"),
  tokens("segment-token", "Segment and Sourcegraph tokens", "sgp_(?:~h{16}_|local_)?~a{40,70}", "sl(?:k|w)_~h{64}"),
  tokens("launchdarkly-key", "LaunchDarkly SDK and API keys", `(?:sdk|api|mob)-${UUID}`),
  tokens("pulumi-token", "Pulumi tokens", "pul-~h{40}"),
  tokens("vault-token", "HashiCorp Vault tokens and unseal keys", "hv(?:s|b|r)\\.[\\w-]{24,300}"),
  tokens("doppler-token", "Doppler tokens", "dp\\.(?:pt|st|ct|sa|said|scim|audit)\\.(?:[a-z0-9_-]{2,35}\\.)?~a{40,44}"),
  tokens(
    "1password-token",
    "1Password service account tokens and secret keys",
    "ops_ey~b{100,3000}",
    "A3-~u{6}-(?:~u{11}|~u{6}-~u{5})(?:-~u{5}){3}",
  ),
  tokens(
    "bitwarden-token",
    "Bitwarden Secrets Manager, Infisical, Akeyless tokens",
    ...HEX_DIGITS.map((digit) => `0\\.${digit}~h{7}-~h{4}-~h{4}-~h{4}-~h{12}\\.~a{28,32}:~b{22,26}`),
    "st\\.~h{24}\\.~h{32}\\.~h{32}",
  ),
  tokens("tailscale-key", "Tailscale keys", "tskey-[a-z]{2,12}-~a{8,24}(?:-~a{16,48})?"),
  tokens("fly-token", "Fly.io tokens", "fo1_[\\w-]{43}", "fm(?:1r|1a|2)_~b{80,4000}"),
  tokens("render-key", "Render keys", "rnd_~a{28,40}"),
  tokens(
    "cloud-token",
    "Scalingo, Scaleway, Alibaba, Tencent, Yandex, OpenShift, Rancher, Portainer, NetBird, ngrok, Exoscale, Backblaze, Defined keys",
    "tk-us-[\\w-]{40,56}",
    "SCW~u{17}",
    "LTAI~a{12,24}",
    "AKID~a{32,48}",
    "AQVN[\\w-]{34,40}",
    "y0_[\\w-]{50,200}",
    "t1\\.[A-Z0-9a-z_-]{20,800}=?=?\\.[\\w-]{60,120}={0,2}",
    "sha256~[\\w-]{40,46}".replace("~", "[~]"),
    "token-~l{5}:~l{54}",
    "ptr_~b{40,60}",
    "nbp_~a{36}",
    "EXO~h{24}",
    "K00\\d[A-Za-z0-9+/]{27}",
    "dnkey-~b{26}-~b{52}",
  ),
  tokens(
    "ci-service-token",
    "Snyk, SonarQube, Buildkite, CircleCI, Harness, Octopus, StackHawk, Socket, Chromatic, Percy tokens",
    "snyk_[a-z]{3}\\.[\\w.-]{40,200}",
    "sq(?:p|u|a|b)_~h{40}",
    "bk(?:ua|ct|aj|pt)_~a{36,64}",
    "CCIP(?:AT|RJ)_~a{16,28}_~h{40}",
    "(?:pat|sat)\\.[\\w-]{22}\\.~h{24}\\.~a{20}",
    "API-~u{26,32}",
    "hawk\\.[\\w-]{20}\\.[\\w-]{20}",
    "sktsec_[\\w-]{30,120}",
    "chpt_~l{11,20}",
    "(?:web|app)_~h{64}",
    "depot_~l{3,8}_~h{40,80}",
    "signkey-~l{4,10}-~h{60,68}",
  ),
  tokens(
    "payment-key",
    "EasyPost, Shippo, Flutterwave, Lob, GoCardless, Paddle, Xendit, Midtrans, Mercado Pago, Mollie, Duffel, Omise keys",
    "EZ(?:A|T)K~a{50,60}",
    `shippo_${STAGES}_~h{40}`,
    "FLWSECK(?:_TEST)?-~a{12,40}-X",
    "FLWSECK_TEST~h{12}",
    "(?:live|test|sandbox)_~a{28,60}",
    "(?:live|sandbox)_[\\w=-]{40}",
    `pdl_${STAGES}_\\w{30,90}`,
    `xnd_${STAGES}_~a{30,90}`,
    "(?:SB-)?Mid-server-[\\w-]{20,32}",
    "SB-Mid-server-[\\w-]{20,32}",
    "(?:APP_USR|TEST)-\\d{12,20}-\\d{6}-~h{32}(?:__\\w{2}_\\w{2}__)?-\\d{5,12}",
    `duffel_${STAGES}_[\\w-]{43}`,
    `skey_${STAGES}_~a{16,40}`,
  ),
  tokens(
    "service-key",
    "Adobe, Telnyx, Klaviyo, ClickUp, HubSpot, Intercom, MailerSend, Zoho, OneSignal, Plaid, Typeform, Contentful, ReadMe, Frame.io, WakaTime, Adafruit, Pinterest, LinkedIn, Salesforce, Roblox, Fastmail, Flagsmith, GrowthBook, Statsig, Prefect, ClickHouse, Rootly, Settlemint, Close, ntfy keys",
    "p8(?:e)?-~a{32}",
    "KEY0~h{31}_~a{20,24}".replace("~h", "[A-F0-9]"),
    "pk_~h{34}",
    "pk_~a{6}_~a{28,50}",
    "pk_\\d{6,10}_~u{32}",
    `pat-(?:na|eu|ap|au|ca)\\d-${UUID}`,
    "dG9rO~b{40,80}",
    "mlsn\\.~h{60,68}",
    "1000\\.~h{32}\\.~h{32}",
    "os_v2_(?:app|org)_~l{90,120}",
    `access-(?:sandbox|development|production)-${UUID}`,
    "tfp_[\\w.=-]{44,64}",
    "CFPAT-[\\w-]{43}",
    "rdme_~l{60,72}",
    "fio-u-[\\w=-]{60,68}",
    `waka_${UUID}`,
    "aio_~a{28}",
    "pina_\\w{60,200}",
    "WPL_AP\\d\\.~a{12,40}\\.~b{8,20}",
    "00D~a{12,15}![\\w.]{60,140}",
    "fmu\\d-~h{8}-~h{24,64}-\\d-~h{20,40}",
    "fmu\\d-[\\w-]{30,120}",
    "ser\\.~a{20,24}",
    "secret_(?:admin|readonly|user)_[\\w=-]{20,60}",
    "(?:secret|console)-~a{40,60}",
    "secret-(?:test|live)-[\\w=-]{30,44}",
    "pn(?:u|b)_~a{36}",
    "4b1d~a{38}",
    "rootly_~h{64}",
    "sm_(?:pat|aat|sat)_~a{16,24}",
    "api_~a{22}\\.~a{22}",
    "tk_~l{29}",
    "(?:x|y|z|t)prv~a{100,112}",
    "p\\.eyJ[\\w-]{30,400}\\.[\\w-]{30,100}",
    "v\\d\\.(?:local|public)\\.[\\w-]{40,4000}(?:\\.[\\w-]{1,1000})?",
    "n8n_api_~h{40,100}",
    "polar_~l{3,6}_~a{30,60}",
    "ATNT-[\\w-]{30,60}",
  ),
  {
    id: "service-key",
    finds: "",
    starts: ["_mmk", "_MMK"],
    pattern: /(?<=(?:(?<!\w)|(?<=\\[nrt]))(?<head>[A-Za-z0-9]{6}_[A-Za-z0-9]{29}))(?<secret>_mmk)(?!\w)/dy, // MaxMind
  },
  {
    id: "service-key",
    finds: "",
    starts: ["msh"],
    pattern:
      /(?<=(?:(?<!\w)|(?<=\\[nrt]))(?<head>[0-9a-f]{10}))(?<secret>msh[0-9a-f]{15}p1[0-9a-f]{6}jsn[0-9a-f]{12})(?!\w)/dy, // RapidAPI
  },
  {
    id: "service-key",
    finds: "",
    starts: ["_|WARNING:-DO-NOT-SHARE"],
    pattern: /_\|WARNING:-DO-NOT-SHARE[^|\n]{0,200}\|_(?<secret>[\w-]{100,2000})/dy, // Roblox
  },
  {
    id: "service-key",
    finds:
      "services whose tokens say what they are: a name, then live, secret, key, token, pat and the like, then what chance made",
    starts: MARKED_STARTS,
    pattern: new RegExp(
      `(?<=${LEFT}(?<head>[A-Za-z][A-Za-z0-9]{1,15}))(?<secret>_(?:${MARKS.join("|")})_(?:[a-z0-9]{1,6}[_-]){0,2}` +
        "[A-Za-z0-9]{16,160}(?:[._-][A-Za-z0-9]{8,160}){0,3})(?![A-Za-z0-9])",
      "dyi",
    ),
    valid: (secret) =>
      !/^(?:pk|pub|phc)_/i.test(secret) &&
      /\d/.test(secret) &&
      looksRandom(secret.replace(/^.*?_(?=[A-Za-z0-9]{16})/, ""), 16),
  },
];

/** How far behind an id its secret may stand: in the next line, or the next field. */
const PARTNER_REACH_CHARS = 160;

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
  return { id: "command-line-password", effort: LONG_EFFORT, finds, starts, pattern, valid: isTypedPassword };
}

export const RULES: readonly Rule[] = [
  ...SERVICE_TOKENS,
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "PEM, OpenSSH, PGP and PuTTY private keys, also cut off or with escaped line ends",
    starts: ["-----BEGIN ", "---- BEGIN "],
    pattern: new RegExp(`${KEY_BEGIN}(?<secret>${KEY_TEXT})`, "dy"),
    valid: isKeyText,
  },
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "",
    starts: ["-----BEGIN ", "---- BEGIN "],
    // Without its end: as much of its lines as there is.
    pattern: new RegExp(`${KEY_BEGIN}(?<secret>${KEY_LINES}|${KEY_STRING})`, "dy"),
    valid: isNoSample,
  },
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "",
    starts: ["-----END ", "---- END "],
    pattern: new RegExp(`(?<=(?<secret>${KEY_REST}))-{4,5} ?END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY`, "dy"),
    valid: isNoSample,
  },
  {
    id: "private-key",
    effort: KEY_EFFORT,
    finds: "",
    starts: ["Private-Lines:"],
    pattern: /private-lines: \d{1,3}\r?\n(?<secret>(?:[A-Za-z0-9+/=]{1,80}\r?\n?){1,200})/diy,
    valid: always,
  },
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
      `(?<=(?<![A-Za-z0-9+/])(?<head>[A-Za-z0-9+/]{33,80}))(?<secret>(?:${AZURE_MARKS.join("|").replaceAll("+", "\\+")})` +
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
    effort: URL_EFFORT,
    finds: "passwords in URLs: databases, brokers, git remotes, proxies",
    starts: ["://"],
    pattern:
      /(?<=[a-z][a-z0-9+.-]{1,24}):\/\/[^\s:/@"'`<>|\\?#]{0,120}:(?<secret>[^\s/"'`<>|\\]{1,400})@(?=[\w[%.$*-])/diy,
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
    starts: [":5432:", ":3306:", ":5433:"],
    pattern: /:(?:543[23]|3306):[\w*-]{1,60}:[\w-]{1,60}:(?<secret>[^\s:"'`]{6,200})/diy,
    valid: isUrlPassword,
  },
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
    /(?<=[\s"'`[,])(?:-u|-U|--(?:proxy-)?user)["']?[ =,]{1,2}\\?["']?(?:[\w.@\\][\w.@\\+-]{0,64})?:(?!\/\/)/,
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
  commandLine(
    ["smbclient", "rpcclient", "smbmap", "net rpc"],
    /(?:smbclient|rpcclient|smbmap|net rpc) [^\n]{0,120}?-U[ =]?["']?[\w\\/.-]{1,60}%/,
  ),
  commandLine(["login "], /login\s{1,8}\S{1,80}\s{1,8}password\s{1,8}/),
  commandLine(["identified "], /identified (?:with \w{1,40} )?by (?:password )?/, QUOTED),
  commandLine(["password "], /password /, QUOTED),
  commandLine(["requirepass ", "masterauth "], /(?:requirepass|masterauth) /),
  {
    id: "signed-url",
    effort: LONG_EFFORT,
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
  /(?:^|:)anoncvs$|^user@|^(?:pass(?:word|wd)?|pwd|pw|secret|token|postgres|root|admin|user|guest|test|x-oauth-basic|\w{1,3}|\d{1,5}|port)$/i;

function isUrlPassword(secret: string): boolean {
  return !NOT_A_PASSWORD.test(secret) && !standsForValue(secret) && !/^[({[]|^\d{1,5}[,;]|\$\w/.test(secret);
}

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

function isTypedPassword(secret: string): boolean {
  return looksChosen(secret, "settings") && !NOT_A_PASSWORD.test(secret);
}
