/**
 * The published forms of the tokens of services, one row a service: a table of data. To add a service, add its form to the
 * row of its kind.
 */
import { HEX_DIGITS, LEFT, type Rule, UUID } from "./rule.ts";
import { looksRandom } from "./values.ts";

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
/** What tokens of services call themselves, between two separators. */
const MARKS = "live test prod production sandbox staging sk pat secret token key api apikey priv private oauth".split(
  " ",
);
const MARKED_STARTS = MARKS.map((mark) => `_${mark}_`);

/** Where a service sells several environments, its tokens say which. */
const STAGES = "(?:live|test|prod|production|sandbox|staging|stage|dev|development|preview|sbox|sdbx|stg)";

const GITLAB_KINDS = "pat dt rt rtr ptt ft soat cbt imt agent oas ffct wt".split(" ");

/** The published forms of tokens, as known on 2026-12-01. Lengths are a little wider than published: services add to them. */
export const SERVICE_TOKENS: readonly Rule[] = [
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
  tokens("aws-session-token", "AWS session tokens", "IQoJb3JpZ2lu~b{100,3000}", "F(?:wo|Qo)GZXIvYXdz~b{100,3000}"),
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
  tokens(
    "docker-token",
    "Docker Hub and Swarm tokens",
    "SWMTKN-\\d-~l{40,60}-~l{20,30}",
    "dckr_(?:p|o)at_[\\w-]{24,60}",
  ),
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
  tokens("twitter-token", "Twitter bearer tokens", "AAAAAAAAAAAAAAAAAAAAA[A-Za-z0-9%]{50,200}"),
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
    "EasyPost, Shippo, Flutterwave, Lob, GoCardless, Paddle, Xendit, Midtrans, Mercado Pago, Mollie, Duffel, Adyen, Omise keys",
    "EZ(?:A|T)K~a{50,60}",
    "AQE[A-Za-z0-9]~b{60,400}",
    `shippo_${STAGES}_~h{40}`,
    "FLWSECK(?:_TEST)?-~a{12,40}-X",
    "FLWSECK_TEST~h{12}",
    "(?:live|test|sandbox)_~a{28,60}",
    "(?:live|sandbox)_[\\w=-]{40}",
    `pdl_${STAGES}_\\w{30,90}`,
    `xnd_${STAGES}_~a{30,90}`,
    "Mid-server-[\\w-]{20,32}",
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
    "00D~a{12,15}![\\w.-]{60,140}",
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
    "nsec1~l{58}",
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
