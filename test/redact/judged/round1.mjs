// A deterministic corpus for judging a secret redactor: texts that hold a secret, and look-alike texts that hold none.
export const SEED = 74120953;

// ---------------------------------------------------------------- randomness
let state = SEED >>> 0;
const seed = (n) => {
  state = n >>> 0;
};
function rnd() {
  // mulberry32
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const int = (a, b) => a + Math.floor(rnd() * (b - a + 1));
const pick = (a) => a[Math.floor(rnd() * a.length)];
const shuffle = (a) => {
  a = a.slice();
  for (let i = a.length - 1; i > 0; i--) {
    const j = int(0, i);
    [a[i], a[j]] = [a[j], a[i]];
  }
  return a;
};
const LO = "abcdefghijklmnopqrstuvwxyz",
  UP = LO.toUpperCase(),
  DI = "0123456789";
const AN = UP + LO + DI,
  HX = "0123456789abcdef",
  B32 = `${UP}234567`,
  LD = LO + DI,
  UD = UP + DI;
const str = (al, n) => {
  let s = "";
  for (let i = 0; i < n; i++) s += al[Math.floor(rnd() * al.length)];
  return s;
};
const an = (n) => {
  let s;
  do s = str(AN, n);
  while (n >= 10 && !(/\d/.test(s) && /[a-z]/.test(s) && /[A-Z]/.test(s)));
  return s;
};
const hex = (n) => str(HX, n);
const bytes = (n) => Buffer.from(Array.from({ length: n }, () => int(0, 255)));
const b64 = (n) => bytes(n).toString("base64");
const b64u = (n) => bytes(n).toString("base64url");
const enc = (s) => Buffer.from(s).toString("base64");
const encu = (o) => Buffer.from(typeof o === "string" ? o : JSON.stringify(o)).toString("base64url");
const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-${pick(["8", "9", "a", "b"])}${hex(3)}-${hex(12)}`;
const wrap = (s, n) => s.match(new RegExp(`.{1,${n}}`, "g"));
const pad = (n) => String(n).padStart(2, "0");
const day = () => `2025-${pad(int(1, 12))}-${pad(int(1, 28))}`;
const clock = () => `${pad(int(0, 23))}:${pad(int(0, 59))}:${pad(int(0, 59))}`;
const iso = () => `${day()}T${clock()}.${String(int(0, 999)).padStart(3, "0")}Z`;
const ip = () => `10.${int(0, 255)}.${int(0, 255)}.${int(1, 254)}`;

const B62 = DI + UP + LO;
function crc32(s) {
  let c = ~0;
  for (const b of Buffer.from(s)) {
    c ^= b;
    for (let k = 0; k < 8; k++) c = (c >>> 1) ^ (0xedb88320 & -(c & 1));
  }
  return ~c >>> 0;
}
function base62(n, len) {
  let s = "";
  do {
    s = B62[n % 62] + s;
    n = Math.floor(n / 62);
  } while (n);
  return s.padStart(len, "0");
}
const checked = (prefix) => {
  const r = an(30);
  return prefix + r + base62(crc32(r), 6);
};
function bech32(hrp, data) {
  const C = "qpzry9x8gf2tvdw0s3jn54khce6mua7l",
    G = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  const poly = (v) => {
    let c = 1;
    for (const x of v) {
      const t = c >>> 25;
      c = ((c & 0x1ffffff) << 5) ^ x;
      for (let i = 0; i < 5; i++) if ((t >>> i) & 1) c ^= G[i];
    }
    return c >>> 0;
  };
  const ex = [...hrp]
    .map((c) => c.charCodeAt(0) >> 5)
    .concat(
      0,
      [...hrp].map((c) => c.charCodeAt(0) & 31),
    );
  const d = [];
  let acc = 0,
    bits = 0;
  for (const b of data) {
    acc = (acc << 8) | b;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      d.push((acc >> bits) & 31);
      acc &= (1 << bits) - 1;
    }
  }
  if (bits) d.push((acc << (5 - bits)) & 31);
  const m = poly(ex.concat(d, [0, 0, 0, 0, 0, 0])) ^ 1;
  for (let i = 0; i < 6; i++) d.push((m >>> (5 * (5 - i))) & 31);
  return `${hrp}1${d.map((x) => C[x]).join("")}`;
}

// ---------------------------------------------------------------- passwords
function mixed(n, extra) {
  for (;;) {
    const s = str(AN + AN + extra, n);
    if (/\d/.test(s) && /[a-z]/.test(s) && /[A-Z]/.test(s) && /^[A-Za-z0-9]/.test(s) && /[A-Za-z0-9]$/.test(s))
      return s;
  }
}
const pw = () => mixed(int(12, 22), "!-_+*.^~"); // safe nearly everywhere
const pwPlain = () => mixed(int(14, 24), ""); // letters and digits
const pwQ = () => mixed(int(12, 20), "!@#%^*-_=+.,:;?~"); // safe between quotes
const WORDS = {
  en: [
    "Tiger",
    "Maple",
    "Rocket",
    "Coffee",
    "Winter",
    "Harbor",
    "Pickle",
    "Thunder",
    "Falcon",
    "Sunset",
    "Marble",
    "Dragon",
  ],
  de: ["Sommer", "Katze", "Brezel", "Schnecke", "Regen", "Dackel", "Nordsee", "Kuchen", "Eiche", "Fahrrad"],
  fr: ["Soleil", "Fromage", "Papillon", "Bretagne", "Chocolat", "Nuage", "Renard", "Citron"],
  es: ["Verano", "Gato", "Tortilla", "Sevilla", "Naranja", "Lobo", "Guitarra", "Montana"],
  it: ["Gelato", "Estate", "Vespa", "Lupo", "Napoli", "Cavallo", "Limone", "Farfalla"],
  pt: ["Praia", "Cachorro", "Lisboa", "Saudade", "Abacaxi", "Samba", "Girassol", "Inverno"],
  nl: ["Fiets", "Zomer", "Stroopwafel", "Molen", "Poes", "Dijk", "Tulp", "Regenjas"],
  pl: ["Wakacje", "Kotek", "Pierogi", "Krakow", "Bocian", "Jesien", "Rower", "Zubr"],
  sv: ["Sommar", "Katten", "Kanelbulle", "Skog", "Renen", "Vinter", "Fjallen", "Glass"],
  tr: ["Deniz", "Kedi", "Ankara", "Simit", "Bahar", "Yildiz", "Kaplan", "Limon"],
  xx: ["Moskva", "Sakura", "Medved", "Neko", "Zima", "Fuji", "Kirpich", "Panda"],
};
function human(lang = "en") {
  const w = WORDS[lang] || WORDS.xx,
    a = pick(w);
  let b;
  do b = pick(w);
  while (b === a);
  return pick([
    () => `${a}${b}${int(10, 99)}!`,
    () => `${a}${int(1960, 2024)}!${b.slice(0, 2)}`,
    () => `${a}-${b}-${int(100, 999)}`,
    () => `${a.replace(/a/g, "@").replace(/o/g, "0")}${int(100, 9999)}${pick(["!", "#", "$", "?"])}`,
    () => `${a.toLowerCase()}.${b}#${int(10, 99)}`,
    () => `${int(10, 99)}${a}_${b}*`,
  ])();
}

// ---------------------------------------------------------------- surroundings for tokens
const camelOf = (N) => N.toLowerCase().replace(/_(\w)/g, (_, c) => c.toUpperCase());
const kebabOf = (N) => N.toLowerCase().replace(/_/g, "-");
const PEOPLE = ["marta", "jonas", "priya", "ben", "lucía", "tomek", "aiko", "dave", "sven", "nora"];
const HOSTS = ["web-2", "api-7f9c", "ci-runner-04", "build01", "worker-b", "ip-10-2-3-44"];
const SUR = {
  sentence: [
    (c) => `Use this ${c.svc} ${c.label} until ours arrives: ${c.s}`,
    (c) => `fyi the ${c.svc} ${c.label} is ${c.s}, please don't commit it`,
    (c) => `I rotated the ${c.svc} ${c.label} on ${day()}; the new one is \`${c.s}\`.`,
    (c) =>
      `For the demo I hard-wired the ${c.svc} ${c.label} "${c.s}" in the settings page, must come out before the release.`,
    (c) =>
      `Hi ${pick(PEOPLE)},\n\nhere is the ${c.label} for ${c.svc}:\n\n    ${c.s}\n\nIt is valid until ${day()}.\n\nCheers`,
    (c) => `Open question: the ${c.svc} ${c.label} (${c.s}) was still in the old notes. Who revokes it?`,
    (c) => `TODO: move ${c.N}=${c.s} out of the notebook and into the secret store`,
  ],
  log: [
    (c) => `${iso()} INFO  [boot] loaded ${c.N}=${c.s}`,
    (c) =>
      `Mar ${int(10, 28)} ${clock()} ${pick(HOSTS)} app[${int(900, 9999)}]: WARN ${c.svc} rejected ${c.label} ${c.s} (401)`,
    (c) => `level=debug ts=${iso()} msg="outgoing request" ${c.camel}="${c.s}" status=200 dur=${int(10, 900)}ms`,
    (c) =>
      `[${day()} ${clock()}] DEBUG config resolved: { ${c.camel}: '${c.s}', timeout: ${int(1, 9)}000, retries: 3 }`,
    (c) =>
      `time="${iso()}" level=error msg="request failed: 403 Forbidden" ${c.N.toLowerCase()}=${c.s} attempt=${int(2, 5)}`,
    (c) =>
      `${day()} ${clock()},${int(100, 999)} - ${c.svc.toLowerCase().replace(/\W/g, "")}.client - DEBUG - ${c.label}: ${c.s}`,
  ],
  ci: [
    (c) =>
      `#${int(8, 19)} 0.${int(100, 999)} + export ${c.N}=${c.s}\n#${int(8, 19)} 1.${int(100, 999)} + npm ci --omit=dev\nadded ${int(100, 900)} packages in ${int(4, 20)}s`,
    (c) =>
      `Run ./scripts/deploy.sh production\n  env:\n    NODE_VERSION: 20.11.1\n    ${c.N}: ${c.s}\nDeploying to production...`,
    (c) => `$ ./deploy --env prod\n+ ${c.N}=${c.s}\n+ ./bin/release\nJob succeeded`,
    (c) =>
      `[Pipeline] sh\n+ docker run --rm -e ${c.N}=${c.s} registry.local/tools:1.${int(1, 30)} sync\nsync ok (${int(2, 90)} files)`,
  ],
  config: [
    (c) => `# .env.production\nNODE_ENV=production\nPORT=8080\n${c.N}=${c.s}\nLOG_LEVEL=info`,
    (c) => `${c.N}="${c.s}"\nDEBUG=false\n`,
    (c) =>
      `services:\n  app:\n    image: acme/app:${int(1, 9)}.${int(0, 20)}\n    environment:\n      - TZ=Europe/Berlin\n      - ${c.N}=${c.s}\n    ports:\n      - "8080:8080"`,
    (c) => `app:\n  replicas: ${int(2, 6)}\n  ${c.camel}: ${c.s}\n  region: eu-west-1`,
    (c) => `[${c.svc.toLowerCase().replace(/\W/g, "")}]\n${c.N.toLowerCase()} = "${c.s}"\ntimeout = ${int(5, 60)}`,
    (c) => `${c.N.toLowerCase().replace(/_/g, ".")}=${c.s}\nserver.port=8080`,
    (c) =>
      `<configuration>\n  <appSettings>\n    <add key="${c.N}" value="${c.s}" />\n  </appSettings>\n</configuration>`,
    (c) => `FROM node:20-alpine\nENV ${c.N}=${c.s}\nWORKDIR /app\nCOPY . .\nCMD ["node", "server.js"]`,
    (c) => `variable "${c.N.toLowerCase()}" {\n  type    = string\n  default = "${c.s}"\n}`,
  ],
  diff: [
    (c) =>
      `diff --git a/.env b/.env\nindex ${hex(7)}..${hex(7)} 100644\n--- a/.env\n+++ b/.env\n@@ -1,3 +1,3 @@\n PORT=3000\n-${c.N}=\n+${c.N}=${c.s}\n LOG_LEVEL=debug`,
    (c) =>
      `@@ -${int(10, 90)},6 +${int(10, 90)},5 @@ export const config = {\n   retries: 3,\n-  ${c.camel}: '${c.s}',\n+  ${c.camel}: process.env.${c.N},\n   timeout: 5000,`,
    (c) =>
      `--- a/config/settings.py\n+++ b/config/settings.py\n@@ -14,2 +14,3 @@\n DEBUG = False\n+${c.N} = "${c.s}"\n ALLOWED_HOSTS = ["*"]`,
  ],
  json: [
    (c) => `{"env":"prod","${c.camel}":"${c.s}","region":"eu-central-1","retries":3}`,
    (c) =>
      JSON.stringify({
        level: "info",
        time: 1.7e12 + int(0, 9e9),
        pid: int(100, 9999),
        msg: "client created",
        opts: { [c.N.toLowerCase()]: c.s, keepAlive: true },
      }),
    (c) => `{\n  "name": "${c.svc}",\n  "settings": {\n    "${c.N}": "${c.s}",\n    "enabled": true\n  }\n}`,
    (c) => JSON.stringify({ type: "tool_result", content: `${c.N}=${c.s}\nPORT=3000\n` }),
  ],
  md: [
    (c) => `## Access\n\n- Dashboard: see wiki\n- ${c.svc} ${c.label}: \`${c.s}\`\n- Owner: platform team`,
    (c) => `| Service | Setting | Value |\n|---|---|---|\n| ${c.svc} | ${c.N} | ${c.s} |\n| local | PORT | 3000 |`,
    (c) => `1. Open the console\n2. Set **${c.N}** to \`${c.s}\`\n3. Restart the pod`,
    (c) => `* [x] ${c.svc} account created\n* [ ] replace ${c.label} ${c.s}\n* [ ] tell ${pick(PEOPLE)}`,
  ],
  code: [
    (c) => `\`\`\`js\nconst client = createClient({\n  ${c.camel}: "${c.s}",\n  timeout: 3000,\n});\n\`\`\``,
    (c) => `\`\`\`python\nimport os\n\nos.environ["${c.N}"] = "${c.s}"\nmain()\n\`\`\``,
    (c) => `const (\n\tdefaultRegion = "eu-west-1"\n\t${c.camel} = "${c.s}"\n)`,
    (c) => `public final class Config {\n    private static final String ${c.N} = "${c.s}";\n}`,
    (c) => `headers = {\n    "Accept": "application/json",\n    "Authorization": "Bearer ${c.s}",  # ${c.svc}\n}`,
    (c) => `<?php\ndefine('${c.N}', '${c.s}');\n`,
    (c) => `ENV['${c.N}'] ||= '${c.s}'`,
  ],
  terminal: [
    (c) => `$ export ${c.N}=${c.s}\n$ make deploy\nok`,
    (c) => `${pick(PEOPLE)}@${pick(HOSTS)}:~/app$ printenv | grep ${c.N.split("_")[0]}\n${c.N}=${c.s}`,
    (c) =>
      `$ curl -s -H "Authorization: Bearer ${c.s}" https://api.internal.acme.dev/v1/${c.svc.toLowerCase().replace(/\W/g, "-")}/status\n{"ok":true}`,
    (c) => `❯ echo $${c.N}\n${c.s}\n❯ `,
    (c) => `PS C:\\src> $env:${c.N} = "${c.s}"\nPS C:\\src> dotnet run`,
    (c) => `% ${c.N}=${c.s} node scripts/sync.mjs --dry-run\nsynced ${int(2, 90)} records`,
    (c) => `$ mytool login --${kebabOf(c.N)} ${c.s}\nLogged in as ${pick(PEOPLE)}`,
  ],
  chat: [
    (c) =>
      `[${clock().slice(0, 5)}] ${pick(PEOPLE)}: what's the ${c.svc} ${c.label} again?\n[${clock().slice(0, 5)}] sam: ${c.s}`,
    (c) => `User: set up ${c.svc}, ${c.label} is ${c.s}\nAssistant: Done. I've stored it in the settings file.`,
    (c) => `${c.svc} ${c.label}:\n${c.s}\n\nask me if it does not work`,
    (c) => `**sam** ${clock().slice(0, 5)}\nthis one works -> ${c.N}: ${c.s}`,
  ],
  trace: [
    (c) =>
      `Error: ${c.svc} responded 401 Unauthorized (${c.camel}=${c.s})\n    at Client.request (/app/node_modules/client/lib/http.js:${int(20, 400)}:13)\n    at async main (/app/src/index.js:${int(5, 90)}:3)`,
    (c) =>
      `Traceback (most recent call last):\n  File "/srv/app/main.py", line ${int(9, 200)}, in <module>\n    client = Client(${c.N.toLowerCase()}="${c.s}")\nValueError: region is required`,
  ],
};

// ---------------------------------------------------------------- token kinds
const T = [];
const tok = (kind, svc, label, N, gen) => T.push({ kind, svc, label, N, gen });
const jwt = (alg = "HS256") =>
  `${encu({ alg, typ: "JWT" })}.${encu({ sub: String(int(1000, 99999)), name: pick(PEOPLE), iat: 1.74e9 + int(0, 1e7), exp: 1.76e9 + int(0, 1e7), jti: hex(12) })}.${alg === "RS256" ? b64u(256) : b64u(32)}`;

tok("github-pat", "GitHub", "token", "GITHUB_TOKEN", () => checked("ghp_"));
tok("github-fine-grained", "GitHub", "personal access token", "GH_PAT", () => `github_pat_11${str(UD, 20)}_${an(59)}`);
tok("github-app", "GitHub App", "token", "GH_TOKEN", () => checked(pick(["gho_", "ghs_", "ghu_"])));
tok("gitlab-pat", "GitLab", "access token", "GITLAB_TOKEN", () => `glpat-${str(`${AN}-_`, 19)}${an(1)}`);
tok(
  "gitlab-other",
  "GitLab",
  "runner token",
  "CI_RUNNER_TOKEN",
  () => `${pick(["glrt-", "gldt-", "glptt-"])}${an(20)}`,
);
tok("bitbucket-app-password", "Bitbucket", "app password", "BITBUCKET_APP_PASSWORD", () => {
  const r = an(24);
  return `ATBB${r}${crc32(r).toString(16).toUpperCase().padStart(8, "0")}`;
});
tok("atlassian-api", "Jira", "API token", "JIRA_API_TOKEN", () => {
  const r = an(int(170, 176));
  return `ATATT3xFfGF0${r}=${crc32(r).toString(16).toUpperCase().padStart(8, "0")}`;
});
tok("aws-secret", "AWS", "secret access key", "AWS_SECRET_ACCESS_KEY", () => b64(30));
tok("aws-session", "AWS", "session token", "AWS_SESSION_TOKEN", () => `IQoJb3JpZ2luX2Vj${b64(int(80, 110) * 3)}`);
tok("gcp-api-key", "Google Maps", "API key", "GOOGLE_MAPS_API_KEY", () => `AIzaSy${str(`${AN}-_`, 32)}${an(1)}`);
tok("google-client-secret", "Google OAuth", "client secret", "GOOGLE_CLIENT_SECRET", () => `GOCSPX-${an(28)}`);
tok(
  "google-refresh",
  "Google",
  "refresh token",
  "GOOGLE_REFRESH_TOKEN",
  () => `1//0${pick(["3", "4", "9", "g"])}${str(`${AN}-_`, 98)}${an(1)}`,
);
tok("google-access", "Google", "access token", "GOOGLE_ACCESS_TOKEN", () => `ya29.a0A${str(`${AN}-_`, 160)}${an(2)}`);
tok("azure-storage-key", "Azure Storage", "account key", "AZURE_STORAGE_KEY", () => b64(64));
tok(
  "azure-client-secret",
  "Azure AD",
  "client secret",
  "AZURE_CLIENT_SECRET",
  () => `${an(3)}8Q~${str(`${AN}-_.~`, 33)}${an(1)}`,
);
tok("azure-devops-pat", "Azure DevOps", "personal access token", "AZURE_DEVOPS_PAT", () => str(`${LO}234567`, 52));
tok("digitalocean", "DigitalOcean", "token", "DIGITALOCEAN_ACCESS_TOKEN", () => `dop_v1_${hex(64)}`);
tok("heroku", "Heroku", "API key", "HEROKU_API_KEY", () =>
  pick([() => `HRKU-AA${str(`${AN}_-`, 57)}${an(1)}`, uuid])(),
);
tok("linode", "Linode", "API token", "LINODE_TOKEN", () => hex(64));
tok("hetzner", "Hetzner Cloud", "API token", "HCLOUD_TOKEN", () => an(64));
tok("cloudflare", "Cloudflare", "API token", "CLOUDFLARE_API_TOKEN", () => str(`${AN}-_`, 39) + an(1));
tok("cloudflare-global", "Cloudflare", "global API key", "CF_API_KEY", () => hex(37));
tok("fastly", "Fastly", "API token", "FASTLY_API_TOKEN", () => an(32));
tok("vercel", "Vercel", "token", "VERCEL_TOKEN", () => an(24));
tok("netlify", "Netlify", "auth token", "NETLIFY_AUTH_TOKEN", () => `nfp_${an(36)}`);
tok("flyio", "Fly.io", "API token", "FLY_API_TOKEN", () => `fm2_lJPE${b64(int(40, 60) * 3)}`);
tok("render", "Render", "API key", "RENDER_API_KEY", () => `rnd_${an(28)}`);
tok("npm", "npm", "publish token", "NPM_TOKEN", () => checked("npm_"));
tok("pypi", "PyPI", "upload token", "PYPI_TOKEN", () => `pypi-AgEIcHlwaS5vcmc${b64u(120)}`);
tok("rubygems", "RubyGems", "API key", "GEM_HOST_API_KEY", () => `rubygems_${hex(48)}`);
tok("crates", "crates.io", "token", "CARGO_REGISTRY_TOKEN", () => `cio${an(32)}`);
tok("nuget", "NuGet", "API key", "NUGET_API_KEY", () => `oy2${str(LD, 43)}`);
tok("dockerhub", "Docker Hub", "access token", "DOCKERHUB_TOKEN", () => `dckr_pat_${str(`${AN}-_`, 26)}${an(1)}`);
tok("circleci", "CircleCI", "API token", "CIRCLE_TOKEN", () => `CCIPAT_${an(22)}_${hex(40)}`);
tok("travis", "Travis CI", "token", "TRAVIS_TOKEN", () => an(22));
tok("buildkite", "Buildkite", "API token", "BUILDKITE_API_TOKEN", () => `bkua_${hex(40)}`);
tok("slack-bot", "Slack", "bot token", "SLACK_BOT_TOKEN", () => `xoxb-${int(1e11, 9e12)}-${int(1e12, 9e12)}-${an(24)}`);
tok("slack-user-app", "Slack", "token", "SLACK_TOKEN", () =>
  pick([
    () => `xoxp-${int(1e11, 9e12)}-${int(1e12, 9e12)}-${int(1e12, 9e12)}-${hex(32)}`,
    () => `xapp-1-A0${str(UD, 9)}-${int(1e12, 9e12)}-${hex(64)}`,
  ])(),
);
tok("slack-signing", "Slack", "signing secret", "SLACK_SIGNING_SECRET", () => hex(32));
tok("slack-webhook", "Slack", "webhook", "SLACK_WEBHOOK_URL", () => ({
  t: `https://hooks.slack.com/services/T0${str(UD, 9)}/B0${str(UD, 9)}/`,
  s: an(24),
}));
tok(
  "discord-bot",
  "Discord",
  "bot token",
  "DISCORD_TOKEN",
  () => `${Buffer.from(String(int(3e17, 9e17))).toString("base64url")}.G${an(5)}.${str(`${AN}-_`, 37)}${an(1)}`,
);
tok("discord-webhook", "Discord", "webhook", "DISCORD_WEBHOOK_URL", () => ({
  t: `https://discord.com/api/webhooks/1${str(DI, 18)}/`,
  s: str(`${AN}-_`, 67) + an(1),
}));
tok(
  "telegram",
  "Telegram",
  "bot token",
  "TELEGRAM_BOT_TOKEN",
  () => `${int(1e9, 7e9)}:AA${str(`${AN}-_`, 32)}${an(1)}`,
);
tok("teams-webhook", "Teams", "incoming webhook", "TEAMS_WEBHOOK_URL", () => ({
  t: `https://acme.webhook.office.com/webhookb2/${uuid()}@${uuid()}/IncomingWebhook/`,
  s: hex(32),
  e: `/${uuid()}`,
}));
tok("sendgrid", "SendGrid", "API key", "SENDGRID_API_KEY", () => `SG.${an(22)}.${str(`${AN}-_`, 42)}${an(1)}`);
tok("mailgun", "Mailgun", "API key", "MAILGUN_API_KEY", () =>
  pick([() => `key-${hex(32)}`, () => `${hex(32)}-${hex(8)}-${hex(8)}`])(),
);
tok("postmark", "Postmark", "server token", "POSTMARK_SERVER_TOKEN", uuid);
tok("mailchimp", "Mailchimp", "API key", "MAILCHIMP_API_KEY", () => `${hex(32)}-us${int(1, 21)}`);
tok("brevo", "Brevo", "API key", "BREVO_API_KEY", () => `xkeysib-${hex(64)}-${an(16)}`);
tok("resend", "Resend", "API key", "RESEND_API_KEY", () => `re_${an(8)}_${an(24)}`);
tok("stripe-live", "Stripe", "secret key", "STRIPE_SECRET_KEY", () => `sk_live_51${an(97)}`);
tok("stripe-restricted", "Stripe", "restricted key", "STRIPE_API_KEY", () => `rk_live_${an(24)}`);
tok("stripe-webhook", "Stripe", "webhook signing secret", "STRIPE_WEBHOOK_SECRET", () => `whsec_${an(32)}`);
tok("paypal", "PayPal", "client secret", "PAYPAL_CLIENT_SECRET", () => `E${str(`${AN}-_`, 78)}${an(1)}`);
tok("square", "Square", "access token", "SQUARE_ACCESS_TOKEN", () =>
  pick([() => `EAAA${str(`${AN}-_`, 59)}${an(1)}`, () => `sq0csp-${str(`${AN}-_`, 42)}${an(1)}`])(),
);
tok(
  "braintree",
  "Braintree",
  "access token",
  "BRAINTREE_ACCESS_TOKEN",
  () => `access_token$production$${str(LD, 16)}$${hex(32)}`,
);
tok(
  "shopify",
  "Shopify",
  "admin API token",
  "SHOPIFY_ACCESS_TOKEN",
  () => `${pick(["shpat_", "shpss_", "shpca_"])}${hex(32)}`,
);
tok("razorpay", "Razorpay", "key secret", "RAZORPAY_KEY_SECRET", () => an(24));
tok("plaid", "Plaid", "secret", "PLAID_SECRET", () => hex(30));
tok("flutterwave", "Flutterwave", "secret key", "FLW_SECRET_KEY", () => `FLWSECK-${hex(32)}-X`);
tok("twilio", "Twilio", "auth token", "TWILIO_AUTH_TOKEN", () => hex(32));
tok("vonage", "Vonage", "API secret", "VONAGE_API_SECRET", () => an(16));
tok("datadog-api", "Datadog", "API key", "DD_API_KEY", () => hex(32));
tok("datadog-app", "Datadog", "application key", "DD_APP_KEY", () => hex(40));
tok("newrelic", "New Relic", "user key", "NEW_RELIC_API_KEY", () => `NRAK-${str(UD, 27)}`);
tok("newrelic-license", "New Relic", "license key", "NEW_RELIC_LICENSE_KEY", () => `${hex(36)}NRAL`);
tok("grafana-sa", "Grafana", "service account token", "GRAFANA_TOKEN", () => {
  const r = an(32);
  return `glsa_${r}_${crc32(r).toString(16).padStart(8, "0")}`;
});
tok(
  "grafana-cloud",
  "Grafana Cloud",
  "token",
  "GRAFANA_CLOUD_API_KEY",
  () => `glc_${enc(JSON.stringify({ o: String(int(1e5, 9e5)), n: "ci-metrics", k: an(24), m: { r: "eu" } }))}`,
);
tok("sentry", "Sentry", "auth token", "SENTRY_AUTH_TOKEN", () =>
  pick([
    () => `sntryu_${hex(64)}`,
    () =>
      `sntrys_${enc(JSON.stringify({ iat: 1.74e9 + int(0, 1e7), url: "https://sentry.io", org: "acme" })).replace(/=+$/, "")}_${str(`${AN}+/`, 42)}${an(1)}`,
  ])(),
);
tok("honeycomb", "Honeycomb", "ingest key", "HONEYCOMB_API_KEY", () => `hcaik_01${str(LD, 56)}`);
tok("rollbar", "Rollbar", "access token", "ROLLBAR_ACCESS_TOKEN", () => hex(32));
tok("pagerduty", "PagerDuty", "API key", "PAGERDUTY_API_KEY", () => `u+${an(18)}`);
tok("opsgenie", "Opsgenie", "API key", "OPSGENIE_API_KEY", uuid);
tok("elastic", "Elasticsearch", "API key", "ELASTIC_API_KEY", () => enc(`${str(AN, 20)}:${str(AN, 22)}`));
tok("splunk-hec", "Splunk", "HEC token", "SPLUNK_HEC_TOKEN", uuid);
tok("openai", "OpenAI", "API key", "OPENAI_API_KEY", () =>
  pick([
    () => `sk-proj-${str(`${AN}-_`, 73)}${an(1)}T3BlbkFJ${str(`${AN}-_`, 73)}${an(1)}`,
    () => `sk-${an(20)}T3BlbkFJ${an(20)}`,
  ])(),
);
tok("anthropic", "Anthropic", "API key", "ANTHROPIC_API_KEY", () => `sk-ant-api03-${str(`${AN}-_`, 93)}AA`);
tok("huggingface", "Hugging Face", "token", "HF_TOKEN", () => `hf_${str(UP + LO, 34)}`);
tok("replicate", "Replicate", "API token", "REPLICATE_API_TOKEN", () => `r8_${an(37)}`);
tok("groq", "Groq", "API key", "GROQ_API_KEY", () => `gsk_${an(52)}`);
tok("perplexity", "Perplexity", "API key", "PERPLEXITY_API_KEY", () => `pplx-${an(48)}`);
tok("xai", "xAI", "API key", "XAI_API_KEY", () => `xai-${an(80)}`);
tok("mistral", "Mistral", "API key", "MISTRAL_API_KEY", () => an(32));
tok("cohere", "Cohere", "API key", "COHERE_API_KEY", () => an(40));
tok("openrouter", "OpenRouter", "API key", "OPENROUTER_API_KEY", () => `sk-or-v1-${hex(64)}`);
tok("pinecone", "Pinecone", "API key", "PINECONE_API_KEY", () => `pcsk_${an(6)}_${an(63)}`);
tok("langsmith", "LangSmith", "API key", "LANGSMITH_API_KEY", () => `lsv2_pt_${hex(32)}_${hex(10)}`);
tok("wandb", "Weights & Biases", "API key", "WANDB_API_KEY", () => hex(40));
tok(
  "planetscale",
  "PlanetScale",
  "service token",
  "PLANETSCALE_SERVICE_TOKEN",
  () => `pscale_tkn_${str(`${AN}-_`, 42)}${an(1)}`,
);
tok("supabase", "Supabase", "access token", "SUPABASE_ACCESS_TOKEN", () => `sbp_${hex(40)}`);
tok(
  "supabase-service-role",
  "Supabase",
  "service role key",
  "SUPABASE_SERVICE_ROLE_KEY",
  () =>
    `${encu({ alg: "HS256", typ: "JWT" })}.${encu({ iss: "supabase", ref: str(LO, 20), role: "service_role", iat: 1.7e9 + int(0, 1e7), exp: 2.02e9 })}.${b64u(32)}`,
);
tok("upstash", "Upstash", "REST token", "UPSTASH_REDIS_REST_TOKEN", () => `AX${str(AN, 52)}==`);
tok("algolia", "Algolia", "admin API key", "ALGOLIA_ADMIN_KEY", () => hex(32));
tok("auth0", "Auth0", "client secret", "AUTH0_CLIENT_SECRET", () => str(`${AN}-_`, 63) + an(1));
tok("okta", "Okta", "API token", "OKTA_API_TOKEN", () => `00${str(`${AN}-_`, 39)}${an(1)}`);
tok("clerk", "Clerk", "secret key", "CLERK_SECRET_KEY", () => `sk_live_${an(42)}`);
tok(
  "mapbox",
  "Mapbox",
  "secret token",
  "MAPBOX_SECRET_TOKEN",
  () => `sk.${encu({ u: "acme", a: `cl${str(LD, 23)}` })}.${str(`${AN}-_`, 21)}${an(1)}`,
);
tok("launchdarkly", "LaunchDarkly", "SDK key", "LAUNCHDARKLY_SDK_KEY", () => `${pick(["sdk-", "api-"])}${uuid()}`);
tok("vault", "Vault", "token", "VAULT_TOKEN", () => `hvs.CAESI${str(`${AN}-_`, 89)}${an(1)}`);
tok("doppler", "Doppler", "service token", "DOPPLER_TOKEN", () => `dp.st.prd.${an(43)}`);
tok(
  "onepassword",
  "1Password",
  "service account token",
  "OP_SERVICE_ACCOUNT_TOKEN",
  () =>
    `ops_${encu({ signInAddress: "my.1password.com", userAuth: { method: "SRPg-4096", alg: "PBES2g-HS256", iterations: 650000, salt: b64u(16) }, email: `${str(LD, 13)}@1passwordserviceaccounts.com`, srpX: hex(64), deviceUuid: str(LD, 26) })}`,
);
tok(
  "terraform-cloud",
  "Terraform Cloud",
  "API token",
  "TFE_TOKEN",
  () => `${an(14)}.atlasv1.${str(`${AN}-_`, 66)}${an(1)}`,
);
tok("pulumi", "Pulumi", "access token", "PULUMI_ACCESS_TOKEN", () => `pul-${hex(40)}`);
tok("databricks", "Databricks", "token", "DATABRICKS_TOKEN", () => `dapi${hex(32)}`);
tok("linear", "Linear", "API key", "LINEAR_API_KEY", () => `lin_api_${an(40)}`);
tok("notion", "Notion", "integration secret", "NOTION_TOKEN", () =>
  pick([() => `ntn_${str(DI, 11)}${an(35)}`, () => `secret_${an(43)}`])(),
);
tok("airtable", "Airtable", "personal access token", "AIRTABLE_API_KEY", () => `pat${an(14)}.${hex(64)}`);
tok("figma", "Figma", "token", "FIGMA_TOKEN", () => `figd_${str(`${AN}-_`, 39)}${an(1)}`);
tok(
  "asana",
  "Asana",
  "personal access token",
  "ASANA_TOKEN",
  () => `2/${int(1e15, 9e15)}/${int(1e15, 9e15)}:${hex(32)}`,
);
tok("postman", "Postman", "API key", "POSTMAN_API_KEY", () => `PMAK-${hex(24)}-${hex(34)}`);
tok("dropbox", "Dropbox", "access token", "DROPBOX_ACCESS_TOKEN", () => `sl.B${str(`${AN}-_`, 133)}${an(1)}`);
tok("facebook", "Facebook", "page access token", "FB_PAGE_ACCESS_TOKEN", () => `EAA${an(int(150, 190))}`);
tok(
  "twitter-bearer",
  "Twitter",
  "bearer token",
  "TWITTER_BEARER_TOKEN",
  () => `AAAAAAAAAAAAAAAAAAAAA${an(24)}%3D${an(44)}`,
);
tok("hubspot", "HubSpot", "private app token", "HUBSPOT_ACCESS_TOKEN", () => `pat-${pick(["na1", "eu1"])}-${uuid()}`);
tok("tailscale", "Tailscale", "auth key", "TS_AUTHKEY", () => `tskey-auth-k${an(9)}CNTRL-${an(32)}`);
tok("ngrok", "ngrok", "authtoken", "NGROK_AUTHTOKEN", () => `2${an(26)}_${an(21)}`);
tok("sonarqube", "SonarQube", "token", "SONAR_TOKEN", () => `${pick(["sqp_", "squ_", "sqa_"])}${hex(40)}`);
tok("codecov", "Codecov", "upload token", "CODECOV_TOKEN", uuid);
tok("snyk", "Snyk", "token", "SNYK_TOKEN", uuid);
tok("artifactory", "Artifactory", "API key", "ARTIFACTORY_API_KEY", () =>
  pick([() => `AKCp8${an(68)}`, () => enc(`reftkn:01:17${str(DI, 8)}:${an(28)}`)])(),
);
tok(
  "backblaze",
  "Backblaze B2",
  "application key",
  "B2_APPLICATION_KEY",
  () => `K00${int(1, 5)}${str(`${AN}/+`, 26)}${an(1)}`,
);
tok(
  "contentful",
  "Contentful",
  "management token",
  "CONTENTFUL_MANAGEMENT_TOKEN",
  () => `CFPAT-${str(`${AN}-_`, 42)}${an(1)}`,
);
tok(
  "fcm",
  "Firebase Messaging",
  "server key",
  "FCM_SERVER_KEY",
  () => `AAAA${an(7)}:APA91b${str(`${AN}-_`, 133)}${an(1)}`,
);
tok("easypost", "EasyPost", "API key", "EASYPOST_API_KEY", () => `EZAK${hex(32)}${an(22)}`);
tok("shippo", "Shippo", "API token", "SHIPPO_TOKEN", () => `shippo_live_${hex(40)}`);
tok("typeform", "Typeform", "token", "TYPEFORM_TOKEN", () => `tfp_${str(`${AN}-_.`, 43)}${an(1)}_${an(14)}`);
tok("prefect", "Prefect", "API key", "PREFECT_API_KEY", () => `pnu_${str(LD, 36)}`);
tok("posthog", "PostHog", "personal API key", "POSTHOG_PERSONAL_API_KEY", () => `phx_${an(43)}`);
tok("statsig", "Statsig", "server secret", "STATSIG_SERVER_SECRET", () => `secret-${an(43)}`);
tok("jwt-hs256", "backend", "access token", "ACCESS_TOKEN", () => jwt());
tok("jwt-rs256", "Keycloak", "ID token", "ID_TOKEN", () => jwt("RS256"));
tok("age-key", "sops", "age key", "SOPS_AGE_KEY", () => bech32("age-secret-key-", [...bytes(32)]).toUpperCase());
tok("eth-private-key", "deployer wallet", "private key", "DEPLOYER_PRIVATE_KEY", () => `0x${hex(64)}`);
tok("wireguard-key", "WireGuard", "private key", "WG_PRIVATE_KEY", () => b64(32));
tok("django-secret", "Django", "secret key", "DJANGO_SECRET_KEY", () => str(`${LD}!@%^*-_=+`, 49) + str(LO, 1));
tok("laravel-key", "Laravel", "app key", "APP_KEY", () => ({ t: "base64:", s: b64(32) }));
tok("rails-secret", "Rails", "secret key base", "SECRET_KEY_BASE", () => hex(128));
tok("nextauth", "NextAuth", "secret", "NEXTAUTH_SECRET", () => b64(32));
tok("jwt-signing-secret", "auth service", "JWT secret", "JWT_SECRET", () =>
  pick([() => b64(48), () => hex(64), () => an(40)])(),
);
tok(
  "fernet",
  "Airflow",
  "fernet key",
  "AIRFLOW__CORE__FERNET_KEY",
  () => `${str(`${AN}-_`, 42)}${pick([..."AEIMQUYcgkosw048"])}=`,
);
tok("encryption-key", "billing", "encryption key", "ENCRYPTION_KEY", () => hex(64));

// ---------------------------------------------------------------- special kinds: six texts each, every one [text, secret]
const S = [];
const special = (kind, ...fns) => S.push({ kind, fns });
const w = (s, f) => [f(s), s];

// --- keys
const der = (head) => (n) => wrap(Buffer.concat([Buffer.from(head, "hex"), bytes(n)]).toString("base64"), 64);
const bodies = {
  RSA: () => der("308204a40201000282010100")(1180),
  EC: () => der("30770201010420")(114),
  PRIV: () => der("308204be020100300d06092a864886f70d0101010500048204a8308204a40201000282010100")(1180),
};
function pem(label, lines, ind = "") {
  const mid = lines[Math.min(lines.length - 1, 1 + int(0, Math.max(0, lines.length - 3)))];
  return {
    text: [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`].map((l) => ind + l).join("\n"),
    mid,
    esc: [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\\n"),
  };
}
const keyIn = (make, name) => [
  () => {
    const k = make();
    return [`${k.text}\n`, k.mid];
  },
  () => {
    const k = make();
    return [`$ cat ~/.keys/${name}\n${k.text}\n$ `, k.mid];
  },
  () => {
    const k = make("    ");
    return [`tls:\n  enabled: true\n  ${name.replace(/\W/g, "_")}: |\n${k.text}\nreplicas: 2`, k.mid];
  },
  () => {
    const k = make("+");
    return [
      `diff --git a/certs/${name} b/certs/${name}\nnew file mode 100600\nindex 0000000..${hex(7)}\n--- /dev/null\n+++ b/certs/${name}\n@@ -0,0 +1,${int(8, 30)} @@\n${k.text}`,
      k.mid,
    ];
  },
  () => {
    const k = make();
    return [`{"id":${int(10, 999)},"private_key":"${k.esc}","rotated":false}`, k.mid];
  },
  () => {
    const k = make();
    return [
      `Here's the key for the jump host, save it as ${name} and chmod 600:\n\n\`\`\`\n${k.text}\n\`\`\`\n\nTell me when you are in.`,
      k.mid,
    ];
  },
];
special("pem-rsa", ...keyIn((i) => pem("RSA PRIVATE KEY", bodies.RSA(), i), "server.key"));
special("pem-pkcs8", ...keyIn((i) => pem("PRIVATE KEY", bodies.PRIV(), i), "tls.key"));
special("pem-ec", ...keyIn((i) => pem("EC PRIVATE KEY", bodies.EC().slice(), i), "ec.pem"));
special(
  "pem-encrypted",
  ...keyIn(
    (i) => pem("ENCRYPTED PRIVATE KEY", der("308205" + "0e304006092a864886f70d01050d3033")(1260), i),
    "signing.pem",
  ),
);
special(
  "openssh-key",
  ...keyIn((i) => {
    const u32 = (n) => {
        const b = Buffer.alloc(4);
        b.writeUInt32BE(n);
        return b;
      },
      ss = (b) => Buffer.concat([u32(b.length), b]);
    const T25 = Buffer.from("ssh-ed25519"),
      none = Buffer.from("none"),
      pub = bytes(32),
      pubBlob = Buffer.concat([ss(T25), ss(pub)]),
      chk = bytes(4);
    const priv = Buffer.concat([
      chk,
      chk,
      ss(T25),
      ss(pub),
      ss(Buffer.concat([bytes(32), pub])),
      ss(Buffer.from("deploy@ci")),
      Buffer.from([1, 2, 3, 4]),
    ]);
    const head = Buffer.concat([
      Buffer.from("openssh-key-v1\0"),
      ss(none),
      ss(none),
      u32(0),
      u32(1),
      ss(pubBlob),
      ss(priv),
    ]);
    const l = wrap(head.toString("base64"), 70);
    return { ...pem("OPENSSH PRIVATE KEY", l, i), mid: l[3] };
  }, "id_ed25519"),
);
special(
  "pgp-private",
  ...keyIn((i) => {
    const l = der("9504")(900);
    const k = pem("PGP PRIVATE KEY BLOCK", ["", ...l, `=${b64(3)}`], i);
    return { ...k, mid: l[int(2, 10)] };
  }, "release-signing.asc"),
);
function putty() {
  const l = wrap(b64(int(450, 520)), 64);
  return {
    text: `PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: rsa-key-2024${pad(int(1, 12))}${pad(int(1, 28))}\nPublic-Lines: 6\n${wrap(b64(279), 64).join("\n")}\nPrivate-Lines: ${l.length}\n${l.join("\n")}\nPrivate-MAC: ${hex(64)}`,
    mid: l[int(0, l.length - 2)],
  };
}
special(
  "putty-key",
  () => {
    const k = putty();
    return [k.text, k.mid];
  },
  () => {
    const k = putty();
    return [`C:\\keys> type deploy.ppk\n${k.text}\n`, k.mid];
  },
  () => {
    const k = putty();
    return [`my key, convert it with puttygen please\n\n\`\`\`\n${k.text}\n\`\`\``, k.mid];
  },
  () => {
    const k = putty();
    return [`==> backup.ppk <==\n${k.text}\n\n==> notes.txt <==\nnothing here`, k.mid];
  },
  () => {
    const k = putty();
    return [`## Jump host\n\n${k.text}\n\nUser: deploy`, k.mid];
  },
  () => {
    const k = putty();
    return [`[${clock()}] ${pick(PEOPLE)}: here you go\n${k.text}\n[${clock()}] sam: thanks`, k.mid];
  },
);
const jwkOct = () => b64u(32);
special(
  "jwk-private",
  () =>
    w(
      b64u(32),
      (d) => `{"kty":"EC","crv":"P-256","x":"${b64u(32)}","y":"${b64u(32)}","d":"${d}","use":"sig","kid":"${hex(8)}"}`,
    ),
  () =>
    w(b64u(256), (d) =>
      JSON.stringify({ kty: "RSA", n: b64u(256), e: "AQAB", d, p: b64u(128), q: b64u(128), alg: "RS256" }, null, 2),
    ),
  () => w(b64u(32), (d) => `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"${b64u(32)}","d":"${d}","alg":"EdDSA"}]}`),
  () => w(jwkOct(), (k) => `{ "kty": "oct", "k": "${k}", "alg": "HS256" }`),
  () =>
    w(
      b64u(32),
      (d) => `const jwk = {\n  kty: "EC",\n  crv: "P-256",\n  x: "${b64u(32)}",\n  y: "${b64u(32)}",\n  d: "${d}",\n};`,
    ),
  () => w(b64u(32), (d) => `VAPID_PRIVATE_KEY=${d}\nVAPID_SUBJECT=mailto:ops@acme.dev`),
);
special(
  "gcp-service-account",
  ...[0, 1, 2, 3, 4, 5].map((i) => () => {
    const k = pem("PRIVATE KEY", bodies.PRIV()),
      p = `acme-${pick(["prod", "stage", "data"])}-${int(1000, 9999)}`;
    const o = `{\n  "type": "service_account",\n  "project_id": "${p}",\n  "private_key_id": "${hex(40)}",\n  "private_key": "${k.esc}",\n  "client_email": "deployer@${p}.iam.gserviceaccount.com",\n  "client_id": "1${str(DI, 20)}"\n}`;
    const one = o.replace(/\n\s*/g, "");
    return [
      [
        o,
        one,
        `GOOGLE_APPLICATION_CREDENTIALS_JSON='${one}'`,
        `\`\`\`json\n${o}\n\`\`\``,
        `$ cat sa.json\n${o}\n$ gcloud auth activate-service-account --key-file sa.json\nActivated service account credentials`,
        `resource "kubernetes_secret" "sa" {\n  data = {\n    "key.json" = <<EOT\n${o}\nEOT\n  }\n}`,
      ][i],
      k.mid,
    ];
  }),
);
special(
  "k8s-secret",
  () =>
    w(
      enc(pw()),
      (s) =>
        `apiVersion: v1\nkind: Secret\nmetadata:\n  name: db-credentials\n  namespace: prod\ntype: Opaque\ndata:\n  username: YXBw\n  password: ${s}`,
    ),
  () =>
    w(
      b64(240),
      (s) =>
        `apiVersion: v1\nkind: Secret\nmetadata:\n  name: web-tls\ntype: kubernetes.io/tls\ndata:\n  tls.key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1J${s}`,
    ),
  () =>
    w(
      enc(pwPlain()),
      (s) =>
        `$ kubectl get secret redis -o yaml\napiVersion: v1\ndata:\n  redis-password: ${s}\nkind: Secret\nmetadata:\n  name: redis`,
    ),
  () =>
    w(
      pw(),
      (s) =>
        `apiVersion: v1\nkind: Secret\nmetadata:\n  name: smtp\nstringData:\n  SMTP_USER: mailer\n  SMTP_PASSWORD: ${s}`,
    ),
  () =>
    w(
      enc(pw()),
      (s) => `{"apiVersion":"v1","data":{"POSTGRES_PASSWORD":"${s}"},"kind":"Secret","metadata":{"name":"pg"}}`,
    ),
  () => w(pwPlain(), (s) => `$ kubectl create secret generic pg --from-literal=password=${s}\nsecret/pg created`),
);
const kube = (field, s) =>
  `apiVersion: v1\nkind: Config\nclusters:\n- name: prod\n  cluster:\n    server: https://${ip()}:6443\nusers:\n- name: admin\n  user:\n    ${field}: ${s}\ncurrent-context: prod`;
special(
  "kubeconfig",
  () => w(`LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlF${b64(300)}`, (s) => kube("client-key-data", s)),
  () => w(jwt("RS256"), (s) => kube("token", s)),
  () =>
    w(
      `LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS0tLS0tCk1I${b64(150)}`,
      (s) => `$ kubectl config view --raw | tail -4\n- name: default\n  user:\n    client-key-data: ${s}`,
    ),
  () => w(pw(), (s) => `users:\n- name: legacy\n  user:\n    username: admin\n    password: ${s}`),
  () =>
    w(
      `${str(LD, 6)}.${str(LD, 16)}`,
      (s) => `$ kubeadm join ${ip()}:6443 --token ${s} --discovery-token-ca-cert-hash sha256:${hex(64)}`,
    ),
  () => w(`K10${hex(64)}::server:${hex(32)}`, (s) => `# /var/lib/rancher/k3s/server/node-token\nK3S_TOKEN=${s}`),
);

// --- headers, cookies, urls
special(
  "session-cookie",
  () =>
    w(
      `s:${an(32)}.${b64(32).replace(/=+$/, "")}`.replace(/[+/]/g, "x"),
      (s) => `GET /account HTTP/1.1\nHost: app.acme.dev\nCookie: theme=dark; connect.sid=${s}; lang=en`,
    ),
  () => w(hex(32), (s) => `Set-Cookie: PHPSESSID=${s}; path=/; HttpOnly; SameSite=Lax`),
  () =>
    w(
      str(UD.replace(/[G-Z]/g, ""), 32),
      (s) => `curl 'https://intranet.acme.dev/report' -H 'Cookie: JSESSIONID=${s}' --compressed`,
    ),
  () =>
    w(
      str(LD, 32),
      (s) =>
        `< HTTP/2 302\n< location: /admin/\n< set-cookie: sessionid=${s}; expires=Tue, 14 Oct 2025 09:00:00 GMT; HttpOnly; Path=/`,
    ),
  () =>
    w(
      b64u(180),
      (s) =>
        `{"method":"GET","url":"/api/me","headers":{"accept":"*/*","cookie":"__Secure-next-auth.session-token=${s}"}}`,
    ),
  () =>
    w(
      `${encu({ user_id: int(10, 999) })}.${str(AN, 6)}.${b64u(20)}`,
      (s) => `document.cookie = "session=${s}; path=/"`,
    ),
);
special(
  "basic-auth-header",
  () => w(enc(`deploy:${pw()}`), (s) => `Authorization: Basic ${s}`),
  () =>
    w(
      enc(`admin:${pw()}`),
      (s) => `$ curl -H 'Authorization: Basic ${s}' https://nexus.acme.dev/service/rest/v1/status`,
    ),
  () => w(enc(`ci:${pwPlain()}`), (s) => `{"url":"https://jira.acme.dev","headers":{"Authorization":"Basic ${s}"}}`),
  () =>
    w(
      enc(`svc-report:${pw()}`),
      (s) => `${iso()} DEBUG > POST /v2/events\n> authorization: Basic ${s}\n> content-length: 120`,
    ),
  () => w(enc(`bob:${pw()}`), (s) => `req.Header.Set("Authorization", "Basic ${s}")`),
  () => w(enc(`api:${pwPlain()}`), (s) => `proxy_set_header Authorization "Basic ${s}";`),
);
special(
  "bearer-opaque",
  () =>
    w(
      an(40),
      (s) => `POST /v1/orders HTTP/1.1\nHost: api.acme.dev\nAuthorization: Bearer ${s}\nContent-Type: application/json`,
    ),
  () => w(b64u(36), (s) => `curl -X DELETE https://api.acme.dev/v1/users/42 -H "authorization: bearer ${s}"`),
  () => w(hex(48), (s) => `fetch("/api/items", { headers: { Authorization: "Bearer ${s}" } })`),
  () => w(an(32), (s) => `X-Api-Key: ${s}\nAccept: application/json`),
  () => w(hex(32), (s) => `${iso()} TRACE headers={x-auth-token=[${s}], accept=[*/*]}`),
  () => w(an(36), (s) => `request.headers["X-Vault-Token"] = "${s}"`),
);
special(
  "url-basic-auth",
  () => w(pwPlain(), (s) => `https://deploy:${s}@nexus.acme.dev/repository/npm/`),
  () => w(pwPlain(), (s) => `$ git clone https://jonas:${s}@git.acme.dev/core/api.git\nCloning into 'api'...`),
  () => w(pw(), (s) => `ELASTICSEARCH_URL=https://elastic:${s}@es01.acme.internal:9200`),
  () => w(pwPlain(), (s) => `export HTTPS_PROXY=http://svc-build:${s}@proxy.corp.local:3128`),
  () => w(pwPlain(), (s) => `| Camera | URL |\n|---|---|\n| yard | rtsp://admin:${s}@192.168.1.44:554/stream1 |`),
  () => w(pwPlain(), (s) => `wget ftp://backup:${s}@files.acme.dev/dump.tar.gz`),
);
special(
  "git-remote-token",
  () => w(checked("ghp_"), (s) => `origin\thttps://${s}@github.com/acme/site.git (fetch)`),
  () => w(`glpat-${an(20)}`, (s) => `git remote set-url origin https://oauth2:${s}@gitlab.com/acme/site.git`),
  () =>
    w(
      checked("ghs_"),
      (s) =>
        `[remote "origin"]\n\turl = https://x-access-token:${s}@github.com/acme/api\n\tfetch = +refs/heads/*:refs/remotes/origin/*`,
    ),
  () =>
    w(
      an(52),
      (s) =>
        `fatal: unable to access 'https://build:${s}@dev.azure.com/acme/_git/core/': The requested URL returned error: 403`,
    ),
  () => w(checked("ghp_"), (s) => `{"dependencies":{"ui":"git+https://${s}:x-oauth-basic@github.com/acme/ui.git"}}`),
  () => w(an(20), (s) => `pip install git+https://user:${s}@bitbucket.org/acme/lib.git@v1.4`),
);
special(
  "url-query-token",
  () => w(an(32), (s) => `GET /v1/forecast?q=Berlin&api_key=${s}&units=metric 200 ${int(20, 300)}ms`),
  () => w(hex(32), (s) => `https://api.openweathermap.org/data/2.5/weather?lat=52.5&lon=13.4&appid=${s}`),
  () => w(an(40), (s) => `callback hit: https://app.acme.dev/cb?state=ok&access_token=${s}&token_type=bearer`),
  () => w(b64u(32), (s) => `Reset your password: https://app.acme.dev/reset?token=${s}`),
  () => w(an(24), (s) => `wss://stream.acme.dev/feed?client=web&auth_token=${s}`),
  () => w(hex(40), (s) => `- [dashboard feed](https://rss.acme.dev/feed.xml?private_token=${s})`),
);
special(
  "signed-url",
  () =>
    w(
      hex(64),
      (s) =>
        `https://acme-uploads.s3.eu-west-1.amazonaws.com/a.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA${str(B32, 16)}%2F20250314%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20250314T091200Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=${s}`,
    ),
  () =>
    w(
      hex(512),
      (s) =>
        `https://storage.googleapis.com/acme-exports/r.csv?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=20250314T091200Z&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-Signature=${s}`,
    ),
  () =>
    w(
      encodeURIComponent(b64(32)),
      (s) =>
        `AZCOPY_SRC="https://acme.blob.core.windows.net/backups?sv=2023-11-03&ss=b&srt=co&sp=rl&se=2026-01-01T00:00:00Z&sig=${s}"`,
    ),
  () =>
    w(
      b64u(256).replace(/_/g, "~"),
      (s) =>
        `https://d${str(LD, 13)}.cloudfront.net/video.mp4?Expires=1767225600&Signature=${s}&Key-Pair-Id=K${str(UD, 13)}`,
    ),
  () =>
    w(
      encodeURIComponent(b64(20)),
      (s) =>
        `https://bucket.s3.amazonaws.com/x.zip?AWSAccessKeyId=AKIA${str(B32, 16)}&Expires=1767225600&Signature=${s}`,
    ),
  () =>
    w(
      encodeURIComponent(b64(32)),
      (s) =>
        `POST https://prod-12.westeurope.logic.azure.com:443/workflows/${hex(32)}/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=${s}`,
    ),
);
special(
  "aws-pair",
  () =>
    w(
      b64(30),
      (s) => `[default]\naws_access_key_id = AKIA${str(B32, 16)}\naws_secret_access_key = ${s}\nregion = eu-west-1`,
    ),
  () => w(b64(30), (s) => `{"AccessKeyId":"AKIA${str(B32, 16)}","SecretAccessKey":"${s}","Status":"Active"}`),
  () => w(b64(30), (s) => `Access key ID,Secret access key\nAKIA${str(B32, 16)},${s}`),
  () =>
    w(b64(30), (s) => `new S3Client({ credentials: { accessKeyId: "AKIA${str(B32, 16)}", secretAccessKey: "${s}" } })`),
  () => w(b64(30), (s) => `provider "aws" {\n  access_key = "AKIA${str(B32, 16)}"\n  secret_key = "${s}"\n}`),
  () =>
    w(
      b64(30),
      (s) =>
        `$ aws configure\nAWS Access Key ID [None]: AKIA${str(B32, 16)}\nAWS Secret Access Key [None]: ${s}\nDefault region name [None]: eu-central-1`,
    ),
);
special(
  "aws-access-key-id",
  ...[
    (s) => `AWS_ACCESS_KEY_ID=${s}`,
    (s) => `the old key ${s} is still active, please deactivate`,
    (s) => `An error occurred (InvalidAccessKeyId): The key ${s} does not exist in our records.`,
    (s) => `| user | key |\n|--|--|\n| ci | ${s} |`,
    (s) => `{"userName":"ci","accessKeyId":"${s}"}`,
    (s) => `-  access_key: ${s}\n+  access_key: !env AWS_KEY`,
  ].map((f) => () => w(`${pick(["AKIA", "ASIA"])}${str(B32, 16)}`, f)),
);

// --- connection strings
const dbs = {
  postgres: (s) => `postgres://app:${s}@db.acme.internal:5432/orders?sslmode=require`,
  neon: (s) =>
    `postgresql://neondb_owner:npg_${s}@ep-cool-rain-${int(100000, 999999)}.eu-central-1.aws.neon.tech/neondb`,
  mysql: (s) => `mysql://root:${s}@127.0.0.1:3306/shop`,
  mongodb: (s) => `mongodb+srv://admin:${s}@cluster0.${str(LD, 5)}.mongodb.net/app?retryWrites=true&w=majority`,
  redis: (s) => `redis://:${s}@cache.acme.internal:6379/0`,
  rediss: (s) => `rediss://default:${s}@eu1-calm-fox-${int(30000, 39999)}.upstash.io:6379`,
  amqp: (s) => `amqp://worker:${s}@rabbit.acme.internal:5672/%2Fprod`,
  mssql: (s) =>
    `Server=tcp:acme-sql.database.windows.net,1433;Initial Catalog=crm;User ID=crm_app;Password=${s};Encrypt=True;`,
  npgsql: (s) => `Host=pg01;Port=5432;Username=app;Password=${s};Database=billing`,
  jdbc: (s) => `jdbc:mysql://db01:3306/erp?user=erp&password=${s}&useSSL=true`,
  jdbcoracle: (s) => `jdbc:oracle:thin:scott/${s}@//ora01.acme.internal:1521/ORCLPDB1`,
  clickhouse: (s) => `clickhouse://default:${s}@ch01:9000/metrics`,
  sqlalchemy: (s) => `postgresql+asyncpg://svc:${s}@pgbouncer:6432/app`,
  libpq: (s) => `host=db01 port=5432 dbname=app user=app password=${s} sslmode=require`,
  smtp: (s) => `smtps://mailer%40acme.dev:${s}@smtp.acme.dev:465`,
  nats: (s) => `nats://ingest:${s}@nats-1.acme.internal:4222`,
  mqtt: (s) => `mqtts://sensor-12:${s}@broker.acme.dev:8883`,
  ldap: (s) => `ldap://cn=admin,dc=acme,dc=dev:${s}@ldap01:389`,
  servicebus: (s) =>
    `Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=${s}`,
  azurestorage: (s) =>
    `DefaultEndpointsProtocol=https;AccountName=acmestore;AccountKey=${s};EndpointSuffix=core.windows.net`,
  cosmos: (s) => `AccountEndpoint=https://acme.documents.azure.com:443/;AccountKey=${s};`,
  snowflake: (s) => `snowflake://LOADER:${s}@ab${int(10000, 99999)}.eu-central-1/RAW/PUBLIC?warehouse=LOAD_WH`,
  kafka: (s) => `org.apache.kafka.common.security.scram.ScramLoginModule required username="app" password="${s}";`,
  cockroach: (s) =>
    `postgresql://maxroach:${s}@free-tier.aws-eu-1.cockroachlabs.cloud:26257/defaultdb?sslmode=verify-full`,
};
for (const [k, f] of Object.entries(dbs)) {
  const g = () =>
    k === "servicebus" ? b64(32) : k === "azurestorage" || k === "cosmos" ? b64(64) : k === "neon" ? an(12) : pwPlain();
  const V = `${k.toUpperCase()}_URL`;
  const q = (x) => x.replace(/"/g, '\\"');
  special(
    `conn-${k}`,
    ...shuffle([
      () => w(g(), (s) => `${k === "kafka" ? "sasl.jaas.config" : V}=${f(s)}`),
      () => w(g(), (s) => `${iso()} ERROR could not connect: ${f(s)} (timeout after ${int(3, 30)}s)`),
      () => w(g(), (s) => `{"ConnectionStrings":{"Default":"${q(f(s))}"},"Logging":{"LogLevel":"Information"}}`),
      () => w(g(), (s) => `\`\`\`\n${f(s)}\n\`\`\``),
      () => w(g(), (s) => `- staging ${k}: \`${f(s)}\`\n- prod: ask ${pick(PEOPLE)}`),
      () => w(g(), (s) => `@@ -3,3 +3,3 @@\n stage: prod\n-url: localhost\n+url: ${f(s)}`),
      () => w(g(), (s) => `can you try with ${f(s)} and tell me whether it connects?`),
    ]).slice(0, 6),
  );
}

// --- passwords behind clear names, in each form of setting
const NAMES = [
  "DB_PASSWORD",
  "SMTP_PASSWORD",
  "REDIS_PASSWORD",
  "ADMIN_PASSWORD",
  "POSTGRES_PASSWORD",
  "MYSQL_ROOT_PASSWORD",
  "KEYSTORE_PASSWORD",
  "LDAP_BIND_PASSWORD",
];
const form = (kind, gen, ...fs) => special(kind, ...fs.map((f) => () => w(gen(), f)));
form(
  "pw-dotenv",
  pw,
  (s) => `APP_NAME=shop\n${pick(NAMES)}=${s}\nAPP_PORT=8000`,
  (s) => `SMTP_HOST=smtp.acme.dev\nSMTP_USER=mailer\nSMTP_PASS='${s}'`,
  (s) => `# local only\nADMIN_PASSWORD="${s}"`,
  (s) => `DB_USER=app\nDB_PASS=${s}\nDB_NAME=orders`,
  (s) => `RABBITMQ_DEFAULT_PASS=${s}`,
  (s) => `VITE_API=/api\nSESSION_SECRET=${s}`,
);
form(
  "pw-export",
  pw,
  (s) => `export PGPASSWORD=${s}\npg_dump -h db01 app > app.sql`,
  (s) => `export MYSQL_PWD='${s}'`,
  (s) => `set -x SUDO_PASSWORD ${s}`,
  (s) => `setx DB_PASSWORD "${s}"`,
  (s) => `declare -x RESTIC_PASSWORD="${s}"`,
  (s) => `Environment="ADMIN_PASSWORD=${s}"\nExecStart=/usr/bin/app`,
);
form(
  "pw-json",
  pwQ,
  (s) => `{"host":"db01","user":"app","password":"${s}","port":5432}`,
  (s) => `{\n  "username": "root",\n  "password": "${s}"\n}`,
  (s) => `{"auth":{"user":"mailer@acme.dev","pass":"${s}"}}`,
  (s) => `{"level":30,"msg":"login","body":{"email":"a@acme.dev","password":"${s}"}}`,
  (s) => `"{\\"user\\":\\"app\\",\\"password\\":\\"${s}\\"}"`,
  (s) => `{"clientId":"web","clientSecret":"${s}"}`,
);
form(
  "pw-yaml",
  pw,
  (s) => `database:\n  host: db01\n  username: app\n  password: ${s}\n  pool: 5`,
  (s) => `spring:\n  datasource:\n    username: erp\n    password: "${s}"`,
  (s) => `- name: root\n  passwd: '${s}'`,
  (s) => `ansible_user: deploy\nansible_become_password: ${s}`,
  (s) => `mail: {host: smtp.acme.dev, password: "${s}"}`,
  (s) => `auth:\n  adminPassword: ${s}\n  existingSecret: ""`,
);
form(
  "pw-toml-ini",
  pw,
  (s) => `[database]\nuser = "app"\npassword = "${s}"`,
  (s) => `[client]\nuser=root\npassword=${s}`,
  (s) => `[smtp]\nhost = smtp.acme.dev\npasswd = ${s}`,
  (s) => `[admin]\nadmin_user = admin\nadmin_password = ${s}`,
  (s) => `[DEFAULT]\nrpc_backend = rabbit\nrabbit_password = ${s}`,
  (s) => `[general]\nsecret=${s}\ntype=friend`,
);
form(
  "pw-xml",
  pw,
  (s) => `<server>\n  <id>releases</id>\n  <username>deploy</username>\n  <password>${s}</password>\n</server>`,
  (s) => `<property name="password" value="${s}"/>`,
  (s) => `<Resource name="jdbc/app" username="app" password="${s}" type="javax.sql.DataSource"/>`,
  (s) => `<user username="tomcat" password="${s}" roles="manager-gui"/>`,
  (s) => `<add name="Main" connectionString="Data Source=sql01;User Id=sa;Password=${s}" />`,
  (s) =>
    `<packageSourceCredentials>\n  <acme>\n    <add key="Username" value="ci" />\n    <add key="ClearTextPassword" value="${s}" />\n  </acme>\n</packageSourceCredentials>`,
);
form(
  "pw-properties",
  pw,
  (s) => `spring.datasource.username=app\nspring.datasource.password=${s}`,
  (s) => `javax.net.ssl.keyStorePassword=${s}`,
  (s) => `storePassword=${s}\nkeyAlias=upload\nstoreFile=upload.jks`,
  (s) => `signing.password=${s}`,
  (s) => `mail.smtp.password: ${s}`,
  (s) => `sonar.login=admin\nsonar.password=${s}`,
);
form(
  "pw-docker",
  pwPlain,
  (s) => `ENV MYSQL_ROOT_PASSWORD=${s}`,
  (s) => `ARG NEXUS_PASSWORD=${s}\nRUN ./fetch.sh`,
  (s) => `docker run -d -e POSTGRES_PASSWORD=${s} -p 5432:5432 postgres:16`,
  (s) => `docker login -u acme -p ${s} registry.acme.dev\nLogin Succeeded`,
  (s) => `    environment:\n      MINIO_ROOT_USER: minio\n      MINIO_ROOT_PASSWORD: ${s}`,
  (s) => `command: redis-server --requirepass ${s}`,
);
form(
  "pw-terraform-helm",
  pw,
  (s) => `resource "aws_db_instance" "main" {\n  username = "app"\n  password = "${s}"\n}`,
  (s) => `db_password = "${s}"\nregion = "eu-west-1"`,
  (s) => `helm upgrade pg bitnami/postgresql --set auth.postgresPassword=${s}`,
  (s) => `grafana:\n  adminUser: admin\n  adminPassword: ${s}`,
  (s) => `administrator_login_password = "${s}"`,
  (s) => `"master_password": "${s}",\n"engine": "aurora-postgresql",`,
);
form(
  "pw-curl",
  pwPlain,
  (s) => `curl -u admin:${s} https://jenkins.acme.dev/api/json`,
  (s) => `curl --user 'elastic:${s}' localhost:9200/_cat/indices`,
  (s) => `curl -d 'grant_type=password&username=bob&password=${s}' https://auth.acme.dev/token`,
  (s) => `http -a bob:${s} https://api.acme.dev/me`,
  (s) =>
    `curl -X POST -H 'Content-Type: application/json' -d '{"login":"bob","password":"${s}"}' https://app.acme.dev/login`,
  (s) => `wget --user=bob --password=${s} https://files.acme.dev/x.iso`,
);
form(
  "pw-cli",
  pwPlain,
  (s) => `mysql -h db01 -u root -p${s} shop < dump.sql`,
  (s) => `sshpass -p ${s} ssh deploy@10.0.0.12`,
  (s) => `redis-cli -h cache -a ${s} ping\nPONG`,
  (s) => `sqlcmd -S sql01 -U sa -P ${s} -Q "select 1"`,
  (s) => `mongosh --host mongo01 -u admin --password ${s}`,
  (s) => `openssl pkcs12 -in cert.p12 -passin pass:${s} -nodes`,
);
form(
  "pw-cli-2",
  pwPlain,
  (s) => `az login --service-principal -u ${uuid()} --password ${s} --tenant acme.dev`,
  (s) => `net use Z: \\\\nas\\backup /user:acme\\bob ${s}`,
  (s) => `echo ${s} | sudo -S systemctl restart app`,
  (s) => `keytool -importkeystore -storepass ${s} -alias app`,
  (s) => `7z x backup.7z -p${s}`,
  (s) => `ldapsearch -x -D "cn=admin,dc=acme" -w ${s} -b dc=acme`,
);
form(
  "pw-sql",
  pw,
  (s) => `CREATE USER 'app'@'%' IDENTIFIED BY '${s}';`,
  (s) => `ALTER ROLE app WITH LOGIN PASSWORD '${s}';`,
  (s) => `CREATE LOGIN crm WITH PASSWORD = '${s}';`,
  (s) => `GRANT ALL ON shop.* TO 'shop'@'localhost' IDENTIFIED BY '${s}';`,
  (s) => `ALTER USER scott IDENTIFIED BY "${s}";`,
  (s) => `SET PASSWORD FOR 'root'@'localhost' = '${s}';`,
);
form(
  "pw-code-js",
  pwQ,
  (s) => `const password = "${s}";`,
  (s) => `mysql.createConnection({ host: 'db01', user: 'app', password: '${s}' })`,
  (s) => `const dbPassword: string = '${s}';`,
  (s) => `await page.fill('#password', '${s}')`,
  (s) => `process.env.DB_PASSWORD = '${s}';`,
  (s) => `nodemailer.createTransport({ auth: { user: 'm', pass: '${s}' } })`,
);
form(
  "pw-code-py",
  pwQ,
  (s) => `password = "${s}"`,
  (s) => `conn = psycopg2.connect(host="db01", user="app", password="${s}")`,
  (s) => `DATABASES = {"default": {"USER": "app", "PASSWORD": "${s}"}}`,
  (s) => `smtp.login("mailer@acme.dev", password="${s}")`,
  (s) => `os.environ['DB_PASSWORD'] = '${s}'`,
  (s) => `auth = HTTPBasicAuth(username="svc", password="${s}")`,
);
form(
  "pw-code-jvm",
  pwQ,
  (s) => `private static final String DB_PASSWORD = "${s}";`,
  (s) => `ds.setUsername("app");\nds.setPassword("${s}");`,
  (s) => `val password = "${s}"`,
  (s) => `DriverManager.getConnection(url, "app", /* password */ "${s}");`,
  (s) => `new PasswordAuthentication("mailer", /* password= */ "${s}".toCharArray())`,
  (s) => `props.put("password", "${s}");`,
);
form(
  "pw-code-other",
  pwQ,
  (s) => `string password = "${s}"; // C#`,
  (s) => `password := "${s}"`,
  (s) => `let db_password = "${s}";`,
  (s) => `$password = '${s}';`,
  (s) => `password: "${s}",  # config/prod.exs`,
  (s) => `let adminPassword = "${s}" // Swift`,
);
form(
  "pw-code-other-2",
  pwPlain,
  (s) => `#define WIFI_PASSWORD "${s}"`,
  (s) => `const char* mqtt_pass = "${s}";`,
  (s) => `ActiveRecord::Base.establish_connection(adapter: "pg", password: "${s}")`,
  (s) => `$pw = ConvertTo-SecureString "${s}" -AsPlainText -Force`,
  (s) => `define('DB_PASSWORD', '${s}');`,
  (s) => `my $password = '${s}';`,
);
form(
  "pw-next-line",
  pwPlain,
  (s) => `Admin password:\n${s}`,
  (s) => `Username\nadmin\nPassword\n${s}`,
  (s) => `### Root password\n\n\`\`\`\n${s}\n\`\`\``,
  (s) => `DB password\n-----------\n${s}`,
  (s) => `"password":\n    "${s}"`,
  (s) => `Passwort:\n\n  ${s}\n\nGruß, Sven`,
);
form(
  "pw-table",
  pwPlain,
  (s) => `| host | user | password |\n|---|---|---|\n| db01 | app | ${s} |`,
  (s) => `host,user,password\ndb01,app,${s}`,
  (s) => `HOST    USER    PASSWORD\nnas     root    ${s}`,
  (s) => `<tr><th>Password</th><td>${s}</td></tr>`,
  (s) => `name;login;passwort\nWiki;sven;${s}`,
  (s) =>
    `+-------+----------------------------+\n| user  | password                   |\n+-------+----------------------------+\n| admin | ${s} |\n+-------+----------------------------+`,
);
form(
  "pw-terminal",
  pwPlain,
  (s) => `$ pwgen -s 20 1   # new db password\n${s}`,
  (s) => `Initial admin password: ${s}\nThis may also be found at: /var/lib/jenkins/secrets/initialAdminPassword`,
  (s) => `A temporary password is generated for root@localhost: ${s}`,
  (s) => `Enter password for admin: ${s}\nlogin ok`,
  (s) => `$ kubectl -n argocd get secret argocd-initial-admin-secret -o jsonpath="{.data.password}" | base64 -d\n${s}`,
  (s) => `Password for the elastic user (reset with \`bin/elasticsearch-reset-password -u elastic\`):\n  ${s}`,
);
form(
  "pw-trace",
  pwPlain,
  (s) => `pymysql.err.OperationalError: (1045, "Access denied") params={'user': 'app', 'password': '${s}'}`,
  (s) => `java.sql.SQLException: login failed [user=app, password=${s}]\n\tat com.acme.Db.open(Db.java:41)`,
  (s) => `panic: dial failed: &Config{User:"app", Password:"${s}", DB:0}\n\ngoroutine 1 [running]:`,
  (s) => `Error: Invalid login: { user: 'mailer', pass: '${s}' }\n    at SMTPConnection._formatError (smtp.js:784:19)`,
  (s) => `Unhandled exception. System.Exception: cannot open "Server=sql01;User Id=sa;Pwd=${s}"`,
  (s) => `thread 'main' panicked at src/db.rs:22: DbOpts { user: "app", password: "${s}" }`,
);
form(
  "pw-diff",
  pw,
  (s) => `-DB_PASSWORD=${s}\n+DB_PASSWORD=\${DB_PASSWORD}`,
  (s) => `@@ -1,2 +1,2 @@\n-  password: ""\n+  password: "${s}"`,
  (s) => `- const SECRET = '${s}';\n+ const SECRET = process.env.SECRET;`,
  (s) => `>   <password>${s}</password>`,
  (s) => `+    environment:\n+      ADMIN_PASSWORD: ${s}`,
  (s) => `--- a/prod.tfvars\n+++ b/prod.tfvars\n+db_password = "${s}"`,
);
form(
  "pw-ci-log",
  pwPlain,
  (s) => `+ docker login -u ci --password ${s} registry.acme.dev`,
  (s) => `[INFO] Using -Dnexus.password=${s}`,
  (s) => `TASK [set root password] ****\nok: [web1] => {"password": "${s}", "changed": true}`,
  (s) => `  ADMIN_PASSWORD: ${s}\n##[endgroup]`,
  (s) => `Step 4/9 : ENV DB_PASSWORD=${s}\n ---> Running in ${hex(12)}`,
  (s) => `> env | sort\nDB_PASSWORD=${s}\nHOME=/root`,
);

// --- dotfiles
form(
  "netrc-pgpass",
  pwPlain,
  (s) => `machine api.heroku.com\n  login ops@acme.dev\n  password ${s}`,
  (s) => `machine github.com login jonas password ${s}`,
  (s) => `db01.acme.internal:5432:orders:app:${s}`,
  (s) => `$ cat ~/.pgpass\n*:5432:*:postgres:${s}`,
  (s) => `default login anonymous password ${s}`,
  (s) => `machine nexus.acme.dev\nlogin ci\npassword ${s}\n`,
);
special(
  "npmrc-docker-auth",
  () => w(checked("npm_"), (s) => `//registry.npmjs.org/:_authToken=${s}`),
  () => w(enc(`ci:${pwPlain()}`), (s) => `registry=https://nexus.acme.dev/npm/\n_auth=${s}\nalways-auth=true`),
  () => w(enc(`acme:${pwPlain()}`), (s) => `{"auths":{"https://index.docker.io/v1/":{"auth":"${s}"}}}`),
  () => w(enc(pwPlain()), (s) => `//nexus.acme.dev/npm/:username=ci\n//nexus.acme.dev/npm/:_password=${s}`),
  () => w(pwPlain(), (s) => `[global]\nindex-url = https://ci:${s}@pypi.acme.dev/simple`),
  () => w(checked("ghp_"), (s) => `{"github-oauth":{"github.com":"${s}"}}`),
);
form(
  "pypirc-cargo-composer",
  () => `pypi-AgEIcHlwaS5vcmc${b64u(110)}`,
  (s) => `[pypi]\nusername = __token__\npassword = ${s}`,
  (s) => `TWINE_USERNAME=__token__\nTWINE_PASSWORD=${s}`,
  (s) => `twine upload dist/* -u __token__ -p ${s}`,
  (s) => `poetry config pypi-token.pypi ${s}`,
  (s) => `UV_PUBLISH_TOKEN=${s} uv publish`,
  (s) => `hatch publish -u __token__ -a ${s}`,
);
form(
  "wp-salts",
  () => str(`${AN}!@#%^*()-_+=[]{}|;:,.?~`, 62) + an(2),
  (s) => `define('AUTH_KEY',         '${s}');`,
  (s) => `define('SECURE_AUTH_KEY',  '${s}');`,
  (s) => `define('LOGGED_IN_KEY',    '${s}');`,
  (s) => `define('NONCE_KEY',        '${s}');`,
  (s) => `define('AUTH_SALT',        '${s}');`,
  (s) => `define( 'LOGGED_IN_SALT', '${s}' );\n$table_prefix = 'wp_';`,
);
form(
  "wireguard-conf",
  () => b64(32),
  (s) => `[Interface]\nPrivateKey = ${s}\nAddress = 10.8.0.2/24`,
  (s) => `$ wg genkey\n${s}`,
  (s) => `[Peer]\nPublicKey = ${b64(32)}\nPresharedKey = ${s}\nAllowedIPs = 0.0.0.0/0`,
  (s) => `private_key: ${s}\nlisten_port: 51820`,
  (s) => `$ sudo cat /etc/wireguard/wg0.conf\n[Interface]\nListenPort = 51820\nPrivateKey = ${s}`,
  (s) => `"wireguard":{"privateKey":"${s}","mtu":1420}`,
);

// --- people's secrets
const wifi = () => pick([() => human(), () => an(12), () => pwPlain()])();
form(
  "wifi",
  wifi,
  (s) => `Guest Wi-Fi: AcmeGuest, password ${s}`,
  (s) => `WIFI:T:WPA;S:AcmeOffice;P:${s.replace(/[;:,]/g, "")};;`,
  (s) => `network={\n  ssid="Office5G"\n  psk="${s}"\n}`,
  (s) => `[wifi-security]\nkey-mgmt=wpa-psk\npsk=${s}`,
  (s) => `nmcli dev wifi connect Office5G password "${s}"`,
  (s) => `SSID: Lager-West\nWLAN-Schlüssel: ${s}`,
);
const rec = () =>
  pick([
    () => `${hex(5)}-${hex(5)}`,
    () => `${str(LD, 4)}-${str(LD, 4)}-${str(LD, 4)}`,
    () => `${str(DI, 4)} ${str(DI, 4)}`,
  ])();
form(
  "recovery-codes",
  rec,
  (s) => `GitHub recovery codes\n\n${rec()}\n${s}\n${rec()}\n${rec()}`,
  (s) => `Backup codes:\n- ${rec()}\n- ${s}\n- ${rec()}`,
  (s) => `my 2FA backup code is ${s}, in case I lose the phone`,
  (s) => `{"recoveryCodes":["${rec()}","${s}","${rec()}"]}`,
  (s) => `Recovery code: ${s}`,
  (s) => `Save your backup codes in a safe place.\n1. ${s}\n2. ${rec()}\n3. ${rec()}`,
);
form(
  "recovery-key",
  () => Array.from({ length: 8 }, () => str(DI, 6)).join("-"),
  (s) => `BitLocker recovery key: ${s}`,
  (s) => `Identifier: ${uuid().toUpperCase()}\n\nRecovery Key:\n\n${s}`,
  (s) => `Wiederherstellungsschlüssel für den Laptop: ${s}`,
  (s) => `| laptop | recovery key |\n|---|---|\n| T14 | ${s} |`,
  (s) => `PS> (Get-BitLockerVolume C:).KeyProtector.RecoveryPassword\n${s}`,
  (s) => `{"device":"X1","bitlockerRecoveryKey":"${s}"}`,
);
form(
  "otp-seed",
  () => str(B32, pick([16, 26, 32])),
  (s) => `otpauth://totp/Acme:jonas@acme.dev?secret=${s}&issuer=Acme`,
  (s) => `TOTP_SECRET=${s}`,
  (s) => `If you cannot scan the QR code, enter this setup key: ${s}`,
  (s) => `oathtool --totp -b ${s}\n${str(DI, 6)}`,
  (s) => `const totp = new TOTP({ secret: "${s}", digits: 6 });`,
  (s) => `MFA seed for the shared AWS root account: ${s}`,
);
form(
  "license-key",
  () => Array.from({ length: 5 }, () => str("BCDFGHJKMPQRTVWXY2346789", 5)).join("-"),
  (s) => `Windows Server product key: ${s}`,
  (s) => `LICENSE_KEY=${s}`,
  (s) => `slmgr /ipk ${s}`,
  (s) => `<ProductKey>${s}</ProductKey>`,
  (s) => `Our Sublime licence key is ${s}, two seats`,
  (s) => `{"product":"pro","licenseKey":"${s}","seats":5}`,
);
const BIP =
  "abandon ability absorb account acoustic across action actor adapt address afford agent airport album almost alpha amazing anchor ancient animal answer antenna apple april arctic arena armor arrow artist athlete august autumn avocado bachelor bamboo banana barrel basket beach bean beauty before bench bicycle blanket blossom border bottle bracket brave breeze bridge bronze bubble buffalo burger butter cabin cactus camera canal candy canyon carbon cargo castle cattle cereal chair cherry circle citizen clever cliff clinic cloud cluster coconut coral cotton cousin cradle cricket crystal curtain".split(
    " ",
  );
form(
  "seed-phrase",
  () => Array.from({ length: 12 }, () => pick(BIP)).join(" "),
  (s) => `MNEMONIC="${s}"`,
  (s) => `Wallet seed phrase: ${s}`,
  (s) => `recovery phrase for the treasury wallet:\n${s}`,
  (s) => `module.exports = { networks: { main: { accounts: { mnemonic: "${s}" } } } };`,
  (s) => `{"mnemonic":"${s}","path":"m/44'/60'/0'/0"}`,
  (s) => `$ solana-keygen new\nSave this seed phrase to recover your new keypair:\n${s}`,
);
const lang = (code, key, ...fs) => special(`prose-${code}`, ...fs.map((f) => () => w(human(key), f)));
lang(
  "en",
  "en",
  (s) => `The password for the staging server is ${s}, user is admin.`,
  (s) => `Log in as root with password "${s}" and restart nginx.`,
  (s) => `I changed the admin password to ${s} this morning.`,
  (s) => `bob's pw: ${s}`,
  (s) => `Credentials for the NAS: admin / ${s}`,
  (s) => `Ok so the passphrase of the backup disk is '${s}', write it down.`,
  (s) => `pwd is ${s} btw`,
);
lang(
  "de",
  "de",
  (s) => `Das Passwort für den Testserver lautet ${s}.`,
  (s) => `Kennwort: ${s}`,
  (s) => `Bitte mit Benutzer admin und Passwort „${s}“ anmelden.`,
  (s) => `Ich habe das Passwort auf ${s} geändert.`,
  (s) => `Zugangsdaten fürs Wiki: sven, Passwort ${s}`,
  (s) => `Das WLAN-Passwort ist ${s}, steht auch am Router.`,
);
lang(
  "fr",
  "fr",
  (s) => `Le mot de passe du serveur est ${s}.`,
  (s) => `Mot de passe : ${s}`,
  (s) => `Connecte-toi avec admin et le mot de passe « ${s} ».`,
  (s) => `J'ai changé le mot de passe, c'est maintenant ${s}`,
  (s) => `mdp: ${s}`,
  (s) => `Identifiant : deploy, mot de passe : ${s}, merci de ne pas le partager.`,
);
lang(
  "es",
  "es",
  (s) => `La contraseña del servidor es ${s}.`,
  (s) => `Contraseña: ${s}`,
  (s) => `Entra con el usuario admin y la contraseña "${s}".`,
  (s) => `He cambiado la contraseña a ${s}, avisa a Lucía.`,
  (s) => `usuario: deploy, clave: ${s}`,
  (s) => `La clave del wifi es ${s}`,
);
lang(
  "it",
  "it",
  (s) => `La password del server è ${s}.`,
  (s) => `Password di accesso: ${s}`,
  (s) => `Entra come admin con la password "${s}".`,
  (s) => `Ho cambiato la password in ${s} stamattina.`,
  (s) => `utente: root, parola d'ordine: ${s}`,
  (s) => `La password del wifi è ${s}, scritta sul router.`,
);
lang(
  "pt",
  "pt",
  (s) => `A senha do servidor é ${s}.`,
  (s) => `Senha: ${s}`,
  (s) => `Entre como admin com a senha "${s}".`,
  (s) => `Mudei a palavra-passe para ${s}.`,
  (s) => `utilizador: deploy, palavra-passe: ${s}`,
  (s) => `A senha do banco de dados de teste é ${s}, ok?`,
);
lang(
  "nl",
  "nl",
  (s) => `Het wachtwoord van de server is ${s}.`,
  (s) => `Wachtwoord: ${s}`,
  (s) => `Log in als admin met wachtwoord "${s}".`,
  (s) => `Ik heb het wachtwoord veranderd in ${s}.`,
  (s) => `gebruiker: deploy, wachtwoord: ${s}`,
  (s) => `Het wifi-wachtwoord is ${s}, hangt ook op het prikbord.`,
);
lang(
  "pl",
  "pl",
  (s) => `Hasło do serwera to ${s}.`,
  (s) => `Hasło: ${s}`,
  (s) => `Zaloguj się jako admin, hasło "${s}".`,
  (s) => `Zmieniłem hasło na ${s}.`,
  (s) => `użytkownik: deploy, hasło: ${s}`,
  (s) => `Hasło do wifi: ${s}, jest też na routerze.`,
);
lang(
  "sv",
  "sv",
  (s) => `Lösenordet till servern är ${s}.`,
  (s) => `Lösenord: ${s}`,
  (s) => `Logga in som admin med lösenordet "${s}".`,
  (s) => `Jag bytte lösenord till ${s} i morse.`,
  (s) => `användare: deploy, lösenord: ${s}`,
  (s) => `Wifi-lösenordet är ${s}, det står på routern.`,
);
lang(
  "tr",
  "tr",
  (s) => `Sunucunun şifresi ${s}.`,
  (s) => `Şifre: ${s}`,
  (s) => `admin kullanıcısı ve "${s}" parolası ile giriş yap.`,
  (s) => `Parolayı ${s} olarak değiştirdim.`,
  (s) => `kullanıcı: deploy, parola: ${s}`,
  (s) => `Wifi şifresi: ${s}`,
);
lang(
  "ru",
  "xx",
  (s) => `Пароль от сервера: ${s}`,
  (s) => `Пароль для админки — ${s}, никому не давай.`,
  (s) => `Зайди под admin с паролем "${s}".`,
  (s) => `Я сменил пароль на ${s}.`,
  (s) => `логин: deploy, пароль: ${s}`,
  (s) => `пароль от вайфая ${s}`,
);
lang(
  "ja",
  "xx",
  (s) => `サーバーのパスワードは ${s} です。`,
  (s) => `パスワード: ${s}`,
  (s) => `admin でログインしてください。パスワードは「${s}」です。`,
  (s) => `パスワードを ${s} に変更しました。`,
  (s) => `ユーザー名：deploy、パスワード：${s}`,
  (s) => `Wi-Fiのパスワードは${s}です`,
);
lang(
  "zh",
  "xx",
  (s) => `服务器的密码是 ${s}。`,
  (s) => `密码：${s}`,
  (s) => `用 admin 登录，密码是“${s}”。`,
  (s) => `我把密码改成了 ${s}`,
  (s) => `用户名: deploy 密码: ${s}`,
  (s) => `WiFi密码：${s}`,
);
special(
  "chat-password",
  () => w(human(), (s) => `[09:14] marta: what's the admin password on stage?\n[09:15] ben: ${s}`),
  () => w(human(), (s) => `User: log in to the router, the password is ${s}\nAssistant: Logged in.`),
  () => w(human("de"), (s) => `<sven> passwort fürs nas?\n<nora> ${s}`),
  () => w(human(), (s) => `{"role":"user","content":"my db password is ${s}, connect and list the tables"}`),
  () => w(human(), (s) => `> what is the sudo password?\n\n${s}`),
  () => w(human(), (s) => `Human: use admin:${s} for basic auth on the preview site`),
);
special(
  "assorted-passphrases",
  () => w(an(16), (s) => `Bluetooth pairing passkey for the lab: ${s}`),
  () => w(human(), (s) => `zip password: ${s}`),
  () => w(pwPlain(), (s) => `The vault unseal key is ${s}`),
  () => w(b64(33), (s) => `Unseal Key 1: ${s}`),
  () => w(pwPlain(), (s) => `gpg --batch --passphrase ${s} -d backup.gpg > backup.tar`),
  () => w(pwPlain(), (s) => `ssh-keygen -t ed25519 -N "${s}" -f id_ci`),
);

// ---------------------------------------------------------------- secrets()
const NO_BEARER =
  /webhook|private-key|wireguard|age-key|secret$|^laravel|^rails|^fernet|^encryption|^nextauth|^azure-storage|^aws-/;
export function secrets() {
  seed(SEED);
  const out = [];
  const cats = Object.keys(SUR);
  const seen = new Set();
  const push = (kind, text, secret) => {
    if (seen.has(text)) return;
    seen.add(text);
    out.push({ kind, text, secret });
  };
  T.forEach((t, _i) => {
    const order = shuffle(cats).slice(0, 6);
    order.forEach((cat) => {
      const g = t.gen(),
        whole = typeof g === "string" ? g : g.t + g.s + (g.e || "");
      const ctx = { s: whole, svc: t.svc, label: t.label, N: t.N, camel: camelOf(t.N) };
      let text;
      do text = pick(SUR[cat])(ctx);
      while (NO_BEARER.test(t.kind) && text.includes("Bearer"));
      push(t.kind, text, typeof g === "string" ? g : g.s);
    });
  });
  for (const k of S)
    for (const f of k.fns) {
      const [text, secret] = f();
      push(k.kind, text, secret);
    }
  return out;
}

// ---------------------------------------------------------------- innocents()
const I = [];
const inn = (kind, ...fns) => I.push({ kind, fns });
const sshPub = () => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${b64u(32).replace(/[-_]/g, "x")}`;
const crt = () =>
  ["-----BEGIN CERTIFICATE-----", ...wrap(`MIID${b64(600)}`, 64), "-----END CERTIFICATE-----"].join("\n");

inn(
  "git-hash",
  () =>
    `commit ${hex(40)}\nAuthor: Jonas Weber <jonas@acme.dev>\nDate:   Fri Mar 14 09:12:44 2025 +0100\n\n    Fix off-by-one in pager`,
  () => `${hex(7)} (HEAD -> main, origin/main) Merge pull request #${int(100, 999)} from acme/fix-login`,
  () => `Reverts ${hex(40)}, which broke the nightly build.`,
  () =>
    `index ${hex(7)}..${hex(7)} 100644\n--- a/src/pager.ts\n+++ b/src/pager.ts\n@@ -4,1 +4,1 @@\n-  return page + 2;\n+  return page + 1;`,
  () => `   ${hex(8)}..${hex(8)}  main -> main\nTo github.com:acme/site.git`,
  () => `uses: actions/checkout@${hex(40)} # v4.2.2`,
);
inn(
  "sha256",
  () => `${hex(64)}  node-v20.11.1-linux-x64.tar.gz`,
  () => `$ sha256sum dist.zip\n${hex(64)}  dist.zip`,
  () => `  sha256 "${hex(64)}"\n  license "MIT"`,
  () => `The SHA-256 of the installer is ${hex(64)}.`,
  () => `--hash=sha256:${hex(64)} \\\n    --hash=sha256:${hex(64)}`,
  () => `MD5 (backup.tar) = ${hex(32)}`,
);
inn(
  "docker-digest",
  () => `FROM node:20-alpine@sha256:${hex(64)}`,
  () => `Digest: sha256:${hex(64)}\nStatus: Downloaded newer image for redis:7`,
  () => `CONTAINER ID   IMAGE     STATUS\n${hex(12)}   nginx     Up 3 hours`,
  () => `image: ghcr.io/acme/api@sha256:${hex(64)}`,
  () => `${hex(12)}: Pull complete\n${hex(12)}: Already exists`,
  () => ` => => writing image sha256:${hex(64)}   0.0s`,
);
inn(
  "sri",
  () =>
    `<script src="https://cdn.jsdelivr.net/npm/vue@3.4.21/dist/vue.global.js" integrity="sha384-${b64(48)}" crossorigin="anonymous"></script>`,
  () => `      "integrity": "sha512-${b64(64)}",`,
  () => `resolution: {integrity: sha512-${b64(64)}}`,
  () => `<link rel="stylesheet" href="/app.css" integrity="sha256-${b64(32)}">`,
  () => `Content-Security-Policy: script-src 'sha256-${b64(32)}'`,
  () => `  hash = "sha256-${b64(32)}"; # nix`,
);
inn(
  "lockfile",
  () =>
    `"node_modules/chalk": {\n  "version": "5.3.0",\n  "resolved": "https://registry.npmjs.org/chalk/-/chalk-5.3.0.tgz",\n  "integrity": "sha512-${b64(64)}",\n  "engines": { "node": "^12.17.0 || ^14.13 || >=16.0.0" }\n}`,
  () =>
    `lodash@^4.17.21:\n  version "4.17.21"\n  resolved "https://registry.yarnpkg.com/lodash/-/lodash-4.17.21.tgz#${hex(40)}"\n  integrity sha512-${b64(64)}`,
  () =>
    `[[package]]\nname = "serde"\nversion = "1.0.${int(100, 220)}"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "${hex(64)}"`,
  () => `github.com/gorilla/mux v1.8.1 h1:${b64(32)}\ngithub.com/gorilla/mux v1.8.1/go.mod h1:${b64(32)}`,
  () => `{ file = "requests-2.31.0-py3-none-any.whl", hash = "sha256:${hex(64)}" },`,
  () => `"js-tokens@npm:^4.0.0":\n  version: 4.0.0\n  checksum: ${hex(128)}`,
);
inn(
  "etag",
  () => `< HTTP/2 200\n< etag: "${hex(32)}"\n< cache-control: max-age=600`,
  () => `ETag: W/"${hex(4)}-${b64(20).replace(/=+$/, "")}"`,
  () => `{"Key":"a/report.pdf","ETag":"\\"${hex(32)}\\"","Size":${int(1000, 99999)}}`,
  () => `If-None-Match: "${hex(32)}-3"`,
  () => `x-amz-request-id: ${str(UD, 16)}\nx-amz-id-2: ${b64(56)}`,
  () => `cf-ray: ${hex(16)}-FRA\nage: 120`,
);
inn(
  "uuid",
  () => `{"id":"${uuid()}","type":"order","total":42.5}`,
  () => `${iso()} INFO request_id=${uuid()} path=/orders status=200`,
  () => `UUID=${uuid()} / ext4 errors=remount-ro 0 1`,
  () => `INSERT INTO users (id, name) VALUES ('${uuid()}', 'Ada');`,
  () => `The subscription id is ${uuid()}.`,
  () => `correlationId: ${uuid()}, traceId: ${hex(32)}, spanId: ${hex(16)}`,
);
inn(
  "ssh-public",
  () => `${sshPub()} jonas@laptop`,
  () => `$ cat ~/.ssh/id_ed25519.pub\n${sshPub()} marta@acme.dev`,
  () => `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC${b64(360)} deploy@ci`,
  () => `ssh_authorized_keys:\n  - ${sshPub()} ops`,
  () => `github.com ${sshPub()}`,
  () => `resource "aws_key_pair" "ops" {\n  public_key = "${sshPub()}"\n}`,
);
inn(
  "fingerprint",
  () => `256 SHA256:${b64(32).replace("=", "")} jonas@laptop (ED25519)`,
  () =>
    `The authenticity of host 'web-2 (10.0.0.2)' can't be established.\nED25519 key fingerprint is SHA256:${b64(32).replace("=", "")}.`,
  () => `SHA1 Fingerprint=${hex(40).toUpperCase().match(/../g).join(":")}`,
  () => `pub   rsa4096 2023-01-04 [SC]\n      ${hex(40).toUpperCase()}\nuid           Acme Release <release@acme.dev>`,
  () => `gpg: using RSA key ${hex(40).toUpperCase()}\ngpg: Good signature from "Acme Release"`,
  () => `MD5:${hex(32).match(/../g).join(":")} is the host key's fingerprint`,
);
inn(
  "certificate",
  crt,
  () => `ssl_certificate is this one:\n${crt()}`,
  () => `$ cat fullchain.pem\n${crt()}`,
  () =>
    `ca.crt: |\n${crt()
      .split("\n")
      .map((l) => `  ${l}`)
      .join("\n")}`,
  () => `certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSU${b64(300)}`,
  () => `Serial Number: ${hex(32).match(/../g).join(":")}\nSubject: CN=acme.dev\nNot After : Jun  1 00:00:00 2026 GMT`,
);
inn(
  "public-key",
  () =>
    [
      "-----BEGIN PUBLIC KEY-----",
      ...wrap(`MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA${b64(260)}`, 64),
      "-----END PUBLIC KEY-----",
    ].join("\n"),
  () =>
    [
      "-----BEGIN PGP PUBLIC KEY BLOCK-----",
      "",
      ...wrap(`mQINB${b64(500)}`, 64),
      `=${b64(3)}`,
      "-----END PGP PUBLIC KEY BLOCK-----",
    ].join("\n"),
  () => `{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"${hex(8)}","n":"${b64u(256)}","e":"AQAB"}]}`,
  () => `# public key: ${bech32("age", [...bytes(32)])}`,
  () => `default._domainkey IN TXT "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKB${b64(130)}"`,
  () => `[Peer]\nPublicKey = ${b64(32)}\nEndpoint = vpn.acme.dev:51820\nAllowedIPs = 10.8.0.0/24`,
);
inn(
  "placeholder",
  () => `API_KEY=<your token>`,
  () => `export OPENAI_API_KEY=sk-...`,
  () => `AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE`,
  () => `Replace YOUR_API_KEY with the key from the dashboard.`,
  () => `password: "changeme"`,
  () => `GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`,
  () => `curl -H "Authorization: Bearer <token>" https://api.acme.dev/v1/me`,
  () => `curl -u user:password https://example.com`,
  () => `STRIPE_SECRET_KEY=sk_live_...`,
  () => `{"password": "********", "user": "app"}`,
  () => `DATABASE_URL=postgres://user:password@localhost:5432/mydb`,
  () => `aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`,
);
inn(
  "env-example",
  () => `# .env.example\nDB_PASSWORD=\nSMTP_PASSWORD=\nAPI_KEY=`,
  () => `JWT_SECRET=your-secret-here\nPORT=3000`,
  () => `SLACK_TOKEN=xoxb-your-token-here`,
  () => `# copy to .env and fill in\nANTHROPIC_API_KEY=sk-ant-...\nMODEL=sonnet`,
  () => `SECRET_KEY=replace_me\nDEBUG=1`,
  () => `SENDGRID_API_KEY=<sendgrid-api-key>\nMAIL_FROM=noreply@acme.dev`,
);
inn(
  "secret-reference",
  () => `password: \${DB_PASSWORD}`,
  () => `  env:\n    NPM_TOKEN: \${{ secrets.NPM_TOKEN }}`,
  () => `const key = process.env.STRIPE_SECRET_KEY;`,
  () => `env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: pg\n      key: password`,
  () => `DB_PASSWORD="op://prod/postgres/password"`,
  () => `secret_arn = "arn:aws:secretsmanager:eu-west-1:${str(DI, 12)}:secret:prod/db-AbC1dE"`,
  () => `password = var.db_password`,
  () => `api_key = os.environ["API_KEY"]`,
  () => `POSTGRES_PASSWORD_FILE=/run/secrets/pg_password`,
  () => `password: {{ .Values.auth.password | quote }}`,
  () => `token = data.vault_generic_secret.ci.data["token"]`,
  () => `mysql -u root -p"$MYSQL_ROOT_PASSWORD" shop`,
);
inn(
  "redacted",
  () => `password=[REDACTED] user=app`,
  () => `Authorization: Bearer ***`,
  () => `DB_PASSWORD: (sensitive value)`,
  () => `  + password = (sensitive value)\n  + username = "app"`,
  () => `Using token ****3f2a`,
  () => `docker login -u ci -p *** registry.acme.dev`,
);
inn(
  "code-types",
  () => `interface Login {\n  email: string;\n  password: string;\n  remember?: boolean;\n}`,
  () => `function checkPassword(password: string, hash: string): Promise<boolean>`,
  () => `type Config struct {\n\tUser     string \`json:"user"\`\n\tPassword string \`json:"password"\`\n}`,
  () => `def login(username: str, password: str | None = None) -> Session:`,
  () => `private String password;\n\npublic void setPassword(String password) { this.password = password; }`,
  () => `pub struct Auth { pub token: Option<String>, pub secret: Vec<u8> }`,
);
inn(
  "code-handling",
  () => `if (!password || password.length < 12) throw new Error("password too short");`,
  () => `const token = await getAccessToken(clientId, scopes);`,
  () => `const hash = await bcrypt.hash(password, 10);`,
  () => `password = getpass.getpass("Password: ")`,
  () => `const { token, refreshToken } = useAuth();`,
  () => `secret_key = generate_secret_key(length=32)`,
  () => `$password = $_POST['password'] ?? '';`,
  () => `passwordField.setText(user.getPassword());`,
  () => `headers["Authorization"] = \`Bearer \${token}\`;`,
  () => `<input type="password" name="password" autocomplete="current-password" required>`,
  () => `token := strings.TrimPrefix(header, "Bearer ")`,
  () => `client = Client(api_key=api_key, timeout=timeout)`,
);
inn(
  "test-verdicts",
  () => `pass: ${int(12, 99)}, fail: 0`,
  () => `ℹ tests ${int(20, 99)}\nℹ pass ${int(20, 99)}\nℹ fail 0\nℹ duration_ms ${int(100, 999)}.${int(10, 99)}`,
  () => `PASS src/auth/password.test.ts (${int(2, 9)}.${int(1, 9)} s)`,
  () => `--- FAIL: TestTokenRefresh (0.0${int(1, 9)}s)`,
  () => `✓ rejects a wrong password (${int(2, 40)} ms)\n✓ keeps the token for an hour`,
  () => `tests/test_login.py::test_password_reset PASSED [ ${int(10, 99)}%]`,
  () => `it('asks for the password twice', async () => {`,
  () => `expect(screen.getByLabelText('Password')).toBeVisible();`,
);
inn(
  "token-numbers",
  () => `{"usage":{"input_tokens":${int(100, 9999)},"output_tokens":${int(100, 9999)}}}`,
  () => `max_tokens: 4096\ntemperature: 0.2`,
  () => `tokenizer: cl100k_base, tokens per second: ${int(20, 90)}`,
  () => `token_ttl=3600\nrefresh_token_ttl=86400`,
  () => `password_min_length = 12\npassword_max_age_days = 90`,
  () => `unexpected token '}' at line ${int(2, 90)}, column ${int(2, 40)}`,
);
inn(
  "minified",
  () =>
    `!function(e,t){"object"==typeof exports?module.exports=t():e.K${int(1, 9)}=t()}(this,(function(){return function(e){var t={};function n(r){return t[r]||(t[r]={i:r,l:!1,exports:{}})}return n(n.s=${int(1, 99)})}}));`,
  () => `var a=${int(1, 99)},b=function(c){return c&&c.__esModule?c:{default:c}};export{a as x,b as y};`,
  () => `.a${hex(4)}{color:#${hex(6)};margin:0}.b${hex(4)}{padding:4px 8px}`,
  () => `//# sourceMappingURL=main.${hex(8)}.js.map`,
  () =>
    `{"version":3,"sources":["../src/a.ts"],"names":[],"mappings":"AAAA,SAASA,EAAEC,GAAG,OAAOA,EAAE,CAAC,CAAC,MAAM,OAAO,KAAK,QAAQ,IAAI,EAAE"}`,
  () =>
    `(self.webpackChunkapp=self.webpackChunkapp||[]).push([[${int(100, 999)}],{${int(1000, 9999)}:(e,t,n)=>{n.d(t,{Z:()=>r});const r=n(${int(1000, 9999)})}}]);`,
);
inn(
  "bundle-names",
  () => `dist/assets/index-${str(AN, 8)}.js   ${int(100, 400)}.12 kB │ gzip: ${int(30, 90)}.4 kB`,
  () => `<script type="module" src="/assets/main.${hex(8)}.js"></script>`,
  () => `asset vendors~main.${hex(20)}.js 1.2 MiB [emitted] [immutable]`,
  () => `.module_title__${str(AN, 5)} { font-weight: 600 }`,
  () => `/_next/static/chunks/app/layout-${hex(16)}.js`,
  () => `background: url(/img/hero.${hex(10)}.webp);`,
);
inn(
  "base64-image",
  () => `<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAYAAAAf8/9hAAAA${b64(90)}" alt="">`,
  () => `background-image: url("data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");`,
  () => `![logo](data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD/${b64(120)})`,
  () =>
    `const icon = "data:image/svg+xml;base64,${enc(`<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><circle cx="8" cy="8" r="${int(2, 8)}"/></svg>`)}";`,
  () => `src: url(data:font/woff2;base64,d09GMgABAAAAAAAA${b64(150)}) format("woff2");`,
  () =>
    `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAANSUhEUgAA${b64(120)}"}}`,
);
inn(
  "sql-schema",
  () =>
    `CREATE TABLE users (\n  id uuid PRIMARY KEY,\n  email text NOT NULL,\n  password_hash text NOT NULL,\n  reset_token text\n);`,
  () => `ALTER TABLE sessions ADD COLUMN token varchar(64);`,
  () => `SELECT id, email FROM users WHERE password_changed_at < now() - interval '90 days';`,
  () => `CREATE INDEX idx_tokens_user ON tokens (user_id, expires_at);`,
  () => `password VARCHAR(255) DEFAULT NULL COMMENT 'bcrypt',`,
  () => `UPDATE users SET password = $1 WHERE id = $2 RETURNING id;`,
);
inn(
  "css",
  () => `:root { --accent: #${hex(6)}; --bg: #${hex(6)}; }`,
  () => `color: rgba(${int(0, 255)}, ${int(0, 255)}, 40, .8);`,
  () => `.token.keyword { color: #${hex(6)}; }`,
  () => `border: 1px solid #${hex(8)};`,
  () => `colors: { primary: '#${hex(6)}', danger: '#${hex(6)}' }`,
  () => `.password-field:focus { outline: 2px solid hsl(${int(0, 360)} 80% 40%); }`,
);
inn(
  "secret-regex",
  () => `/ghp_[A-Za-z0-9]{36}/`,
  () => `regex = '''(?i)(AKIA|ASIA)[A-Z0-9]{16}'''`,
  () => `const RE = /sk_live_[0-9a-zA-Z]{24,}/g;`,
  () => `pattern: "xox[baprs]-[0-9]{10,13}-[0-9a-zA-Z-]+"`,
  () => `re.compile(r"password\\s*[:=]\\s*(\\S+)", re.I)`,
  () => `grep -rE 'BEGIN (RSA|EC) PRIVATE' . | wc -l`,
);
inn(
  "timestamps",
  () => `${iso()} started, ${iso()} finished`,
  () => `created_at: ${int(1.6e9, 1.75e9)}\nupdated_at: ${int(1.6e9, 1.75e9)}123`,
  () => `Last-Modified: Fri, ${int(10, 28)} Mar 2025 ${clock()} GMT`,
  () => `backup-${day()}-${clock().replace(/:/g, "")}.tar.zst`,
  () => `cron: "${int(0, 59)} ${int(0, 23)} * * 1-5"`,
  () => `next run: ${day()} ${clock()}+02:00 (in ${int(2, 40)} minutes)`,
);
inn(
  "coordinates",
  () => `lat: ${int(40, 60)}.${str(DI, 6)}, lon: ${int(2, 20)}.${str(DI, 6)}`,
  () => `{"type":"Point","coordinates":[${int(2, 20)}.${str(DI, 7)},${int(40, 60)}.${str(DI, 7)}]}`,
  () => `https://www.openstreetmap.org/#map=17/52.${str(DI, 5)}/13.${str(DI, 5)}`,
  () =>
    `<path d="M${int(1, 20)} ${int(1, 20)}c-${int(1, 9)}.${int(10, 99)} 0-${int(1, 9)}.2 1.3-${int(1, 9)} 3v${int(2, 14)}h-3z"/>`,
);
inn(
  "phone",
  () => `Call me at +49 30 ${str(DI, 7)} after five.`,
  () => `Tel.: 0${int(21, 89)}/${str(DI, 7)}`,
  () => `Support: +1 (555) 01${int(0, 9)}-${str(DI, 4)}`,
  () => `contact: { phone: "+44 20 7946 0${str(DI, 3)}" }`,
);
inn(
  "isbn",
  () => `ISBN 978-3-${str(DI, 5)}-${str(DI, 3)}-${int(1, 9)}`,
  () => `doi:10.1145/${str(DI, 7)}.${str(DI, 7)}`,
  () => `arXiv:${int(20, 25)}0${int(1, 9)}.${str(DI, 5)}v2`,
  () => `EAN 4${str(DI, 12)}, article no. ${str(DI, 6)}-${str(UP, 2)}`,
);
inn(
  "versions",
  () => `node v20.${int(1, 18)}.${int(0, 3)}, npm 10.${int(1, 9)}.${int(0, 4)}`,
  () => `typescript@5.${int(1, 6)}.0-dev.202503${int(10, 28)}`,
  () => `github.com/acme/x v0.0.0-20250314091244-${hex(12)}`,
  () => `Linux web-2 6.8.0-${int(30, 60)}-generic #${int(40, 60)}-Ubuntu SMP x86_64 GNU/Linux`,
  () => `openjdk 21.0.${int(1, 6)} 2024-10-15 LTS (build 21.0.${int(1, 6)}+7-LTS)`,
  () =>
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/${int(110, 130)}.0.0.0 Safari/537.36`,
);
inn(
  "log-ids",
  () => `${iso()} [http-nio-8080-exec-${int(1, 9)}] INFO c.a.OrderService - order ORD-${str(DI, 8)} shipped`,
  () => `traceparent: 00-${hex(32)}-${hex(16)}-01`,
  () => `job ${int(1e9, 9e9)} finished, run ${int(1e9, 9e9)}/attempts/1`,
  () => `msg_01${an(22)} stop_reason=end_turn`,
  () => `kernel: usb 1-${int(1, 9)}: new high-speed USB device number ${int(2, 30)} using xhci_hcd`,
  () => `pod/api-${hex(10)}-${str("bcdfghjklmnpqrstvwxz2456789", 5)} 1/1 Running 0 ${int(2, 40)}d`,
  () => `X-Request-Id: ${hex(32)}`,
  () => `Error code: SQLSTATE[42S02], event id ${hex(32)}`,
);
inn(
  "settings",
  () => `PORT=3000\nNODE_ENV=production\nLOG_LEVEL=debug`,
  () => `S3_BUCKET=acme-prod-uploads-eu\nSQS_QUEUE=orders-high-priority`,
  () => `AWS_REGION=eu-central-1\nAWS_ACCOUNT_ID=${str(DI, 12)}`,
  () => `FEATURE_NEW_CHECKOUT=true\nFEATURE_DARK_MODE=false`,
  () => `TOKEN_URL=https://auth.acme.dev/oauth/token\nAUTH_URL=https://auth.acme.dev/authorize`,
  () => `redis://cache.acme.internal:6379/0`,
  () => `DATABASE_URL=postgres://localhost:5432/app_dev`,
  () => `PASSWORD_RESET_URL=https://app.acme.dev/reset`,
  () => `keyboard.layout = de-nodeadkeys\nkey_repeat = 30`,
  () => `SSH_KEY_PATH=~/.ssh/id_ed25519\nKUBECONFIG=/home/ci/.kube/config`,
  () => `primary_key: user_id\nforeign_key: account_id\ncache_key: user:${int(1, 999)}:profile`,
  () => `{"secretName":"web-tls","enabled":true,"replicas":${int(2, 9)}}`,
);
inn(
  "urls",
  () => `https://github.com/acme/api/pull/${int(10, 999)}/commits/${hex(40)}`,
  () => `https://www.youtube.com/watch?v=${str(`${AN}-_`, 11)}`,
  () => `https://docs.google.com/document/d/1${str(`${AN}-_`, 43)}/edit`,
  () => `https://images.unsplash.com/photo-${str(DI, 13)}-${hex(12)}?w=800&q=80`,
  () => `git@github.com:acme/infrastructure-modules.git`,
  () => `https://shop.acme.dev/search?q=password+manager&page=${int(2, 9)}&sort=price`,
);
inn(
  "long-identifiers",
  () => `AbstractSingletonProxyFactoryBeanConfigurationPropertiesResolver${int(2, 9)}`,
  () => `com.acme.billing.internal.InvoiceReconciliationScheduledTaskExecutor`,
  () => `this_is_a_very_long_function_name_that_checks_whether_the_user_may_edit_page_${int(1, 99)}`,
  () => `arn:aws:iam::${str(DI, 12)}:role/eks-node-group-20250314091244${str(DI, 12)}`,
  () => `/subscriptions/${uuid()}/resourceGroups/rg-acme-prod/providers/Microsoft.Network/virtualNetworks/vnet-01`,
  () => `_ZNSt6vectorIiSaIiEE9push_backERKi_${int(1, 99)}`,
  () => `i-0${hex(16)} subnet-0${hex(16)} vpc-0${hex(16)}`,
  () => `projects/acme-prod/locations/europe-west3/keyRings/main/cryptoKeys/disk`,
);
inn(
  "stack-trace",
  () =>
    `TypeError: Cannot read properties of undefined (reading 'token')\n    at parse (/app/src/auth.js:${int(10, 99)}:17)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
  () =>
    `java.lang.IllegalStateException: password must not be null\n\tat com.acme.auth.PasswordService.check(PasswordService.java:${int(20, 200)})`,
  () =>
    `Traceback (most recent call last):\n  File "/srv/app/keys.py", line ${int(10, 99)}, in load_key\n    raise KeyError(name)\nKeyError: 'SECRET_KEY'`,
  () => `goroutine ${int(2, 99)} [running]:\nmain.main()\n\t/src/main.go:${int(10, 90)} +0x${hex(3)}`,
  () => `#${int(0, 9)} 0x0000${hex(12)} in __libc_start_main () from /lib/x86_64-linux-gnu/libc.so.6`,
  () => `error[E0382]: borrow of moved value: \`token\`\n  --> src/auth.rs:${int(10, 99)}:9`,
);
inn(
  "prose-security-en",
  () => `The password must be at least 12 characters long and contain a digit.`,
  () => `We rotate every API key each quarter; tokens live in the vault.`,
  () => `Never paste a private key into a ticket.`,
  () => `I forgot my password, can you send me a reset link?`,
  () => `The token expired, so the job failed with 401.`,
  () => `Password: the user types it twice, then we compare.`,
  () => `Ask Marta for the secret, it is in 1Password under "Staging".`,
  () => `The key is to keep the password out of the repository.`,
);
inn(
  "prose-security-other",
  () => `Das Passwort muss mindestens zwölf Zeichen lang sein.`,
  () => `Passwort vergessen? Bitte an die IT wenden.`,
  () => `Le mot de passe doit être changé tous les six mois.`,
  () => `Mot de passe oublié ?`,
  () => `La contraseña es obligatoria y no puede repetirse.`,
  () => `La password è scaduta, serve un nuovo accesso.`,
  () => `A senha não pode ser enviada por e-mail.`,
  () => `Het wachtwoord moet elk jaar worden vernieuwd.`,
  () => `Hasło musi zawierać co najmniej jedną cyfrę.`,
  () => `Пароль должен быть не короче двенадцати символов.`,
  () => `パスワードを忘れた場合は管理者に連絡してください。`,
  () => `密码不能为空。`,
  () => `Lösenordet är för kort.`,
  () => `Şifre en az on iki karakter olmalıdır.`,
);
inn(
  "token-docs",
  () => `GitHub tokens start with \`ghp_\`, fine-grained ones with \`github_pat_\`.`,
  () => `A JWT has three parts: header.payload.signature.`,
  () => `Pass the key as \`--api-key <key>\` or set \`ACME_API_KEY\`.`,
  () => `Usage: acme login [--token TOKEN] [--host HOST]`,
  () => `| Option | Type | Default |\n|---|---|---|\n| \`password\` | string | \`null\` |`,
  () => `- \`secret\` (required): the shared secret used to sign the payload`,
  () => `"password": { "type": "string", "minLength": 12, "writeOnly": true }`,
  () => `securitySchemes:\n  bearerAuth:\n    type: http\n    scheme: bearer\n    bearerFormat: JWT`,
);
inn(
  "ui-strings",
  () => `"login.password.label": "Password",\n"login.password.hint": "At least 12 characters"`,
  () => `password: 'Passwort',\nforgotPassword: 'Passwort vergessen?'`,
  () => `<string name="password_wrong">Wrong password</string>`,
  () => `msgid "Enter your password"\nmsgstr "Introduzca su contraseña"`,
  () => `placeholder="Password"`,
  () => `Enter passphrase for key '/home/jonas/.ssh/id_ed25519':`,
);
inn(
  "chain-addresses",
  () => `0x${hex(40)} is the contract's address on mainnet.`,
  () => `tx hash: 0x${hex(64)} confirmed in block ${int(1.8e7, 2e7)}`,
  () => `bafybei${str(`${LO}234567`, 52)}`,
  () => `donate BTC: bc1q${str("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 38)}`,
);
inn(
  "terminal",
  () =>
    `$ ls -la\n-rw------- 1 jonas jonas  411 Mar 14 09:12 id_ed25519\n-rw-r--r-- 1 jonas jonas   98 Mar 14 09:12 id_ed25519.pub`,
  () => `$ npm audit\nfound 0 vulnerabilities`,
  () => `[sudo] password for jonas: \nSorry, try again.`,
  () => `$ passwd\nChanging password for marta.\nCurrent password: \nNew password: `,
  () => `$ df -h /\n/dev/nvme0n1p2  ${int(200, 900)}G  ${int(20, 190)}G  ${int(20, 190)}G  ${int(10, 90)}% /`,
  () =>
    `$ gh auth status\n✓ Logged in to github.com account jonas (keyring)\n- Token scopes: 'gist', 'read:org', 'repo'`,
  () =>
    `$ kubectl get secrets\nNAME     TYPE     DATA   AGE\npg       Opaque   1      ${int(2, 90)}d\nredis    Opaque   1      ${int(2, 90)}d`,
  () => `$ vault kv list secret/prod\nKeys\n----\ndb\nsmtp`,
);
inn(
  "diff-config",
  () => `@@ -2,3 +2,3 @@\n services:\n-  replicas: ${int(1, 3)}\n+  replicas: ${int(4, 8)}\n   image: acme/api`,
  () => `-  passwordPolicy: weak\n+  passwordPolicy: strong`,
  () => `- tokenLifetime: 15m\n+ tokenLifetime: 30m`,
  () => `+  const secretCount = secrets.length;\n-  const n = secrets.length;`,
  () => `-import { hashPassword } from './hash.js';\n+import { hashPassword, verifyPassword } from './hash/index.js';`,
  () => `similarity index ${int(80, 99)}%\nrename from src/token.ts\nrename to src/auth/token.ts`,
);
inn(
  "code-generic",
  () => `for (const key of Object.keys(map)) {\n  if (key === 'password') continue;\n  out[key] = map[key];\n}`,
  () => `const key = event.key === 'Enter' ? 'submit' : event.code;`,
  () => `enum TokenType { Identifier, Number, LeftParen, RightParen }`,
  () => `assert_eq!(tokens.next(), Some(Token::Ident("foo")));`,
  () => `@pytest.mark.parametrize("password", ["", "short", None])`,
  () => `describe('password reset', () => {\n  test.todo('sends a mail');\n});`,
  () => `const PASSWORD_FIELDS = ['password', 'passwordConfirm', 'oldPassword'];`,
  () => `logger.info("token refreshed for user {}", userId);`,
);
inn(
  "json-misc",
  () => `{"name":"acme-web","private":true,"scripts":{"test":"node --test","secret-scan":"gitleaks detect"}}`,
  () => `{"tool":"Read","input":{"file_path":"/home/jonas/app/src/auth/password.ts","limit":${int(20, 200)}}}`,
  () => `{"password":null,"token":null,"expiresIn":3600}`,
  () => `{"hasPassword":true,"passwordChangedAt":"${day()}"}`,
  () => `{"error":"invalid_grant","error_description":"Bad credentials"}`,
  () => `{"kid":"${hex(16)}","alg":"RS256","typ":"JWT"}`,
  () => `{"token_type":"Bearer","expires_in":3599,"scope":"read write"}`,
  () => `{"cursor":"${enc(`page:${int(100, 999)}:after:${int(1000, 9999)}`)}","hasNextPage":true}`,
);
inn(
  "emails-addresses",
  () => `To: marta.klein@acme.dev\nSubject: password policy`,
  () => `MAC ${hex(12).match(/../g).join(":")}, IP ${ip()}/24`,
  () => `inet6 fe80::${hex(4)}:${hex(4)}:${hex(4)}:${hex(4)}/64 scope link`,
  () => `Message-ID: <${str(DI, 14)}.${hex(8)}@mail.acme.dev>`,
  () => `GET /index.html 200 ${int(100, 9000)} "-" ${ip()}`,
  () => `VAT no. DE${str(DI, 9)}, invoice RE-2025-${str(DI, 4)}`,
);
inn(
  "markdown-notes",
  () => `## Auth\n\n- [ ] password reset flow\n- [ ] rotate tokens nightly\n- [x] remove secrets from the repo`,
  () => `| Test | Verdict |\n|---|---|\n| login | PASS |\n| token refresh | FAIL |`,
  () => `> Decision: passkeys first, password as the fallback (ADR-${int(10, 99)})`,
  () => `1. Open *Settings → API keys*\n2. Click **Create key**\n3. Copy the key; it is shown once`,
  () => `See [password hashing](./docs/password-hashing.md#argon2id) and RFC ${int(6000, 9000)}.`,
  () => `**Verdict: PASS** - ${int(10, 90)} of ${int(91, 99)} checks, key finding: caching`,
);
inn(
  "ci-workflow",
  () => `permissions:\n  contents: read\n  id-token: write`,
  () =>
    `- uses: docker/login-action@v3\n  with:\n    username: \${{ github.actor }}\n    password: \${{ secrets.GITHUB_TOKEN }}`,
  () => `steps:\n  - run: npm ci\n  - run: npm test -- --test-name-pattern="token"`,
  () => `##[group]Run actions/setup-node@v4\nwith:\n  node-version: 20\n  token: ***\n##[endgroup]`,
  () => `Cache restored from key: node-cache-Linux-x64-npm-${hex(64)}`,
  () => `Artifact ID ${int(1e9, 4e9)}, SHA256 digest ${hex(64)}`,
);
inn(
  "lorem-words",
  () => `Passing the baton: the pass is closed in winter, so take the tunnel.`,
  () => `The compass pointed north; the passage was ${int(2, 30)} m wide.`,
  () => `Monkey patching the keyboard handler fixed the turkey sprite.`,
  () => `The secretary took the minutes, the secret of her success is tea.`,
  () => `Tokyo, key lime pie and a token of our thanks.`,
  () => `Author: K. Passmore; see also the Authority for Weights, §${int(2, 40)}.`,
);

export function innocents() {
  seed(SEED ^ 0x5bd1e995);
  const out = [],
    seen = new Set();
  for (const k of I)
    for (const f of k.fns) {
      const text = f();
      if (!seen.has(text)) {
        seen.add(text);
        out.push({ kind: k.kind, text });
      }
    }
  return out;
}
