// Synthetic, randomly generated texts (nothing in them is real) for testing a tool that masks credentials.
export const SEED = 740193;

let state = SEED;
const seed = (n) => {
  state = n >>> 0;
};
const rnd = () => {
  // mulberry32
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const int = (a, b) => a + Math.floor(rnd() * (b - a + 1));
const pick = (a) => a[Math.floor(rnd() * a.length)];
const shuffle = (a) => {
  const r = a.slice();
  for (let i = r.length - 1; i > 0; i--) {
    const j = int(0, i);
    [r[i], r[j]] = [r[j], r[i]];
  }
  return r;
};
const LOW = "abcdefghijklmnopqrstuvwxyz",
  UPP = LOW.toUpperCase(),
  DIG = "0123456789";
const str = (n, al) => {
  let s = "";
  for (let i = 0; i < n; i++) s += al[Math.floor(rnd() * al.length)];
  return s;
};
const hex = (n) => str(n, "0123456789abcdef");
const HEX = (n) => str(n, "0123456789ABCDEF");
const an = (n) => str(n, LOW + UPP + DIG);
const lan = (n) => str(n, LOW + DIG);
const uan = (n) => str(n, UPP + DIG);
const dig = (n) => str(1, "123456789") + str(n - 1, DIG);
const b32 = (n) => str(n, `${UPP}234567`);
const b64 = (n) => str(n, `${LOW + UPP + DIG}+/`);
const b64u = (n) => an(1) + str(n - 2, `${LOW + UPP + DIG}-_`) + an(1);
const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-${pick(["8", "9", "a", "b"])}${hex(3)}-${hex(12)}`;
const enc = (s) => Buffer.from(s).toString("base64");
const encu = (s) => Buffer.from(s).toString("base64url");
const jwt = (p = {}) =>
  `${encu(JSON.stringify({ alg: pick(["HS256", "RS256", "ES256"]), typ: "JWT" }))}.${encu(JSON.stringify({ sub: dig(9), iat: 17 * 1e8 + int(0, 9e7), jti: hex(12), ...p }))}.${b64u(43)}`;
const two = (n) => String(n).padStart(2, "0");
const date = () => `20${int(22, 25)}-${two(int(1, 12))}-${two(int(1, 28))}`;
const time = () => `${two(int(0, 23))}:${two(int(0, 59))}:${two(int(0, 59))}`;
const iso = () => `${date()}T${time()}.${dig(3)}Z`;
const ip = () => `10.${int(0, 250)}.${int(1, 250)}.${int(2, 250)}`;
const PEOPLE = [
  "Marta",
  "Jonas",
  "Aiko",
  "Priya",
  "Luca",
  "Chloé",
  "Sven",
  "Nadia",
  "Tomás",
  "Wei",
  "Ines",
  "Ola",
  "Deniz",
  "Ruth",
  "Pavel",
];
const APPS = [
  "billing",
  "checkout",
  "ledger",
  "gateway",
  "ingest",
  "mailer",
  "portal",
  "scheduler",
  "reports",
  "search",
  "warehouse",
  "notify",
  "catalog",
  "fleet",
];
const HOSTS = ["kestrel", "osprey", "birch", "granite", "maple", "harbor", "juniper", "cobalt", "tundra", "delta"];
const host = () =>
  `${pick(["db", "mq", "cache", "app", "node", "data"])}-${int(1, 20)}.${pick(HOSTS)}.${pick(["internal", "net", "io", "cloud", "dev"])}`;
const camel = (e) => e.toLowerCase().replace(/_([a-z0-9])/g, (_, c) => c.toUpperCase());
const kebab = (e) => e.toLowerCase().replace(/_/g, "-");

// Surroundings of a token: e = name of the setting, s = the service, n = what it is called, v = the value.
const AROUND = [
  (_e, s, n, v) => `I rotated the ${s} ${n} this morning, the new one is ${v} and the old one stops working on Friday.`,
  (_e, s, n, v) =>
    `Hi ${pick(PEOPLE)},\n\nfor the ${pick(APPS)} service please use this ${s} ${n}: ${v}\n\nThanks,\n${pick(PEOPLE)}`,
  (_e, s, n, v) =>
    `${iso()} INFO  [${pick(APPS)}] connecting to ${s} ${n}=${v} attempt=${int(1, 5)} timeout=${int(5, 60)}s`.replace(
      ` ${n}=`,
      ` ${n.replace(/ /g, "_")}=`,
    ),
  (e, _s, _n, v) => `${date()} ${time()},${dig(3)} DEBUG ${pick(APPS)}.config: loaded ${e}=${v} from environment`,
  (e, s, _n, v) => `# ${s}\nPORT=${int(3000, 9000)}\n${e}=${v}\nLOG_LEVEL=info\n`,
  (e, _s, _n, v) => `NODE_ENV=production\n${e}="${v}"\nREGION=${pick(["eu-west-1", "us-east-2", "ap-south-1"])}`,
  (e, _s, _n, v) =>
    `diff --git a/.env b/.env\nindex ${hex(7)}..${hex(7)} 100644\n--- a/.env\n+++ b/.env\n@@ -1,3 +1,4 @@\n APP=${pick(APPS)}\n+${e}=${v}\n DEBUG=false`,
  (e, _s, _n, v) =>
    `@@ -${int(4, 90)},4 +${int(4, 90)},4 @@\n   retries: 3,\n-  ${camel(e)}: '${v}',\n+  ${camel(e)}: process.env.${e},\n   verbose: false,`,
  (e, _s, _n, v) => `{"app":"${pick(APPS)}","${camel(e)}":"${v}","retries":${int(1, 9)},"enabled":true}`,
  (e, _s, _n, v) => `{\n  "env": "staging",\n  "${e.toLowerCase()}": "${v}",\n  "timeoutMs": ${int(1, 90)}000\n}`,
  (_e, s, n, v) => `## Onboarding\n\n- clone the repo\n- ${s} ${n}: \`${v}\`\n- run \`make dev\``,
  (e, s, _n, v) =>
    `| Service | Setting | Value |\n|---|---|---|\n| ${pick(APPS)} | LOG_LEVEL | debug |\n| ${s} | ${e} | ${v} |\n`,
  (e, _s, _n, v) =>
    `To reproduce locally:\n\n\`\`\`bash\nexport ${e}=${v}\nnpm run ${pick(["dev", "start", "sync", "deploy"])}\n\`\`\`\n`,
  (e, _s, _n, v) =>
    `${pick(PEOPLE).toLowerCase()}@${pick(HOSTS)}:~/${pick(APPS)}$ export ${e}='${v}'\n${pick(PEOPLE).toLowerCase()}@${pick(HOSTS)}:~/${pick(APPS)}$ ./deploy.sh\nDeploying ... done in ${int(3, 80)}s`,
  (e, _s, _n, v) => `$ printenv | grep ${e.split("_")[0]}\n${e}=${v}\n$ _`.replace(" _", " exit"),
  (e, _s, _n, v) =>
    `services:\n  ${pick(APPS)}:\n    image: registry.local/${pick(APPS)}:${int(1, 9)}.${int(0, 20)}\n    environment:\n      - ${e}=${v}\n      - TZ=UTC`,
  (e, _s, _n, v) => `${pick(APPS)}:\n  replicas: ${int(1, 6)}\n  ${camel(e)}: ${v}\n  region: eu-central-1\n`,
  (e, s, _n, v) => `[${s.toLowerCase().replace(/\W+/g, "-")}]\n${e.toLowerCase()} = "${v}"\ntimeout = ${int(5, 60)}\n`,
  (e, _s, _n, v) => `variable "region" { default = "us-east-1" }\n\nlocals {\n  ${e.toLowerCase()} = "${v}"\n}`,
  (e, _s, _n, v) => `import os\n\n${e} = "${v}"  # TODO move to vault\nclient = Client(${e}, timeout=${int(5, 60)})`,
  (e, s, _n, v) => `const client = new ${s.replace(/\W+/g, "")}Client({ ${camel(e)}: '${v}', region: 'eu' });`,
  (e, _s, _n, v) => `package config\n\nconst (\n\t${camel(e)} = "${v}"\n\tmaxRetries = ${int(2, 9)}\n)`,
  (_e, s, n, v) =>
    `[${time()}] ${pick(PEOPLE)}: anyone got the ${s} ${n} for staging?\n[${time()}] ${pick(PEOPLE)}: yep ${v}\n[${time()}] ${pick(PEOPLE)}: thx!`,
  (e, _s, _n, v) =>
    `##[group]Run ./ci/publish.sh\nenv:\n  CI: true\n  ${e}: ${v}\n##[endgroup]\nPublished in ${int(2, 60)}s`,
  (e, _s, _n, v) =>
    `Step ${int(3, 9)}/12 : ENV ${e}=${v}\n ---> Running in ${hex(12)}\nRemoving intermediate container ${hex(12)}`,
  (e, s, _n, v) =>
    `Error: request to ${s} failed with status 401\n    at send (/srv/${pick(APPS)}/src/http.js:${int(10, 300)}:${int(3, 40)})\n    config: { ${camel(e)}: '${v}', retries: 2 }`,
  (e, _s, _n, v) => `kubectl create secret generic ${pick(APPS)}-${kebab(e)} --from-literal=${e}=${v} -n prod`,
  (_e, s, n, v) => `${s} ${n}\n${v}\n\nOwner: ${pick(PEOPLE)}, created ${date()}`,
];
const _turn = 0;
const add = (out, kind, text, secret) => out.push({ kind, text, secret });

// Formats of service tokens: [kind, setting, service, noun, generator]
const TOKENS = [
  ["aws-access-key-id", "AWS_ACCESS_KEY_ID", "AWS", "access key", () => `AKIA${b32(16)}`],
  ["aws-secret-access-key", "AWS_SECRET_ACCESS_KEY", "AWS", "secret access key", () => an(1) + b64(38) + an(1)],
  ["aws-session-token", "AWS_SESSION_TOKEN", "AWS", "session token", () => `IQoJb3JpZ2luX2Vj${b64(300)}${an(2)}==`],
  ["aws-mws", "MWS_AUTH_TOKEN", "Amazon MWS", "auth token", () => `amzn.mws.${uuid()}`],
  ["aws-bedrock-key", "AWS_BEARER_TOKEN_BEDROCK", "Bedrock", "API key", () => `ABSK${b64(109)}${an(3)}`],
  ["google-api-key", "GOOGLE_MAPS_API_KEY", "Google Maps", "API key", () => `AIzaSy${b64u(33)}`],
  ["google-oauth-access", "GOOGLE_ACCESS_TOKEN", "Google", "access token", () => `ya29.a0${b64u(160)}`],
  ["google-client-secret", "GOOGLE_CLIENT_SECRET", "Google OAuth", "client secret", () => `GOCSPX-${b64u(28)}`],
  ["google-refresh", "GOOGLE_REFRESH_TOKEN", "Google", "refresh token", () => `1//0${dig(1)}${b64u(98)}`],
  [
    "azure-storage-key",
    "AZURE_STORAGE_KEY",
    "Azure Storage",
    "account key",
    () => `${b64(85) + pick(["A", "Q", "g", "w"])}==`,
  ],
  [
    "azure-client-secret",
    "AZURE_CLIENT_SECRET",
    "Azure AD",
    "client secret",
    () => `${an(3)}8Q~${an(6)}_${an(16)}.${an(10)}`,
  ],
  ["azure-devops-pat", "AZURE_DEVOPS_EXT_PAT", "Azure DevOps", "PAT", () => str(52, `${LOW}234567`)],
  ["azure-openai-key", "AZURE_OPENAI_API_KEY", "Azure OpenAI", "API key", () => hex(32)],
  ["digitalocean-pat", "DIGITALOCEAN_TOKEN", "DigitalOcean", "token", () => `dop_v1_${hex(64)}`],
  ["heroku-key", "HEROKU_API_KEY", "Heroku", "API key", () => `HRKU-AA${b64u(58)}`],
  ["hetzner-token", "HCLOUD_TOKEN", "Hetzner Cloud", "API token", () => an(64)],
  ["linode-token", "LINODE_TOKEN", "Linode", "API token", () => hex(64)],
  ["scaleway-secret", "SCW_SECRET_KEY", "Scaleway", "secret key", uuid],
  ["alibaba-secret", "ALIBABA_ACCESS_KEY_SECRET", "Alibaba Cloud", "access key secret", () => an(30)],
  ["cloudflare-token", "CLOUDFLARE_API_TOKEN", "Cloudflare", "API token", () => b64u(40)],
  ["cloudflare-global-key", "CLOUDFLARE_API_KEY", "Cloudflare", "global API key", () => hex(37)],
  ["cloudflare-origin-ca", "CF_ORIGIN_CA_KEY", "Cloudflare", "origin CA key", () => `v1.0-${hex(24)}-${hex(146)}`],
  ["fastly-token", "FASTLY_API_TOKEN", "Fastly", "API token", () => b64u(32)],
  ["fly-token", "FLY_API_TOKEN", "Fly.io", "deploy token", () => `fm2_${b64(140)}${an(2)}`],
  ["vercel-token", "VERCEL_TOKEN", "Vercel", "token", () => an(24)],
  ["netlify-token", "NETLIFY_AUTH_TOKEN", "Netlify", "access token", () => `nfp_${an(36)}`],
  ["render-key", "RENDER_API_KEY", "Render", "API key", () => `rnd_${an(28)}`],
  ["railway-token", "RAILWAY_TOKEN", "Railway", "project token", uuid],
  ["github-pat", "GITHUB_TOKEN", "GitHub", "token", () => pick(["ghp_", "gho_", "ghs_", "ghu_"]) + an(36)],
  ["github-fine-grained", "GH_PAT", "GitHub", "personal access token", () => `github_pat_11${uan(20)}_${an(59)}`],
  ["gitlab-pat", "GITLAB_TOKEN", "GitLab", "token", () => `glpat-${b64u(20)}`],
  ["gitlab-runner", "GITLAB_RUNNER_TOKEN", "GitLab", "runner token", () => `glrt-${b64u(20)}`],
  ["gitlab-trigger", "GITLAB_TRIGGER_TOKEN", "GitLab", "trigger token", () => `glptt-${hex(40)}`],
  ["bitbucket-app-password", "BITBUCKET_APP_PASSWORD", "Bitbucket", "app password", () => `ATBB${an(24)}${HEX(8)}`],
  ["atlassian-token", "JIRA_API_TOKEN", "Jira", "API token", () => `ATATT3xFfGF0${b64u(171)}=${HEX(8)}`],
  ["gitea-token", "GITEA_TOKEN", "Gitea", "access token", () => hex(40)],
  ["circleci-token", "CIRCLE_TOKEN", "CircleCI", "API token", () => `CCIPAT_${an(22)}_${hex(40)}`],
  ["buildkite-token", "BUILDKITE_API_TOKEN", "Buildkite", "API token", () => `bkua_${hex(40)}`],
  ["travis-token", "TRAVIS_API_TOKEN", "Travis CI", "token", () => b64u(22)],
  ["npm-token", "NPM_TOKEN", "npm", "publish token", () => `npm_${an(36)}`],
  ["pypi-token", "TWINE_PASSWORD", "PyPI", "token", () => `pypi-AgEIcHlwaS5vcmcC${b64u(140)}`],
  ["rubygems-key", "GEM_HOST_API_KEY", "RubyGems", "API key", () => `rubygems_${hex(48)}`],
  ["crates-token", "CARGO_REGISTRY_TOKEN", "crates.io", "token", () => `cio${an(32)}`],
  ["nuget-key", "NUGET_API_KEY", "NuGet", "API key", () => `oy2${lan(43)}`],
  ["dockerhub-pat", "DOCKERHUB_TOKEN", "Docker Hub", "access token", () => `dckr_pat_${b64u(27)}`],
  ["artifactory-key", "ARTIFACTORY_API_KEY", "Artifactory", "API key", () => `AKCp${dig(1)}${an(68)}`],
  ["slack-bot", "SLACK_BOT_TOKEN", "Slack", "bot token", () => `xoxb-${dig(12)}-${dig(13)}-${an(24)}`],
  ["slack-user", "SLACK_USER_TOKEN", "Slack", "user token", () => `xoxp-${dig(12)}-${dig(12)}-${dig(13)}-${hex(32)}`],
  ["slack-app", "SLACK_APP_TOKEN", "Slack", "app-level token", () => `xapp-1-A0${uan(9)}-${dig(13)}-${hex(64)}`],
  ["discord-bot", "DISCORD_BOT_TOKEN", "Discord", "bot token", () => `${encu(dig(18))}.G${an(5)}.${b64u(38)}`],
  ["telegram-bot", "TELEGRAM_BOT_TOKEN", "Telegram", "bot token", () => `${dig(10)}:AA${b64u(33)}`],
  ["twilio-auth", "TWILIO_AUTH_TOKEN", "Twilio", "auth token", () => hex(32)],
  ["twilio-api-key", "TWILIO_API_KEY", "Twilio", "API key", () => `SK${hex(32)}`],
  ["sendgrid", "SENDGRID_API_KEY", "SendGrid", "API key", () => `SG.${b64u(22)}.${b64u(43)}`],
  ["mailgun", "MAILGUN_API_KEY", "Mailgun", "API key", () => `key-${hex(32)}`],
  ["mailchimp", "MAILCHIMP_API_KEY", "Mailchimp", "API key", () => `${hex(32)}-us${int(1, 21)}`],
  ["postmark", "POSTMARK_SERVER_TOKEN", "Postmark", "server token", uuid],
  ["brevo", "BREVO_API_KEY", "Brevo", "API key", () => `xkeysib-${hex(64)}-${an(16)}`],
  ["resend", "RESEND_API_KEY", "Resend", "API key", () => `re_${an(8)}_${an(24)}`],
  ["stripe-secret", "STRIPE_SECRET_KEY", "Stripe", "secret key", () => `${pick(["sk_live_", "rk_live_"])}51${an(97)}`],
  ["stripe-webhook", "STRIPE_WEBHOOK_SECRET", "Stripe", "webhook signing secret", () => `whsec_${an(32)}`],
  ["square-token", "SQUARE_ACCESS_TOKEN", "Square", "access token", () => `EAAA${b64u(60)}`],
  ["paypal-secret", "PAYPAL_CLIENT_SECRET", "PayPal", "client secret", () => `E${uan(1)}${b64u(78)}`],
  [
    "braintree",
    "BRAINTREE_ACCESS_TOKEN",
    "Braintree",
    "access token",
    () => `access_token$production$${lan(16)}$${hex(32)}`,
  ],
  ["razorpay-secret", "RAZORPAY_KEY_SECRET", "Razorpay", "key secret", () => an(24)],
  [
    "shopify",
    "SHOPIFY_ADMIN_TOKEN",
    "Shopify",
    "admin API token",
    () => pick(["shpat_", "shpca_", "shppa_"]) + hex(32),
  ],
  ["plaid-secret", "PLAID_SECRET", "Plaid", "secret", () => hex(30)],
  ["datadog-api", "DD_API_KEY", "Datadog", "API key", () => hex(32)],
  ["datadog-app", "DD_APP_KEY", "Datadog", "application key", () => hex(40)],
  ["newrelic-user", "NEW_RELIC_API_KEY", "New Relic", "user key", () => `NRAK-${uan(27)}`],
  ["newrelic-licence", "NEW_RELIC_LICENSE_KEY", "New Relic", "license key", () => `${hex(36)}NRAL`],
  ["grafana-sa", "GRAFANA_TOKEN", "Grafana", "service account token", () => `glsa_${an(32)}_${hex(8)}`],
  [
    "sentry-org",
    "SENTRY_AUTH_TOKEN",
    "Sentry",
    "auth token",
    () => pick([`sntryu_${hex(64)}`, `sntrys_eyJpYXQiOjE3${b64(120)}_${b64(41)}${an(2)}`]),
  ],
  ["honeycomb", "HONEYCOMB_API_KEY", "Honeycomb", "ingest key", () => `hcaik_${lan(58)}`],
  ["pagerduty", "PAGERDUTY_API_KEY", "PagerDuty", "API key", () => `u+${b64u(18)}`],
  ["opsgenie", "OPSGENIE_API_KEY", "Opsgenie", "API key", uuid],
  ["rollbar", "ROLLBAR_ACCESS_TOKEN", "Rollbar", "server access token", () => hex(32)],
  ["dynatrace", "DT_API_TOKEN", "Dynatrace", "API token", () => `dt0c01.${b32(24)}.${b32(64)}`],
  [
    "openai",
    "OPENAI_API_KEY",
    "OpenAI",
    "API key",
    () => pick([`sk-proj-${b64u(74)}T3BlbkFJ${b64u(74)}`, `sk-${an(20)}T3BlbkFJ${an(20)}`]),
  ],
  ["anthropic", "ANTHROPIC_API_KEY", "Anthropic", "API key", () => `sk-ant-api03-${b64u(93)}AA`],
  ["huggingface", "HF_TOKEN", "Hugging Face", "token", () => `hf_${str(34, LOW + UPP)}`],
  ["replicate", "REPLICATE_API_TOKEN", "Replicate", "API token", () => `r8_${an(37)}`],
  ["groq", "GROQ_API_KEY", "Groq", "API key", () => `gsk_${an(20)}WGdyb3FY${an(24)}`],
  ["perplexity", "PERPLEXITY_API_KEY", "Perplexity", "API key", () => `pplx-${an(48)}`],
  ["xai", "XAI_API_KEY", "xAI", "API key", () => `xai-${an(80)}`],
  ["mistral", "MISTRAL_API_KEY", "Mistral", "API key", () => an(32)],
  ["cohere", "COHERE_API_KEY", "Cohere", "API key", () => an(40)],
  ["langsmith", "LANGCHAIN_API_KEY", "LangSmith", "API key", () => `lsv2_pt_${hex(32)}_${hex(10)}`],
  ["pinecone", "PINECONE_API_KEY", "Pinecone", "API key", () => `pcsk_${an(6)}_${an(63)}`],
  ["openrouter", "OPENROUTER_API_KEY", "OpenRouter", "API key", () => `sk-or-v1-${hex(64)}`],
  ["elevenlabs", "ELEVENLABS_API_KEY", "ElevenLabs", "API key", () => `sk_${hex(48)}`],
  ["supabase-pat", "SUPABASE_ACCESS_TOKEN", "Supabase", "access token", () => `sbp_${hex(40)}`],
  [
    "supabase-service-role",
    "SUPABASE_SERVICE_ROLE_KEY",
    "Supabase",
    "service role key",
    () => jwt({ role: "service_role", iss: "supabase" }),
  ],
  ["planetscale", "PLANETSCALE_PASSWORD", "PlanetScale", "password", () => `pscale_pw_${b64u(43)}`],
  ["auth0-secret", "AUTH0_CLIENT_SECRET", "Auth0", "client secret", () => b64u(64)],
  ["okta", "OKTA_API_TOKEN", "Okta", "API token", () => `00${b64u(40)}`],
  ["clerk", "CLERK_SECRET_KEY", "Clerk", "secret key", () => `sk_live_${an(42)}`],
  [
    "mapbox",
    "MAPBOX_SECRET_TOKEN",
    "Mapbox",
    "secret token",
    () => `sk.${encu(JSON.stringify({ u: pick(APPS), a: `c${lan(24)}` }))}.${b64u(22)}`,
  ],
  ["algolia", "ALGOLIA_ADMIN_KEY", "Algolia", "admin key", () => hex(32)],
  ["launchdarkly", "LAUNCHDARKLY_SDK_KEY", "LaunchDarkly", "SDK key", () => pick(["sdk-", "api-"]) + uuid()],
  ["vault-token", "VAULT_TOKEN", "Vault", "token", () => `hvs.${b64u(95)}`],
  ["doppler", "DOPPLER_TOKEN", "Doppler", "service token", () => pick(["dp.pt.", "dp.st.prd."]) + an(43)],
  ["1password-sa", "OP_SERVICE_ACCOUNT_TOKEN", "1Password", "service account token", () => `ops_eyJ${b64u(250)}`],
  ["terraform-cloud", "TFE_TOKEN", "Terraform Cloud", "API token", () => `${an(14)}.atlasv1.${b64u(67)}`],
  ["pulumi", "PULUMI_ACCESS_TOKEN", "Pulumi", "access token", () => `pul-${hex(40)}`],
  ["databricks", "DATABRICKS_TOKEN", "Databricks", "token", () => `dapi${hex(32)}${pick(["", "-2", "-3"])}`],
  ["confluent", "CONFLUENT_API_SECRET", "Confluent", "API secret", () => b64(63) + an(1)],
  ["postman", "POSTMAN_API_KEY", "Postman", "API key", () => `PMAK-${hex(24)}-${hex(34)}`],
  [
    "notion",
    "NOTION_TOKEN",
    "Notion",
    "integration token",
    () => pick([`ntn_${dig(11)}${an(35)}`, `secret_${an(43)}`]),
  ],
  ["linear", "LINEAR_API_KEY", "Linear", "API key", () => `lin_api_${an(40)}`],
  ["airtable", "AIRTABLE_PAT", "Airtable", "token", () => `pat${an(14)}.${hex(64)}`],
  ["figma", "FIGMA_TOKEN", "Figma", "token", () => `figd_${b64u(40)}`],
  ["dropbox", "DROPBOX_ACCESS_TOKEN", "Dropbox", "access token", () => `sl.u.AF${b64u(130)}`],
  ["facebook", "FB_PAGE_ACCESS_TOKEN", "Facebook", "page access token", () => `EAA${an(150)}`],
  [
    "twitter-bearer",
    "TWITTER_BEARER_TOKEN",
    "Twitter",
    "bearer token",
    () => `AAAAAAAAAAAAAAAAAAAAA${an(30)}%3D${an(50)}`,
  ],
  [
    "hubspot",
    "HUBSPOT_PRIVATE_APP_TOKEN",
    "HubSpot",
    "private app token",
    () => pick(["pat-na1-", "pat-eu1-"]) + uuid(),
  ],
  ["tailscale", "TS_AUTHKEY", "Tailscale", "auth key", () => `tskey-auth-k${an(11)}CNTRL-${an(32)}`],
  ["sonarqube", "SONAR_TOKEN", "SonarQube", "token", () => pick(["sqp_", "squ_", "sqa_"]) + hex(40)],
  ["snyk", "SNYK_TOKEN", "Snyk", "API token", uuid],
  ["contentful", "CONTENTFUL_MANAGEMENT_TOKEN", "Contentful", "management token", () => `CFPAT-${b64u(43)}`],
  ["ngrok", "NGROK_AUTHTOKEN", "ngrok", "authtoken", () => `2${an(26)}_${an(21)}`],
  [
    "age-key",
    "SOPS_AGE_KEY",
    "age",
    "secret key",
    () => `AGE-SECRET-KEY-1${str(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")}`,
  ],
];
function tokens(out) {
  let deck = [];
  for (const [kind, e, s, n, gen] of TOKENS) {
    const used = new Set();
    for (let i = 0; i < 5; i++) {
      if (!deck.length) deck = shuffle(AROUND.map((_, k) => k));
      let at = deck.findIndex((k) => !used.has(k));
      if (at < 0) {
        deck = shuffle(AROUND.map((_, k) => k));
        at = deck.findIndex((k) => !used.has(k));
      }
      const [k] = deck.splice(at, 1);
      used.add(k);
      const v = gen();
      add(out, kind, AROUND[k](e, s, n, v), v);
    }
  }
}

// ---- keys, web tokens, addresses with credentials ----
const each = (out, kind, gen, ...ts) => {
  for (const t of ts) {
    const v = gen();
    const r = t(v);
    typeof r === "string" ? add(out, kind, r, v) : add(out, kind, r[0], r[1]);
  }
};
const lines = (n, w = 64) => Array.from({ length: n }, () => b64(w));
const pem = (label, n, head = "") => {
  const b = lines(n);
  b[0] = head + b[0].slice(head.length);
  b.push(`${b64(int(20, 50)) + an(1)}=`);
  return { b, t: `-----BEGIN ${label}-----\n${b.join("\n")}\n-----END ${label}-----` };
};
const mid = (p) => p.b[int(1, p.b.length - 2)];
const indent = (t, s) =>
  t
    .split("\n")
    .map((l) => s + l)
    .join("\n");
// a key block in six surroundings; the secret looked for is one whole line of its body
const blocks = (out, kind, make, file) =>
  [
    (p) => `${p.t}\n`,
    (p) => `$ cat ~/.ssh/${file}\n${p.t}\n$ ls\nREADME.md  src`,
    (p) =>
      `Hi ${pick(PEOPLE)}, here is the key for ${pick(HOSTS)}, save it as ${file}:\n\n\`\`\`\n${p.t}\n\`\`\`\nchmod 600 it please.`,
    (p) =>
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${pick(APPS)}-key\nstringData:\n  ${file}: |\n${indent(p.t, "    ")}\n`,
    (p) => JSON.stringify({ name: pick(APPS), file, content: p.t, mode: "0600" }),
    (p) =>
      `diff --git a/certs/${file} b/certs/${file}\nnew file mode 100644\n--- /dev/null\n+++ b/certs/${file}\n@@ -0,0 +1,${p.b.length + 2} @@\n${indent(p.t, "+")}`,
  ].forEach((f) => {
    const p = make();
    add(out, kind, f(p), mid(p));
  });

function keys(out) {
  blocks(out, "pem-rsa", () => pem("RSA PRIVATE KEY", 24, "MIIEpAIBAAKCAQEA"), "server.key");
  blocks(out, "pem-pkcs8", () => pem("PRIVATE KEY", 25, "MIIEvgIBADANBgkqhkiG9w0BAQEFAASC"), "tls.key");
  blocks(out, "pem-ec", () => pem("EC PRIVATE KEY", 2, "MHcCAQEEI"), "ec.key");
  blocks(out, "pem-encrypted", () => pem("ENCRYPTED PRIVATE KEY", 26, "MIIFHDBOBgkqhkiG9w0BBQ0wQTAp"), "client.pem");
  blocks(
    out,
    "openssh",
    () => pem("OPENSSH PRIVATE KEY", 6, "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB"),
    "id_ed25519",
  );
  blocks(
    out,
    "pgp",
    () => {
      const b = lines(18);
      b[0] = `lQOY${b[0].slice(4)}`;
      b.push(`${b64(30)}==`);
      return {
        b,
        t: `-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n${b.join("\n")}\n=${b64(4)}\n-----END PGP PRIVATE KEY BLOCK-----`,
      };
    },
    "release.asc",
  );
  blocks(
    out,
    "putty",
    () => {
      const b = lines(14);
      b.push(`${b64(38)}==`);
      return {
        b,
        t: `PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: rsa-key-${date().replace(/-/g, "")}\nPublic-Lines: 2\n${lines(2).join("\n")}\nPrivate-Lines: ${b.length}\n${b.join("\n")}\nPrivate-MAC: ${hex(64)}`,
      };
    },
    "deploy.ppk",
  );
  const jwkD = () => b64u(43);
  each(
    out,
    "jwk",
    jwkD,
    (v) => `{"kty":"EC","crv":"P-256","x":"${b64u(43)}","y":"${b64u(43)}","d":"${v}","kid":"${hex(8)}"}`,
    (v) => `{"kty":"OKP","crv":"Ed25519","d":"${v}","x":"${b64u(43)}","use":"sig"}`,
    (v) => `JWKS=[{"kty":"EC","crv":"P-256","d":"${v}","x":"${b64u(43)}","y":"${b64u(43)}"}]`,
    (v) => `signing:\n  jwk:\n    kty: OKP\n    crv: Ed25519\n    d: ${v}\n    x: ${b64u(43)}\n`,
    (v) =>
      `const key = await importJWK({\n  kty: 'EC',\n  crv: 'P-256',\n  x: '${b64u(43)}',\n  y: '${b64u(43)}',\n  d: '${v}',\n}, 'ES256');`,
    (v) => `\`\`\`json\n{\n  "kty": "oct",\n  "k": "${v}",\n  "alg": "HS256"\n}\n\`\`\``,
  );
  each(
    out,
    "gcp-service-account",
    () => "",
    ...Array.from({ length: 6 }, (_, i) => () => {
      const p = pem("PRIVATE KEY", 25, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"),
        j = {
          type: "service_account",
          project_id: `${pick(APPS)}-${dig(6)}`,
          private_key_id: hex(40),
          private_key: `${p.t}\n`,
          client_email: `ci@${pick(APPS)}-${dig(6)}.iam.gserviceaccount.com`,
        };
      const one = JSON.stringify(j),
        nice = JSON.stringify(j, null, 2);
      return [
        [
          one,
          nice,
          `GOOGLE_APPLICATION_CREDENTIALS_JSON='${one}'`,
          `Save this as sa.json:\n\n\`\`\`json\n${nice}\n\`\`\``,
          `$ cat sa.json\n${nice}\n$ gcloud auth activate-service-account --key-file sa.json`,
          `@@ -1 +1,7 @@\n${indent(nice, "+")}`,
        ][i],
        mid(p),
      ];
    }),
  );
  const k8s = () => enc(an(int(18, 30)));
  each(
    out,
    "k8s-secret-data",
    k8s,
    (v) => `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${pick(APPS)}-db\ntype: Opaque\ndata:\n  password: ${v}\n`,
    (v) =>
      `apiVersion: v1\ndata:\n  DB_PASSWORD: ${v}\nkind: Secret\nmetadata:\n  creationTimestamp: "${date()}T${time()}Z"\n  name: ${pick(APPS)}`,
    (v) =>
      `$ kubectl get secret ${pick(APPS)}-redis -o yaml\napiVersion: v1\ndata:\n  redis-password: ${v}\nkind: Secret\n`,
    (v) => `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"${pick(APPS)}"},"data":{"api-token":"${v}"}}`,
    (v) =>
      `---\nkind: Secret\napiVersion: v1\nmetadata: {name: grafana}\ndata:\n  admin-user: YWRtaW4=\n  admin-password: ${v}\n`,
    (v) => `$ kubectl get secret ${pick(APPS)} -o jsonpath='{.data.password}'\n${v}\n`,
  );
  const kc = () => enc(`-----BEGIN RSA PRIVATE KEY-----\n${lines(12).join("\n")}\n-----END RSA PRIVATE KEY-----\n`);
  each(
    out,
    "kubeconfig-key",
    kc,
    (v) =>
      `users:\n- name: admin\n  user:\n    client-certificate-data: ${enc(`-----BEGIN CERTIFICATE-----\n${lines(3).join("\n")}`)}\n    client-key-data: ${v}\n`,
    (v) =>
      `apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://${ip()}:6443\n  name: k3s\nusers:\n- name: default\n  user:\n    client-key-data: ${v}`,
    (v) => `$ kubectl config view --raw | tail -2\n    client-key-data: ${v}\n`,
    (v) => `{"name":"ops","user":{"client-key-data":"${v}"}}`,
    (v) => `+    client-key-data: ${v}\n-    client-key-data: REDACTED`,
    (v) => `In the kubeconfig I sent you, set\n\n\`\`\`yaml\nclient-key-data: ${v}\n\`\`\``,
  );
  each(
    out,
    "jwt",
    () => jwt({ name: pick(PEOPLE), exp: 18e8 }),
    (v) => `GET /v1/me HTTP/1.1\nHost: api.${pick(HOSTS)}.io\nAuthorization: Bearer ${v}\nAccept: */*`,
    (v) => `curl -s https://api.${pick(HOSTS)}.dev/v2/orders -H 'Authorization: Bearer ${v}' | jq .`,
    (v) => `{"access_token":"${v}","token_type":"Bearer","expires_in":3600}`,
    (v) => `${iso()} WARN  auth: token expired: ${v} (user ${dig(5)})`,
    (v) => `Could you decode this for me? ${v}`,
    (v) => `localStorage.setItem('id_token', '${v}');`,
  );
  const sess = () => pick([() => hex(32), () => lan(26), () => `s%3A${b64u(32)}.${an(43)}`, () => an(40)])();
  each(
    out,
    "session-cookie",
    sess,
    (v) => `Cookie: theme=dark; sessionid=${v}; lang=en`,
    (v) => `HTTP/1.1 200 OK\nSet-Cookie: connect.sid=${v}; Path=/; HttpOnly; Secure\nContent-Type: text/html`,
    (v) => `curl 'https://app.${pick(HOSTS)}.io/admin' -b 'PHPSESSID=${v}'`,
    (v) => `curl https://intranet.${pick(HOSTS)}.net/x -H 'Cookie: JSESSIONID=${v}; route=a1'`,
    (v) => `document.cookie = "session_token=${v}; path=/";`,
    (v) => `| cookie | value | domain |\n|---|---|---|\n| _session_id | ${v} | .${pick(HOSTS)}.io |`,
  );
  each(
    out,
    "basic-header",
    () => enc(`${pick(APPS)}:${an(16)}`),
    (v) => `Authorization: Basic ${v}`,
    (v) => `curl -H "Authorization: Basic ${v}" https://nexus.${pick(HOSTS)}.net/repo`,
    (v) => `{"headers":{"Authorization":"Basic ${v}","Accept":"application/json"}}`,
    (v) => `fetch(url, { headers: { authorization: 'Basic ${v}' } })`,
    (v) => `> GET / HTTP/1.1\n> Host: ${host()}\n> Authorization: Basic ${v}\n> User-Agent: curl/8.4.0`,
    (v) => `proxy_set_header Authorization "Basic ${v}";`,
  );
  each(
    out,
    "docker-config-auth",
    () => enc(`${pick(APPS)}:${an(20)}`),
    (v) => `{"auths":{"registry.${pick(HOSTS)}.io":{"auth":"${v}"}}}`,
    (v) =>
      `$ cat ~/.docker/config.json\n{\n  "auths": {\n    "https://index.docker.io/v1/": {\n      "auth": "${v}"\n    }\n  }\n}`,
    (v) => `DOCKER_AUTH_CONFIG='{"auths":{"ghcr.io":{"auth":"${v}"}}}'`,
    (v) => `+      "auth": "${v}",\n       "email": "ci@${pick(HOSTS)}.io"`,
    (v) => `//registry.${pick(HOSTS)}.net/:_auth=${v}\nalways-auth=true`,
    (v) => `.npmrc:\n\n\`\`\`\nregistry=https://npm.${pick(HOSTS)}.net/\n_auth="${v}"\n\`\`\``,
  );
  const pw = () => an(int(14, 24));
  each(
    out,
    "basic-url",
    pw,
    (v) => `git clone https://deploy:${v}@git.${pick(HOSTS)}.net/team/${pick(APPS)}.git`,
    (v) =>
      `remote: Fetching https://${pick(PEOPLE).toLowerCase()}:${v}@code.${pick(HOSTS)}.io/${pick(APPS)}.git failed with 403`,
    (v) => `HTTPS_PROXY=http://proxyuser:${v}@${ip()}:3128`,
    (v) => `wget https://files:${v}@dl.${pick(HOSTS)}.net/dump.tar.gz`,
    (v) => `The dashboard is at https://admin:${v}@status.${pick(HOSTS)}.io/ until Monday.`,
    (v) => `--extra-index-url https://ci:${v}@pypi.${pick(HOSTS)}.net/simple\nrequests==2.32.3`,
  );
  const uris = [
    ["postgres", (v) => `postgresql://${pick(APPS)}:${v}@${host()}:5432/${pick(APPS)}?sslmode=require`],
    ["mysql", (v) => `mysql://root:${v}@${host()}:3306/${pick(APPS)}`],
    ["mongodb", (v) => `mongodb+srv://${pick(APPS)}:${v}@cluster0.${lan(6)}.mongodb.net/?retryWrites=true`],
    ["redis", (v) => `redis://:${v}@${host()}:6379/0`],
    ["amqp", (v) => `amqps://${pick(APPS)}:${v}@${host()}:5671/%2f`],
    ["clickhouse", (v) => `clickhouse://default:${v}@${host()}:9440/events?secure=true`],
    ["sqlserver", (v) => `Server=tcp:${host()},1433;Database=${pick(APPS)};User ID=sa;Password=${v};Encrypt=True;`],
    ["jdbc", (v) => `jdbc:postgresql://${host()}:5432/${pick(APPS)}?user=app&password=${v}`],
    ["oracle", (v) => `jdbc:oracle:thin:${pick(APPS)}/${v}@//${host()}:1521/ORCLPDB1`],
    ["smtp", (v) => `smtp://mailer:${v}@smtp.${pick(HOSTS)}.io:587`],
    ["nats", (v) => `nats://worker:${v}@${host()}:4222`],
    ["elasticsearch", (v) => `https://elastic:${v}@${host()}:9200`],
    ["ldap", (v) => `ldaps://svc-bind:${v}@${host()}:636`],
    [
      "azure-storage-connection",
      (v) =>
        `DefaultEndpointsProtocol=https;AccountName=${pick(APPS)}${dig(3)};AccountKey=${v};EndpointSuffix=core.windows.net`,
      () => `${b64(85)}A==`,
    ],
    [
      "servicebus",
      (v) =>
        `Endpoint=sb://${pick(APPS)}.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=${v}`,
      () => `${b64(42)}A=`,
    ],
    [
      "cosmosdb",
      (v) => `AccountEndpoint=https://${pick(APPS)}.documents.azure.com:443/;AccountKey=${v};`,
      () => `${b64(85)}Q==`,
    ],
    ["libpq", (v) => `host=${host()} port=5432 dbname=${pick(APPS)} user=app password=${v} sslmode=verify-full`],
    ["slack-webhook", (v) => `https://hooks.slack.com/services/T0${uan(9)}/B0${uan(9)}/${v}`, () => an(24)],
    ["discord-webhook", (v) => `https://discord.com/api/webhooks/${dig(19)}/${v}`, () => b64u(68)],
    [
      "teams-webhook",
      (v) => `https://${pick(HOSTS)}.webhook.office.com/webhookb2/${uuid()}@${uuid()}/IncomingWebhook/${v}/${uuid()}`,
      () => hex(32),
    ],
    [
      "telegram-url",
      (v) => `https://api.telegram.org/bot${v}/sendMessage?chat_id=${dig(9)}`,
      () => `${dig(10)}:AA${b64u(33)}`,
    ],
    [
      "google-chat-webhook",
      (v) => `https://chat.googleapis.com/v1/spaces/AAAA${an(7)}/messages?key=AIzaSy${b64u(33)}&token=${v}`,
      () => b64u(43),
    ],
    [
      "s3-signed-url",
      (v) =>
        `https://${pick(APPS)}-files.s3.eu-west-1.amazonaws.com/r/${dig(5)}.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20250311T101500Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=${v}`,
      () => hex(64),
    ],
    [
      "azure-sas-url",
      (v) =>
        `https://${pick(APPS)}.blob.core.windows.net/backups/d.bak?sv=2022-11-02&sr=b&sp=r&se=2026-01-01T00%3A00%3A00Z&sig=${v}`,
      () => `${an(20)}%2B${an(22)}%3D`,
    ],
    [
      "gcs-signed-url",
      (v) =>
        `https://storage.googleapis.com/${pick(APPS)}/o.zip?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Expires=600&X-Goog-Signature=${v}`,
      () => hex(256),
    ],
    [
      "query-token-url",
      (v) =>
        `https://api.${pick(HOSTS)}.io/v1/export?format=csv&${pick(["access_token", "api_key", "apikey", "token"])}=${v}`,
      () => an(32),
    ],
    ["reset-link", (v) => `https://app.${pick(HOSTS)}.io/reset-password?token=${v}`, () => b64u(44)],
    [
      "otpauth",
      (v) => `otpauth://totp/${pick(APPS)}:ops@${pick(HOSTS)}.io?secret=${v}&issuer=${pick(APPS)}`,
      () => b32(32),
    ],
  ];
  const AT = [
    (k, u) => `${k}=${u}\nPOOL_SIZE=${int(5, 50)}`,
    (_k, u) => `{"service":"${pick(APPS)}","url":"${u}","pool":${int(5, 40)}}`,
    (_k, u) => `${iso()} ERROR [${pick(APPS)}] cannot reach ${u} : ETIMEDOUT after ${dig(4)}ms`,
    (_k, u) => `This is the address we use in production at the moment:\n${u}\nPlease keep it to yourself.`,
    (k, u) => `@@ -3,2 +3,2 @@\n-${k}=\n+${k}=${u}\n DEBUG=0`,
    (_k, u) => `${pick(APPS)}:\n  env: production\n  url: "${u}"\n`,
    (_k, u) => `const target = "${u}"; // ${pick(PEOPLE)}, ${date()}`,
    (_k, u) => `- staging: \`${u}\`\n- owner: ${pick(PEOPLE)}`,
    (k, u) => `$ export ${k}='${u}'\n$ make check\nok`,
  ];
  for (const [kind, f, gen] of uris)
    for (const t of shuffle(AT).slice(0, 5)) {
      const v = (gen || pw)();
      add(out, `uri-${kind}`, t(pick(["SERVICE_URL", "CONNECTION_STRING", "APP_ENDPOINT"]), f(v)), v);
    }
}

// ---- values behind clear names, chosen passwords, prose, codes ----
const NAMES = [
  "DB_PASSWORD",
  "API_SECRET",
  "JWT_SECRET",
  "SESSION_SECRET",
  "ENCRYPTION_KEY",
  "CLIENT_SECRET",
  "ADMIN_PASSWORD",
  "REDIS_PASSWORD",
  "AUTH_TOKEN",
  "WEBHOOK_SECRET",
  "SMTP_PASSWORD",
  "SECRET_KEY",
  "ACCESS_TOKEN",
  "SIGNING_KEY",
  "API_KEY",
  "PRIVATE_TOKEN",
  "LDAP_BIND_PASSWORD",
  "COOKIE_SECRET",
  "KEYSTORE_PASSWORD",
  "REFRESH_TOKEN",
];
const val = () =>
  pick([
    () => an(int(14, 32)),
    () => hex(pick([24, 32, 40, 64])),
    () => b64u(int(20, 43)),
    () => `${b64(42) + an(1)}=`,
    () => lan(int(16, 28)),
  ])();
const CITY = ["Hamburg", "Lisbon", "Kyoto", "Bergen", "Toledo", "Krakow", "Verona", "Quito", "Dublin", "Oslo"],
  ANIMAL = ["tiger", "otter", "falcon", "badger", "panda", "heron", "lynx", "walrus", "gecko", "bison"];
const human = () =>
  pick([
    () => pick(CITY) + int(1970, 2025) + pick(["!", "#", "?", "$", "!!"]),
    () => {
      const a = pick(ANIMAL);
      return `${a[0].toUpperCase() + a.slice(1)}_${dig(4)}${pick(ANIMAL)}`;
    },
    () => `${pick(CITY)}_${dig(3)}${pick(["!", "%", "*"])}`,
    () => `${pick(ANIMAL)}-${pick(ANIMAL)}-${pick(CITY).toLowerCase()}-${dig(2)}`,
    () => `${pick(["P@ss", "S3cure", "L0g1n", "Adm1n"]) + pick(CITY).replace("o", "0") + dig(3)}!`,
    () => `${pick(CITY).replace(/[aeio]/g, (c) => ({ a: "4", e: "3", i: "1", o: "0" })[c])}.${pick(ANIMAL)}${dig(2)}`,
    () => an(4) + pick("!#%*+?") + an(4) + pick("!#%*+?") + dig(3),
  ])();

function settings(out) {
  const form = (kind, ...fs) => {
    const names = shuffle(NAMES);
    for (let i = 0; i < 6; i++) {
      const v = val();
      add(out, kind, fs[i % fs.length](names[i], v), v);
    }
  };
  const A = () => pick(APPS);
  form(
    "set-dotenv",
    (n, v) => `APP=${A()}\n${n}=${v}\nPORT=8080`,
    (n, v) => `${A().toUpperCase()}_${n}="${v}"`,
    (n, v) => `# prod\n${n}='${v}' # rotated ${date()}`,
  );
  form(
    "set-shell",
    (n, v) => `export ${n}=${v}`,
    (n, v) => `#!/bin/sh\nset -e\n${n}="${v}"\n./run --app ${A()}`,
    (n, v) => `${n}=${v} node server.js`,
    (n, v) => `set -gx ${n} ${v}`,
    (n, v) => `$env:${n} = "${v}"`,
    (n, v) => `setx ${n} "${v}"`,
  );
  form(
    "set-json",
    (n, v) => `{"${camel(n)}": "${v}", "port": 8080}`,
    (n, v) => `{\n  "${A()}": {\n    "${n.toLowerCase()}": "${v}",\n    "debug": false\n  }\n}`,
    (n, v) => `{"name":"${n}","value":"${v}"}`,
    (n, v) => `"{\\"${kebab(n)}\\":\\"${v}\\"}"`,
  );
  form(
    "set-yaml",
    (n, v) => `${A()}:\n  ${n.toLowerCase()}: ${v}\n  port: 5432`,
    (n, v) => `${camel(n)}: '${v}'`,
    (n, v) => `env:\n  - name: ${n}\n    value: "${v}"\n  - name: TZ\n    value: UTC`,
    (n, v) => `${kebab(n)}: >-\n  ${v}\nregion: eu`,
  );
  form(
    "set-toml",
    (n, v) => `[${A()}]\n${n.toLowerCase()} = "${v}"\nport = 80`,
    (n, v) => `${kebab(n)} = '${v}'`,
    (n, v) => `auth = { user = "svc", ${n.toLowerCase()} = "${v}" }`,
  );
  form(
    "set-ini",
    (n, v) => `[${A()}]\n${n.toLowerCase()}=${v}\nhost=${host()}`,
    (n, v) => `; local\n${n.toLowerCase()} = ${v}`,
  );
  form(
    "set-xml",
    (n, v) => `<config>\n  <${camel(n)}>${v}</${camel(n)}>\n</config>`,
    (n, v) => `<add key="${n}" value="${v}" />`,
    (n, v) => `<property name="${kebab(n)}" value="${v}"/>`,
    (_n, v) => `<server><id>nexus</id><username>ci</username><password>${v}</password></server>`,
  );
  form(
    "set-properties",
    (n, v) => `spring.datasource.url=jdbc:h2:mem:x\n${A()}.${kebab(n)}=${v}`,
    (n, v) => `${n.toLowerCase().replace(/_/g, ".")}: ${v}`,
    (n, v) => `app.${camel(n)} = ${v}`,
  );
  form(
    "set-dockerfile",
    (n, v) => `FROM node:20-alpine\nENV ${n}=${v}\nCMD ["node","."]`,
    (n, v) => `FROM alpine:3.19\nARG ${n}="${v}"\nRUN make`,
    (n, v) => `ENV ${n} ${v}`,
  );
  form(
    "set-compose",
    (n, v) => `services:\n  db:\n    image: postgres:16\n    environment:\n      ${n}: ${v}\n`,
    (n, v) => `    environment:\n      - "${n}=${v}"\n      - TZ=UTC`,
  );
  form(
    "set-terraform",
    (_n, v) => `resource "aws_db_instance" "${A()}" {\n  username = "app"\n  password = "${v}"\n}`,
    (n, v) => `${n.toLowerCase()} = "${v}"`,
    (n, v) => `variable "${n.toLowerCase()}" {\n  type    = string\n  default = "${v}"\n}`,
  );
  form(
    "set-helm",
    (n, v) => `helm upgrade ${A()} ./chart --set auth.${camel(n)}=${v} --wait`,
    (n, v) => `# values.yaml\nauth:\n  enabled: true\n  ${camel(n)}: "${v}"`,
  );
  form(
    "set-header",
    (_n, v) => `X-API-Key: ${v}`,
    (_n, v) => `POST /hook HTTP/1.1\nHost: ${host()}\nX-Auth-Token: ${v}\nContent-Length: 12`,
    (_n, v) => `PRIVATE-TOKEN: ${v}`,
    (_n, v) => `Authorization: Token ${v}`,
    (_n, v) => `authorization: Bearer ${v}`,
    (_n, v) => `Ocp-Apim-Subscription-Key: ${v}`,
  );
  form(
    "set-curl",
    (_n, v) => `curl -u svc-${A()}:${v} https://${host()}/health`,
    (_n, v) => `curl -H 'X-Api-Key: ${v}' https://api.${pick(HOSTS)}.io/v1`,
    (_n, v) => `curl -d '{"password":"${v}","user":"ops"}' https://${host()}/login`,
    (_n, v) =>
      `curl -d "grant_type=client_credentials&client_id=${A()}&client_secret=${v}" https://${host()}/oauth/token`,
    (_n, v) => `curl --header "Authorization: Bearer ${v}" ${host()}`,
    (_n, v) => `curl --user "ops:${v}" -T f.zip https://${host()}/up`,
  );
  const LANG = [
    ["js", (n, v) => `const ${camel(n)} = '${v}';`],
    ["python", (n, v) => `${n} = "${v}"`],
    ["python-kwarg", (_n, v) => `conn = connect(host="${host()}", user="app", password="${v}")`],
    ["java", (n, v) => `private static final String ${n} = "${v}";`],
    ["csharp", (n, v) => `public const string ${camel(n)} = @"${v}";`],
    ["go", (n, v) => `cfg := Config{Host: "${host()}", ${camel(n)}: "${v}"}`],
    ["rust", (n, v) => `const ${n}: &str = "${v}";`],
    ["php", (n, v) => `define('${n}', '${v}');`],
    ["php-array", (n, v) => `'${n.toLowerCase()}' => '${v}',`],
    ["ruby", (n, v) => `config.${n.toLowerCase()} = "${v}"`],
    ["swift", (n, v) => `let ${camel(n)}: String = "${v}"`],
    ["kotlin", (n, v) => `val ${camel(n)} = "${v}"`],
  ];
  for (const [l, f] of LANG)
    for (let i = 0; i < 2; i++) {
      const n = pick(NAMES),
        v = val(),
        line = f(n, v);
      add(
        out,
        `code-${l.split("-")[0]}`,
        i
          ? `In \`${A()}\` there is still this line:\n\n\`\`\`${l.split("-")[0]}\n${line}\n\`\`\`\nlet's remove it.`
          : `@@ -${int(3, 90)} +${int(3, 90)} @@\n-${line}`,
        v,
      );
    }
  form(
    "set-sql",
    (_n, v) => `CREATE USER ${A()} WITH PASSWORD '${v}';`,
    (_n, v) => `ALTER ROLE app LOGIN PASSWORD '${v}';`,
    (_n, v) => `CREATE USER 'app'@'%' IDENTIFIED BY '${v}';`,
    (n, v) => `INSERT INTO settings (name, value) VALUES ('${n.toLowerCase()}', '${v}');`,
    (n, v) => `UPDATE config SET ${n.toLowerCase()} = '${v}' WHERE id = ${int(1, 99)};`,
    (_n, v) => `ALTER LOGIN sa WITH PASSWORD = N'${v}';`,
  );
  form(
    "set-cli",
    (n, v) => `./${A()} --${kebab(n)}=${v} --verbose`,
    (_n, v) => `mysql -h ${host()} -u root -p${v} shop`,
    (_n, v) => `docker login -u ci -p ${v} registry.${pick(HOSTS)}.io`,
    (_n, v) => `sshpass -p '${v}' ssh ops@${ip()}`,
    (_n, v) => `redis-cli -h ${host()} -a ${v} ping`,
    (_n, v) => `npx tool publish --token ${v}`,
  );
  form(
    "netrc",
    (_n, v) => `machine git.${pick(HOSTS)}.io login ci password ${v}`,
    (_n, v) => `machine ${host()}\n  login ${A()}\n  password ${v}\n`,
  );
  form(
    "pgpass",
    (_n, v) => `# ~/.pgpass\n${host()}:5432:${A()}:app:${v}`,
    (_n, v) => `$ cat ~/.pgpass\n${host()}:5432:*:postgres:${v}`,
  );
  form(
    "npmrc",
    (_n, v) => `//npm.${pick(HOSTS)}.io/:_authToken=${v}`,
    (_n, v) => `@team:registry=https://npm.${pick(HOSTS)}.net\n//npm.x.net/:_authToken="${v}"`,
  );
  form(
    "ci-log",
    (n, v) => `[${time()}] + ${n}=${v}\n[${time()}] + make release\n[${time()}] done`,
    (n, v) => `Run actions/setup@v4\n  with:\n    ${kebab(n)}: ${v}\n  env:\n    CI: true`,
  );
  form(
    "stack-trace",
    (n, v) =>
      `Traceback (most recent call last):\n  File "/srv/${A()}/db.py", line ${int(9, 300)}, in connect\n    ${n.toLowerCase()}='${v}'\nOperationalError: timeout`,
    (_n, v) =>
      `Exception in thread "main" java.lang.IllegalStateException: login failed, password=${v}\n\tat com.${A()}.Main.run(Main.java:${int(5, 200)})`,
  );
  form(
    "next-line",
    (n, v) => `${n}\n${v}\n`,
    (n, v) => `${A()} ${n.toLowerCase().replace(/_/g, " ")}:\n${v}\n\nbest, ${pick(PEOPLE)}`,
    (_n, v) => `Password:\n\n    ${v}\n\nUser: ops`,
  );
  form(
    "table",
    (_n, v) => `| User | Password | Host |\n|---|---|---|\n| ${A()} | ${v} | ${host()} |`,
    (_n, v) => `name,host,password\n${A()},${host()},${v}`,
    (_n, v) => `USER        PASSWORD                      ROLE\n${A()}     ${v}   admin`,
    (n, v) => `<tr><th>${n}</th><td>${v}</td></tr>`,
  );
  form(
    "chat",
    (n, v) =>
      `${pick(PEOPLE)}  ${time()}\nwhat's the ${n.toLowerCase().replace(/_/g, " ")}?\n${pick(PEOPLE)}  ${time()}\n${v}`,
    (n, v) => `<${pick(PEOPLE)}> ${n.toLowerCase()} on staging is now ${v}`,
  );
  const hp = (kind, ...fs) =>
    fs.forEach((f) => {
      const v = human();
      add(out, kind, f(v), v);
    });
  hp(
    "human-password",
    (v) => `The wiki login is admin / ${v}`,
    (v) => `password: ${v}`,
    (v) => `user=ops\npassword=${v}`,
    (v) => `{"username":"${A()}","password":"${v}"}`,
    (v) => `- login: ${pick(PEOPLE).toLowerCase()}\n- password: \`${v}\``,
    (v) => `Username: root\nPassword: ${v}\nHost: ${ip()}`,
    (v) => `Sign in with ${pick(PEOPLE).toLowerCase()}@${pick(HOSTS)}.io, pw ${v}`,
    (v) => `POSTGRES_PASSWORD=${v}\nPOSTGRES_USER=app`,
  );
  hp(
    "prose-en",
    (v) => `The password for the staging server is ${v}, please don't share it.`,
    (v) => `My temporary password was "${v}" until yesterday.`,
    (v) => `Log in as admin with the password ${v} and restart ${A()}.`,
  );
  hp(
    "prose-de",
    (v) => `Das Passwort für den Server lautet ${v}, bitte nicht weitergeben.`,
    (v) => `Kennwort: ${v}`,
    (v) => `Hallo ${pick(PEOPLE)}, das neue Passwort ist ${v}. Gruß`,
  );
  hp(
    "prose-fr",
    (v) => `Le mot de passe de la base est ${v}, merci de le garder pour toi.`,
    (v) => `Mot de passe : ${v}`,
    (v) => `Connecte-toi avec le mot de passe « ${v} » puis relance ${A()}.`,
  );
  hp(
    "prose-es",
    (v) => `La contraseña del servidor es ${v} y caduca el lunes.`,
    (v) => `Contraseña: ${v}`,
    (v) => `Usuario: ops\nClave: ${v}`,
  );
  hp(
    "prose-it",
    (v) => `La password del database è ${v}, non condividerla.`,
    (v) => `Parola d'ordine: ${v}`,
    (v) => `Utente admin, password ${v}`,
  );
  hp(
    "prose-pt",
    (v) => `A senha do servidor é ${v}, não partilhes.`,
    (v) => `Senha: ${v}`,
    (v) => `Palavra-passe: ${v}`,
  );
  hp(
    "prose-nl",
    (v) => `Het wachtwoord van de server is ${v}, niet delen.`,
    (v) => `Wachtwoord: ${v}`,
    (v) => `Log in met wachtwoord ${v} en start ${A()} opnieuw.`,
  );
  hp(
    "prose-pl",
    (v) => `Hasło do serwera to ${v}, proszę nie udostępniać.`,
    (v) => `Hasło: ${v}`,
    (v) => `Nowe hasło administratora: ${v}`,
  );
  hp(
    "prose-ru",
    (v) => `Пароль от сервера: ${v}`,
    (v) => `Логин admin, пароль ${v}, никому не говори.`,
    (v) => `Новый пароль — ${v}`,
  );
  hp(
    "prose-ja",
    (v) => `サーバーのパスワードは ${v} です。`,
    (v) => `パスワード：${v}`,
    (v) => `新しいパスワード: ${v}`,
  );
  hp(
    "prose-zh",
    (v) => `数据库密码是 ${v} ，请勿外传。`,
    (v) => `密码：${v}`,
    (v) => `用户名：admin 密码：${v}`,
  );
  hp(
    "prose-tr",
    (v) => `Sunucunun şifresi ${v}, kimseyle paylaşma.`,
    (v) => `Şifre: ${v}`,
    (v) => `Parola: ${v}`,
  );
  hp(
    "prose-sv",
    (v) => `Lösenordet till servern är ${v}, dela det inte.`,
    (v) => `Lösenord: ${v}`,
    (v) => `Nytt lösenord: ${v}`,
  );
  hp(
    "wifi",
    (v) => `WIFI:T:WPA;S:${pick(HOSTS)}-office;P:${v};;`,
    (v) => `Wi-Fi: ${pick(HOSTS)}-guest, password: ${v}`,
    (v) => `network={\n  ssid="${pick(HOSTS)}"\n  psk="${v}"\n}`,
    (v) => `nmcli dev wifi connect ${pick(HOSTS)} password '${v}'`,
    (v) => `WLAN-Passwort: ${v}`,
    (v) => `wpa_passphrase=${v}\nssid=${pick(HOSTS)}`,
  );
  const of = (kind, gen, ...fs) =>
    fs.forEach((f) => {
      const v = gen();
      add(out, kind, f(v), v);
    });
  of(
    "recovery-code",
    () => `${lan(5)}-${lan(5)}`,
    (v) => `GitHub recovery codes:\n${lan(5)}-${lan(5)}\n${v}\n${lan(5)}-${lan(5)}`,
    (v) => `Recovery code: ${v}`,
    (v) => `Backup codes for 2FA\n- ${lan(5)}-${lan(5)}\n- ${v}\n- ${lan(5)}-${lan(5)}`,
    (v) => `{"recovery_codes":["${lan(5)}-${lan(5)}","${v}"]}`,
    (v) => `my 2FA backup code is ${v}`,
    (v) => `| # | Recovery code |\n|---|---|\n| 1 | ${v} |`,
  );
  of(
    "otp-seed",
    () => b32(32),
    (v) => `TOTP_SECRET=${v}`,
    (v) => `Can't scan the QR code? Enter this setup key: ${v}`,
    (v) => `oathtool --totp -b ${v}`,
    (v) => `{"mfa":{"otp_secret":"${v}","digits":6}}`,
    (v) => `2FA seed for the shared account: ${v}`,
    (v) => `totp = pyotp.TOTP("${v}")`,
  );
  of(
    "licence-key",
    () => Array.from({ length: 5 }, () => uan(5)).join("-"),
    (v) => `License key: ${v}`,
    (v) => `LICENSE_KEY=${v}`,
    (v) => `Your product key is ${v}, valid for 5 seats.`,
    (v) => `{"licenseKey":"${v}","seats":5}`,
    (v) => `slmgr /ipk ${v}`,
    (v) => `Lizenzschlüssel: ${v}`,
  );
  of(
    "bip39",
    () =>
      Array.from({ length: 12 }, () =>
        pick([
          "abandon",
          "ability",
          "orbit",
          "velvet",
          "canyon",
          "puzzle",
          "ribbon",
          "lunar",
          "harvest",
          "wagon",
          "timber",
          "silent",
          "giraffe",
          "oxygen",
          "mimic",
          "kidney",
          "jungle",
          "fossil",
          "dragon",
          "cactus",
          "bubble",
          "anchor",
          "zebra",
          "rocket",
          "pelican",
          "noble",
        ]),
      ).join(" "),
    (v) => `MNEMONIC="${v}"`,
    (v) => `Seed phrase: ${v}`,
    (v) => `{"mnemonic":"${v}"}`,
    (v) => `My wallet recovery phrase is:\n${v}`,
    (v) => `mnemonic: ${v}\nnetwork: sepolia`,
    (v) => `const wallet = Wallet.fromPhrase("${v}");`,
  );
  of(
    "eth-private-key",
    () => `0x${hex(64)}`,
    (v) => `PRIVATE_KEY=${v}`,
    (v) => `accounts: ["${v}"], // private key of the deployer`,
    (v) => `cast send --private-key ${v} --rpc-url https://rpc.sepolia.org`,
    (v) => `{"privateKey":"${v}"}`,
    (v) => `The deployer's private key is ${v}`,
    (v) => `wallet:\n  private_key: "${v}"`,
  );
  of(
    "wireguard",
    () => `${b64(42) + pick(["A", "E", "I", "M"])}=`,
    (v) => `[Interface]\nPrivateKey = ${v}\nAddress = ${ip()}/24`,
    (v) => `[Peer]\nPresharedKey = ${v}\nAllowedIPs = 0.0.0.0/0`,
    (v) => `$ wg genkey | tee privatekey\n${v}`,
    (v) => `wireguard:\n  private_key: ${v}`,
    (v) => `{"PrivateKey":"${v}","ListenPort":51820}`,
    (v) => `WG_PRIVATE_KEY=${v}`,
  );
  of(
    "sentry-dsn",
    () => hex(32),
    (v) => `SENTRY_DSN=https://${hex(32)}:${v}@sentry.io/${dig(6)}`,
    (v) => `dsn: "https://${hex(32)}:${v}@sentry.${pick(HOSTS)}.io/${int(2, 60)}"`,
    (v) => `Raven.config('https://${hex(32)}:${v}@sentry.io/${dig(6)}').install();`,
  );
  of(
    "signing-key-rails",
    () => hex(128),
    (v) => `production:\n  secret_key_base: ${v}`,
    (v) => `SECRET_KEY_BASE=${v}`,
    (v) => `$ rails secret\n${v}`,
  );
  of(
    "django-key",
    () => `django-insecure-${str(50, `${LOW + DIG}!@#%^&*(-_=+)`)}`,
    (v) => `SECRET_KEY = '${v}'`,
    (v) => `DJANGO_SECRET_KEY="${v}"`,
    (v) => `+SECRET_KEY = "${v}"\n DEBUG = True`,
  );
  of(
    "laravel-key",
    () => `${b64(43)}=`,
    (v) => `APP_KEY=base64:${v}`,
    (v) => `$ php artisan key:generate --show\nbase64:${v}`,
    (v) => `APP_NAME=Shop\nAPP_KEY="base64:${v}"`,
  );
}
export function secrets() {
  seed(SEED);
  const out = [];
  tokens(out);
  keys(out);
  settings(out);
  const seen = new Set();
  return out.filter((x) => !seen.has(x.text) && seen.add(x.text));
}

// ---- texts with nothing to mask ----
const sri = () => `sha512-${b64(86)}==`;
export function innocents() {
  seed(SEED ^ 0x5bd1e995);
  const out = [],
    // biome-ignore lint/suspicious/useIterableCallbackReturn: nothing reads what it returns
    g = (kind, ...fs) => fs.forEach((f) => out.push({ kind, text: typeof f === "function" ? f() : f }));
  const A = () => pick(APPS),
    P = () => pick(PEOPLE),
    H = () => pick(HOSTS),
    sha = () => hex(40),
    s256 = () => hex(64);
  g(
    "git",
    () =>
      `commit ${sha()}\nAuthor: ${P()} <dev@${H()}.io>\nDate:   Mon Mar 3 10:11:12 2025 +0100\n\n    Fix retry in ${A()}`,
    () => `${hex(7)} (HEAD -> main, origin/main) bump ${A()} to 2.${int(0, 40)}.1`,
    () => `Merge: ${hex(7)} ${hex(7)}`,
    () =>
      `diff --git a/src/auth.ts b/src/auth.ts\nindex ${hex(8)}..${hex(8)} 100644\n--- a/src/auth.ts\n+++ b/src/auth.ts\n@@ -1,2 +1,2 @@\n-import { check } from './token';\n+import { verify } from './token';`,
    () => `Reverted in ${sha()}, see the discussion in #${int(100, 4000)}.`,
    () => `git cherry-pick ${sha()}`,
    () => `ref: refs/heads/${A()}\n${sha()} refs/remotes/origin/main`,
    () => `uses: actions/checkout@${sha()} # v4.2.2`,
  );
  g(
    "sha256",
    () => `${s256()}  ${A()}-1.${int(0, 9)}.0.tar.gz`,
    () => `SHA256 (disk.iso) = ${s256()}`,
    () => `$ sha256sum dist/app.js\n${s256()}  dist/app.js`,
    () => `checksum: sha256:${s256()}`,
    () => `md5: ${hex(32)}`,
    () => `sha1sum = "${sha()}"`,
    () => `The file's SHA-512 is ${hex(128)}.`,
  );
  g(
    "docker-digest",
    () => `FROM node:20-alpine@sha256:${s256()}`,
    () => `Digest: sha256:${s256()}\nStatus: Downloaded newer image for redis:7`,
    () => `image: ghcr.io/acme/${A()}@sha256:${s256()}`,
    () => ` ---> Running in ${hex(12)}\n ---> ${hex(12)}`,
    () => `CONTAINER ID   IMAGE      STATUS\n${hex(12)}   redis:7    Up 3 hours`,
    () => `${hex(12)}: Pull complete`,
  );
  g(
    "sri",
    () =>
      `<script src="https://cdn.jsdelivr.net/npm/vue@3" integrity="sha384-${b64(64)}" crossorigin="anonymous"></script>`,
    () => `"integrity": "${sri()}"`,
    () => `  resolution: {integrity: ${sri()}}`,
    () => `<link rel="stylesheet" href="/a.css" integrity="sha256-${b64(43)}=">`,
    () => `Content-Security-Policy: script-src 'self' 'sha256-${b64(43)}='`,
  );
  g(
    "lockfile",
    () =>
      `"node_modules/ms": {\n  "version": "2.1.3",\n  "resolved": "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz",\n  "integrity": "${sri()}"\n}`,
    () =>
      `lodash@^4.17.21:\n  version "4.17.21"\n  resolved "https://registry.yarnpkg.com/lodash/-/lodash-4.17.21.tgz#${sha()}"\n  integrity ${sri()}`,
    () =>
      `[[package]]\nname = "serde"\nversion = "1.0.203"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "${s256()}"`,
    () => `golang.org/x/net v0.26.0 h1:${b64(43)}=\ngolang.org/x/net v0.26.0/go.mod h1:${b64(43)}=`,
    () => `requests==2.32.3 \\\n    --hash=sha256:${s256()} \\\n    --hash=sha256:${s256()}`,
    () => `js-tokens@4.0.0:\n  resolution: {integrity: ${sri()}}\n  dev: true`,
    () => `/password-prompt@1.1.3:\n  version: 1.1.3\n  checksum: ${hex(128)}`,
    () =>
      `provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.50.0"\n  hashes = [\n    "h1:${b64(43)}=",\n    "zh:${s256()}",\n  ]\n}`,
  );
  g(
    "etag",
    () => `ETag: "${hex(32)}"\nCache-Control: max-age=600`,
    () => `HTTP/2 304\netag: W/"${hex(4)}-${b64(27)}"`,
    () => `If-None-Match: "${hex(40)}"`,
    () => `x-amz-request-id: ${uan(16)}`,
    () => `cf-ray: ${hex(16)}-FRA`,
  );
  g(
    "uuid",
    () => `request ${uuid()} finished in ${int(2, 900)}ms`,
    () => `{"id":"${uuid()}","name":"${A()}","createdAt":"${iso()}"}`,
    () => `orderId=${uuid()}`,
    () => `trace_id: ${hex(32)} span_id: ${hex(16)}`,
    () => `traceparent: 00-${hex(32)}-${hex(16)}-01`,
    () => `AZURE_SUBSCRIPTION_ID=${uuid()}`,
    () => `User ${uuid()} not found`,
    () => `UUID=${uuid()} /home ext4 defaults 0 2`,
  );
  g(
    "public-key",
    () => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${b64(43)} ${P()}@${H()}`,
    () => `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ${b64(330)} dev@${H()}`,
    () =>
      `-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA${b64(20)}\n${lines(5).join("\n")}\n${b64(6)}IDAQAB\n-----END PUBLIC KEY-----`,
    () => `{"kty":"EC","crv":"P-256","x":"${b64u(43)}","y":"${b64u(43)}","kid":"${hex(8)}"}`,
    () => `[Peer]\nPublicKey = ${b64(43)}=\nAllowedIPs = ${ip()}/32`,
    () =>
      `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQGN${b64(60)}\n${lines(4).join("\n")}\n=${b64(4)}\n-----END PGP PUBLIC KEY BLOCK-----`,
    () => `github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${b64(43)}`,
    () => `recipient: age1${str(58, "qpzry9x8gf2tvdw0s3jn54khce6mua7l")}`,
  );
  g(
    "fingerprint",
    () => `SHA256:${b64(43)} ${P()}@${H()} (ED25519)`,
    () => `The key fingerprint is:\nSHA256:${b64(43)} dev@${H()}`,
    () => `MD5:${Array.from({ length: 16 }, () => hex(2)).join(":")}`,
    () => `Key fingerprint = ${Array.from({ length: 10 }, () => HEX(4)).join(" ")}`,
    () => `gpg: using RSA key ${HEX(40)}`,
    () => `SHA1 Fingerprint=${Array.from({ length: 20 }, () => HEX(2)).join(":")}`,
  );
  g(
    "certificate",
    ...Array.from({ length: 4 }, (_, i) => () => {
      const c = `-----BEGIN CERTIFICATE-----\nMIID${b64(60)}\n${lines(9).join("\n")}\n${b64(30)}==\n-----END CERTIFICATE-----`;
      return [c, `tls:\n  ca: |\n${indent(c, "    ")}`, `$ openssl x509 -in ca.pem\n${c}`, JSON.stringify({ ca: c })][
        i
      ];
    }),
    () =>
      `certificate-authority-data: ${enc(`-----BEGIN CERTIFICATE-----\n${lines(6).join("\n")}\n-----END CERTIFICATE-----\n`)}`,
    () =>
      `-----BEGIN CERTIFICATE REQUEST-----\nMIIC${b64(60)}\n${lines(5).join("\n")}\n-----END CERTIFICATE REQUEST-----`,
  );
  g(
    "placeholder",
    "API_KEY=<your token>",
    "OPENAI_API_KEY=sk-...",
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
    "GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "password: changeme",
    "Authorization: Bearer <token>",
    "Authorization: Bearer YOUR_ACCESS_TOKEN",
    "export SLACK_BOT_TOKEN=xoxb-your-token",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
    "token: ${{ secrets.GITHUB_TOKEN }}",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
    "DB_PASSWORD=${DB_PASSWORD}",
    "password: {{ .Values.db.password }}",
    'api_key = os.environ["API_KEY"]',
    "const token = process.env.AUTH_TOKEN;",
    "postgres://user:password@localhost:5432/mydb",
    "mysql://USER:PASSWORD@HOST:PORT/DATABASE",
    "https://<user>:<password>@example.com",
    "password = var.db_password",
    "SECRET_KEY=********",
    "token: [REDACTED]",
    "STRIPE_KEY=sk_test_...",
    'client_secret: "{client_secret}"',
    'apiKey: "YOUR_API_KEY"',
    "secret: $(VAULT_SECRET)",
    "PASSWORD=%DB_PASS%",
    "password: !vault_lookup db/password",
    "export TOKEN=$(gcloud auth print-access-token)",
    "valueFrom:\n  secretKeyRef:\n    name: db-credentials\n    key: password",
    "password_file: /run/secrets/db_password",
    "POSTGRES_PASSWORD_FILE=/run/secrets/pg",
    "JWT_SECRET=replace-me-with-a-long-random-string",
    "token=null&password=",
    'PASSWORD=""',
  );
  g(
    "env-example",
    () => `# .env.example\nPORT=3000\nDATABASE_URL=\nJWT_SECRET=\nSENTRY_DSN=`,
    `# copy to .env\nAPI_KEY=your-api-key-here\nAPI_URL=https://api.example.com`,
    `SMTP_HOST=smtp.example.com\nSMTP_USER=\nSMTP_PASSWORD=`,
    `SECRET_KEY=<generate with openssl rand -hex 32>\nDEBUG=false`,
    `STRIPE_SECRET_KEY=sk_test_xxx\nSTRIPE_WEBHOOK_SECRET=whsec_xxx`,
  );
  g(
    "token-docs",
    "GitHub tokens start with ghp_, gho_ or github_pat_ and GitLab tokens with glpat-.",
    "Keys look like `sk-ant-...`; keep them out of the repository.",
    "Stripe has test keys (`sk_test_`) and live keys (`sk_live_`).",
    "The token is sent in the Authorization header as `Bearer <token>`.",
    "An AWS access key ID begins with AKIA and has 20 characters.",
    "Use `vault kv get secret/app` to read the password.",
    "A JWT consists of header.payload.signature, each part base64url encoded.",
    "Create a token under Settings > Developer settings > Tokens.",
  );
  g(
    "code-password",
    "interface Login { user: string; password: string; remember?: boolean }",
    "function setPassword(user: User, password: string): Promise<void>;",
    'if (password.length < 12) throw new Error("password too short");',
    "const hash = await bcrypt.hash(password, 12);",
    'password = getpass.getpass("Password: ")',
    "def check_password(self, raw_password):\n    return verify(raw_password, self.password)",
    'expect(tokenize("a b")).toEqual(["a", "b"]);',
    "const { token, secret } = await loadConfig();",
    '<input type="password" name="password" autocomplete="current-password">',
    "private String password;\npublic String getPassword() { return password; }",
    "password: z.string().min(8).max(72),",
    "label for='password'",
    'token := r.Header.Get("X-Auth-Token")',
    "let secret: Option<String> = None;",
    'throw new UnauthorizedError("invalid token");',
    "tokens = tokenizer.encode(text)",
    "max_tokens: 4096, temperature: 0.2",
    "this.passwordVisible = !this.passwordVisible;",
    "t('auth.password.reset.title')",
    'val apiKey: String? = prefs.getString("api_key", null)',
    "secretRef: { name: app-secrets }",
    "public record Credentials(string Username, string Password);",
    "key: index, value: item",
    "for (const [key, value] of Object.entries(map)) {}",
    "UserPasswordResetTokenRepository.findByTokenAndExpiresAtAfter(token, now)",
    '$password = $_POST["password"] ?? "";',
  );
  g(
    "verdicts",
    "pass: 12, fail: 0",
    "PASS src/auth/password.test.ts (4.2 s)",
    "FAIL  tests/token.spec.js > refreshes token",
    "Tests: 3 failed, 120 passed, 123 total",
    "# pass 48\n# fail 0",
    "ok 12 - rejects a wrong password",
    "PASS: 17 FAIL: 2 SKIP: 1",
    "pass=true fail=false",
    "| Check | Result |\n|---|---|\n| password policy | PASS |\n| token expiry | FAIL |",
    "--- PASS: TestParseToken (0.00s)",
    "Password check: passed",
    "two passes over the tokens, 381 tokens/s",
  );
  g(
    "minified",
    () =>
      '!function(e,t){"object"==typeof exports?module.exports=t():e.Lib=t()}(this,function(){var n={};return n.k=function(e){return e&&e.__esModule},n});',
    "var a=b.c(d,e?f:g),h=i[j++]||k;for(;h<l;)m.push(n(h++));",
    "(self.webpackChunk=self.webpackChunk||[]).push([[179],{4942:(e,t,n)=>{n.d(t,{Z:()=>o})}}]);",
    () => `<script src="/static/js/main.${hex(8)}.chunk.js"></script>`,
    () => `//# sourceMappingURL=index-${an(8)}.js.map`,
    '"mappings":"AAAA,SAASA,EAAEC,GAAG,OAAOA,EAAE,CAAC,IAAIC,EAAEC,QAAQ;ACAA,MAAMC"',
  );
  g(
    "image",
    () => `<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUg${b64(160)}==">`,
    () => `background: url(data:image/gif;base64,R0lGODlhAQABAIAAA${b64(40)});`,
    () => `![logo](data:image/jpeg;base64,/9j/4AAQSkZJRg${b64(120)})`,
    () => `src: url(data:font/woff2;base64,d09GMgABAAAAA${b64(140)}) format('woff2');`,
    () => `"thumb": "data:image/webp;base64,UklGR${b64(100)}"`,
  );
  g(
    "sql-schema",
    "CREATE TABLE users (\n  id SERIAL PRIMARY KEY,\n  email TEXT UNIQUE NOT NULL,\n  password_hash VARCHAR(255) NOT NULL,\n  reset_token TEXT\n);",
    "ALTER TABLE sessions ADD COLUMN token VARCHAR(64) NOT NULL;",
    "CREATE INDEX idx_tokens_expires_at ON access_tokens (expires_at);",
    "SELECT id, email FROM users WHERE password IS NULL;",
    "PRIMARY KEY (tenant_id, key_id), FOREIGN KEY (user_id) REFERENCES users(id)",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO readonly;",
    "UPDATE users SET password = ? WHERE id = ?",
    "DROP COLUMN api_key;",
  );
  g(
    "css",
    () => `.btn { color: #${hex(6)}; background: #${hex(3)}; border: 1px solid #${hex(8)}; }`,
    () => `--primary: #${hex(6)};\n--accent: #${hex(6)};`,
    'input[type="password"] { letter-spacing: .2em; }',
    () => `background: linear-gradient(90deg, #${hex(6)} 0%, #${hex(6)} 100%);`,
    () => `<div class="css-${lan(7)} Mui-disabled sc-${str(6, LOW)}"></div>`,
    "rgba(12, 44, 190, 0.35) hsl(210 40% 96%)",
  );
  g(
    "regex",
    "/ghp_[A-Za-z0-9]{36}/g",
    "(?i)(password|passwd|pwd)\\s*[:=]\\s*\\S+",
    "AKIA[0-9A-Z]{16}",
    "^eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+$",
    "xox[baprs]-[0-9A-Za-z-]{10,}",
    "const re = /^sk_(live|test)_[0-9a-zA-Z]{24,}$/;",
    "-----BEGIN (RSA|EC|OPENSSH) PRIVATE KEY-----",
    'pattern: "AIza[0-9A-Za-z_-]{35}"',
  );
  g(
    "time-place",
    () => `${iso()}`,
    () => `${date()} ${time()}.${dig(6)}+02:00 INFO started`,
    () => `lat=${int(30, 60)}.${dig(7)}, lon=${int(1, 30)}.${dig(7)}`,
    () => `{"ts":17${dig(11)},"type":"heartbeat"}`,
    () => `+49 30 ${dig(4)} ${dig(4)}`,
    () => `Call me on +1 (415) 555-${dig(4)} after ${time()}`,
    () => `ISBN 978-3-16-${dig(6)}-0`,
    () => `IPv6 2001:db8:${hex(4)}:${hex(4)}::${hex(2)}`,
    () => `MAC ${Array.from({ length: 6 }, () => hex(2)).join(":")}`,
    () => `Order no. ${dig(10)} was shipped on ${date()}.`,
    () => `geo:${int(30, 60)}.${dig(5)},${int(1, 30)}.${dig(5)}`,
  );
  g(
    "versions",
    () => `node v20.${int(0, 19)}.1, npm 10.${int(0, 9)}.2`,
    () => `v1.${int(0, 40)}.0-rc.2+build.${dig(5)}`,
    () => `golang.org/x/crypto v0.0.0-2024${two(int(1, 12))}15120000-${hex(12)}`,
    () => `${A()} 4.2.1 (${hex(9)} ${date()})`,
    () => `Upgrade passport-jwt from 4.0.0 to 4.0.1`,
    () => `"jsonwebtoken": "^9.0.2",\n"bcryptjs": "~2.4.3"`,
  );
  g(
    "log-ids",
    () => `${iso()} INFO [req-${lan(10)}] GET /api/token 200 ${int(2, 90)}ms`,
    () => `REPORT RequestId: ${uuid()} Duration: 12.3 ms Memory Used: 88 MB`,
    () => `pod/${A()}-${hex(10)}-${lan(5)} 1/1 Running 0 3d`,
    () => `[${time()}] job ${dig(8)} on runner ${lan(8)} succeeded`,
    () => `Message-ID: <${hex(16)}.${dig(10)}@mail.${H()}.io>`,
    () => `i-0${hex(16)} running t3.small eu-west-1a`,
    () => `arn:aws:iam::${dig(12)}:role/${A()}-deploy`,
    () => `session opened for user ${A()} by (uid=0)`,
    () => `Failed password for invalid user admin from ${ip()} port ${int(1025, 65000)} ssh2`,
    () => `kernel: segfault at ${hex(8)} ip 00007f${hex(10)} sp 00007ff${hex(9)} error 4`,
    () => `vpc-0${hex(16)} subnet-0${hex(16)} sg-0${hex(16)}`,
  );
  g(
    "prose",
    "Never put a password into a URL; it ends up in the access logs.",
    "Please rotate all tokens before Friday and store them in the vault.",
    "The password must have at least 12 characters, one digit and one symbol.",
    "I forgot my password again, can you send me a reset link?",
    "Das Passwort muss mindestens zwölf Zeichen lang sein.",
    "Bitte schicke mir das Kennwort nicht per E-Mail.",
    "Le mot de passe est obligatoire et doit être changé tous les ans.",
    "Ne partagez jamais votre clé privée.",
    "La contraseña es obligatoria y no puede estar vacía.",
    "Olvidé mi contraseña, ¿puedes ayudarme?",
    "La password è scaduta, va cambiata al prossimo accesso.",
    "A senha deve ter pelo menos oito caracteres.",
    "Het wachtwoord is verlopen en moet worden vernieuwd.",
    "Hasło musi zawierać co najmniej jedną cyfrę.",
    "Пароль должен содержать не менее восьми символов.",
    "パスワードは8文字以上で入力してください。",
    "密码不能为空，请重新输入。",
    "Şifre en az sekiz karakter olmalıdır.",
    "Lösenordet är för kort.",
    "The secret to good coffee is fresh beans.",
    "Our API key rotation policy: every 90 days, by the owning team.",
    "The session token is stored in an HttpOnly cookie.",
    "Password: required. Username: optional.",
    "Key takeaways: keep it short, test it, ship it.",
  );
  g(
    "settings",
    "PORT=3000\nNODE_ENV=production\nLOG_LEVEL=info",
    () => `S3_BUCKET=${A()}-artifacts-eu-central-1`,
    () => `QUEUE_NAME=${A()}-events-dead-letter`,
    "FEATURE_NEW_PASSWORD_FLOW=true",
    () => `API_URL=https://api.${H()}.io/v2/orders?page=2&sort=created_at`,
    () => `REDIS_URL=redis://${host()}:6379/0`,
    () => `DATABASE_HOST=${host()}\nDATABASE_PORT=5432\nDATABASE_USER=app`,
    "TOKEN_TTL=3600\nPASSWORD_MIN_LENGTH=12\nMAX_TOKENS=8192",
    "token_endpoint: https://login.microsoftonline.com/common/oauth2/v2.0/token",
    "grant_type=authorization_code",
    "tls:\n  enabled: true\n  keyFile: /etc/ssl/private/server.key",
    'ssh_key_path = "~/.ssh/id_ed25519"',
    "auth:\n  type: password\n  required: true",
    "secretName: wildcard-tls",
    () => `CACHE_KEY_PREFIX=${A()}:v2:`,
    'partition_key = "customer_id"',
    "sort_key: created_at",
    "AWS_REGION=eu-west-1\nAWS_PROFILE=staging",
    () => `clone_url: https://github.com/acme/${A()}.git`,
    () => `git@github.com:acme/${A()}.git`,
    "keyboard.layout=de",
    "PasswordAuthentication no\nPubkeyAuthentication yes\nPermitRootLogin no",
    "token_type: bearer\nexpires_in: 3600",
    "passwordPolicy: strict",
    "KEY_ALGORITHM=RS256\nKEY_SIZE=4096",
  );
  g(
    "long-identifiers",
    "AbstractAuthenticationTokenProviderFactoryBean",
    "com.acme.security.password.PasswordEncoderConfigurationProperties",
    "CONFIG_DEBUG_ATOMIC_SLEEP_ON_SECONDARY_CPU=y",
    "test_user_cannot_login_with_expired_password_reset_token",
    "kSecAttrAccessibleWhenUnlockedThisDeviceOnly",
    "GL_COMPRESSED_RGBA_S3TC_DXT5_EXT",
    "https://docs.acme.io/en/latest/reference/authentication/personal-access-tokens.html",
    "/usr/local/lib/python3.12/site-packages/oauthlib/oauth2/rfc6749/tokens.py",
    "X-Content-Type-Options: nosniff",
    "_ZN4core3fmt9Formatter12pad_integral17h",
  );
  g(
    "stack-trace",
    () =>
      `TypeError: Cannot read properties of undefined (reading 'token')\n    at refreshToken (/srv/app/src/auth.js:${int(10, 200)}:${int(2, 40)})\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
    () => `java.lang.NullPointerException: password\n\tat com.acme.auth.Login.check(Login.java:${int(10, 200)})`,
    () =>
      `Traceback (most recent call last):\n  File "/app/login.py", line ${int(4, 200)}, in login\n    user = authenticate(name, password)\nValueError: password is required`,
    () =>
      `panic: runtime error: invalid memory address\n\ngoroutine 1 [running]:\nmain.loadSecret(0xc000${hex(6)}, 0x${hex(2)})\n\t/src/main.go:${int(4, 99)} +0x${hex(3)}`,
    'FATAL: password authentication failed for user "postgres"',
    "npm ERR! code E401\nnpm ERR! Incorrect or missing password.",
    "fatal: Authentication failed for 'https://github.com/acme/app.git/'",
    "Error: secretOrPrivateKey must have a value",
  );
  g(
    "forms",
    "| Column | Type | Nullable |\n|---|---|---|\n| password | text | no |\n| token | uuid | yes |",
    '{"type":"object","required":["password"],"properties":{"password":{"type":"string","minLength":8}}}',
    "Username:\nPassword:\n",
    "usage: app login [--user NAME] [--password-stdin] [--token-file PATH]",
    "  -p, --password string   password for the registry\n  -u, --username string   user name",
    "components:\n  securitySchemes:\n    bearerAuth:\n      type: http\n      scheme: bearer",
    "mutation Login($email: String!, $password: String!) { login(email: $email, password: $password) { token } }",
    "message LoginRequest { string user = 1; string password = 2; }",
    "- [ ] rotate token\n- [x] remove password from docs",
    'msgid "Wrong password"\nmsgstr "Falsches Passwort"',
    '"password": "Passwort", "forgotPassword": "Passwort vergessen?"',
    "docker run -e POSTGRES_PASSWORD postgres:16",
    'echo "$TOKEN" | docker login --password-stdin -u ci ghcr.io',
    'curl -H "Authorization: Bearer $TOKEN" https://api.acme.io/v1/me',
    "mysql -u root -p shop < dump.sql",
    'kubectl get secret db -o jsonpath="{.data.password}" | base64 -d',
    "ssh -i ~/.ssh/id_rsa ops@build.acme.io",
  );
  g(
    "ids-public",
    () => `gtag('config', 'G-${uan(10)}');`,
    () => `https://www.youtube.com/watch?v=${an(11)}`,
    () => `https://docs.google.com/spreadsheets/d/1${an(43)}/edit`,
    () => `doi:10.1145/${dig(7)}.${dig(7)}`,
    () => `ipfs://bafybei${str(52, `${LOW}234567`)}`,
    () => `contract 0x${hex(40)} deployed in block ${dig(8)}`,
    () => `tx 0x${hex(64)} confirmed`,
    () => `IBAN check: DE${dig(2)} has 22 characters`,
    () => `ObjectId("${hex(24)}")`,
    () => `01${str(24, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")} ulid of the event`,
    () => `client_id: ${dig(12)}-${lan(32)}.apps.googleusercontent.com`,
    () => `https://${hex(32)}@o${dig(6)}.ingest.sentry.io/${dig(7)}`,
    () => `stripe customer cus_${an(14)}, invoice in_${an(24)}`,
    () => `pk_live_${an(24)} is the publishable key used in the browser`,
    () => `SLACK_CHANNEL=C0${uan(9)}`,
    () => `ACCOUNT_SID=AC${hex(32)}`,
    () => `magnet:?xt=urn:btih:${sha()}&dn=debian`,
  );
  // the same shapes inside everyday surroundings
  const W = [
    (x) => `As discussed with ${P()}: ${x}`,
    (x) => `- ${A()}: ${x}`,
    (x) => `${iso()} INFO [${A()}] ${x}`,
    (x) => `> ${x}\n\nlooks right to me, ${P()}`,
    (x) => `$ tail -1 ${A()}.log\n${x}`,
  ];
  const X = [
    () => `built from ${sha()}`,
    () => `image sha256:${s256()}`,
    () => `correlation id ${uuid()}`,
    () => `${int(2, 400)} tokens used, ${int(2, 50)} left`,
    () => `artifact ${A()}-${hex(8)}.zip uploaded`,
    () => `password changed for user ${dig(5)}`,
    () => `new public key fingerprint SHA256:${b64(43)}`,
    () => `token refresh took ${int(2, 900)}ms`,
    () => `cache key ${A()}:${dig(6)}:profile`,
    () => `see https://github.com/acme/${A()}/commit/${sha()}`,
    () => `bucket ${A()}-backups-${dig(4)} is in eu-west-1`,
    () => `ticket ${A().toUpperCase()}-${int(10, 9000)} about the login form`,
  ];
  for (const x of X) for (const w of W) g("in-passing", () => w(x()));
  const seen = new Set();
  return out.filter((x) => !seen.has(x.text) && seen.add(x.text));
}
