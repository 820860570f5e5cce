/**
 * Secrets of every kind in the places where they turn up. None of them is anybody's: chance makes them, from pieces, when
 * the tests run.
 */
import {
  ALNUM,
  BASE64,
  BASE64URL,
  type Chance,
  chance,
  DIGITS,
  HEX,
  LOWER,
  sentence,
  UPPER,
  uuid,
  word,
} from "./random.ts";

interface Plant {
  readonly kind: string;
  readonly secret: string;
  readonly text: string;
  /** Whether it was kept apart while the rules were written. */
  readonly heldOut: boolean;
}

type Make = (by: Chance) => string;
const join = (...pieces: string[]) => pieces.join("");
const b64 = (text: string) => Buffer.from(text).toString("base64");
const b64url = (text: string) => Buffer.from(text).toString("base64url");

const jwt: Make = (by) =>
  [
    b64url(JSON.stringify({ alg: by.pick(["HS256", "RS256", "ES256"]), typ: "JWT" })),
    b64url(JSON.stringify({ sub: uuid(by), exp: by.whole(2e9), role: word(by) })),
    by.chars(BASE64URL, 43),
  ].join(".");

const pem: Make = (by) => {
  const kind = by.pick(["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "]);
  const start = kind === "OPENSSH " ? "b3BlbnNzaC1rZXktdjEAAAAA" : "MIIEvQIBADANBgkqhkiG9w0B";
  const body = (start + by.chars(BASE64, by.between(300, 1600))).match(/.{1,64}/g)?.join("\n");
  return join("-----BEGIN ", kind, "PRIVATE KEY-----\n", body ?? "", "\n-----END ", kind, "PRIVATE KEY-----");
};
/** How a key's lines look in a patch, behind numbers, in what grep and cat print, commented out, quoted, in logs. */
const LINE_BY_LINE: readonly ((line: string, number: number) => string)[] = [
  (line) => `-${line}`,
  (line) => `+${line}`,
  (line, number) => `${number % 5 < 2 ? "-" : " "}${line}`,
  (line, number) => `${String(number).padStart(6)}→${line}`,
  (line, number) => `${String(number).padStart(6)}\t${line}`,
  (line, number) => `deploy/id_rsa${number === 1 ? ":" : "-"}${number}${number === 1 ? ":" : "-"}${line}`,
  (line) => `${line}^M$`,
  (line) => `# ${line}`,
  (line) => `> > ${line}`,
  (line) => `  "${line}\\n" +`,
  (line, number) => `web-1  | 2026-05-04T11:12:${String(number).padStart(2, "0")}.512Z ${line}`,
  (line) => ` * ${line}`,
];

/** @param to which of its lines are shown; without the last one it is cut off, without the first one it begins before */
function keyByLine(by: Chance, copy: number, from: number, to?: number): { text: string; secret: string } {
  const lines = pem(by).split("\n").slice(from, to);
  const put = LINE_BY_LINE[copy % LINE_BY_LINE.length];
  const text = lines.map((line, at) => put?.(line, from + at + 1)).join("\n");
  const secret = lines.filter((line) => !line.startsWith("-----")).join("\n");
  return { secret, text: `${sentence(by)}\n${text}\n${sentence(by)}\n` };
}

const pgp: Make = (by) =>
  join(
    "-----BEGIN PGP PRIVATE ",
    "KEY BLOCK-----\nVersion: GnuPG v2\n\n",
    by
      .chars(BASE64, 800)
      .match(/.{1,64}/g)
      ?.join("\n") ?? "",
    `\n=${by.chars(BASE64, 4)}\n-----END PGP PRIVATE `,
    "KEY BLOCK-----",
  );

/** Those that are known by their form, wherever they stand. */
const FORMS: Readonly<Record<string, Make>> = {
  "GitHub classic token": (by) => join(by.pick(["ghp", "gho", "ghu", "ghs", "ghr"]), "_", by.chars(ALNUM, 36)),
  "GitHub fine-grained token": (by) => join("github", "_pat_", by.chars(ALNUM, 22), "_", by.chars(ALNUM, 59)),
  "GitLab token": (by) =>
    join(by.pick(["glpat", "gldt", "glrt", "glptt", "glcbt", "glft"]), "-", by.chars(BASE64URL, 20)),
  "Bitbucket app password": (by) => join("ATBB", by.chars(ALNUM, 32)),
  "Atlassian API token": (by) =>
    join("ATATT", "3xFfGF0", by.chars(BASE64URL, 160), "=", by.chars(HEX, 8).toUpperCase()),
  "Slack bot token": (by) =>
    join("xox", by.pick(["b", "p"]), "-", by.chars(DIGITS, 12), "-", by.chars(DIGITS, 12), "-", by.chars(ALNUM, 24)),
  "Slack app token": (by) =>
    join("xapp", "-1-A", by.chars(UPPER + DIGITS, 10), "-", by.chars(DIGITS, 13), "-", by.chars(HEX, 64)),
  "Discord bot token": (by) =>
    join(
      b64(by.pick(["1", "7", "9"]) + by.chars(DIGITS, 17)).replace(/=+$/, ""),
      ".",
      by.pick(["G", "X", "Y"]),
      by.chars(ALNUM, 5),
      ".",
      by.chars(BASE64URL, 37),
      "a",
    ),
  "Stripe key": (by) =>
    join(by.pick(["sk", "rk"]), "_", by.pick(["live", "test"]), "_51", by.chars(ALNUM, by.pick([22, 97]))),
  "Stripe webhook secret": (by) => join("whsec", "_", by.chars(ALNUM, 32)),
  "Square token": (by) => join("sq0", by.pick(["atp-", "csp-"]), by.chars(ALNUM, 43)),
  "Braintree token": (by) => join("access_token", "$production$", by.chars(LOWER + DIGITS, 16), "$", by.chars(HEX, 32)),
  "Twilio API key": (by) => join("SK", by.chars(HEX, 32)),
  "SendGrid key": (by) => join("SG.", by.chars(BASE64URL, 22), ".", by.chars(ALNUM, 43)),
  "Mailgun key": (by) => join("key-", by.chars(HEX, 32)),
  "Mailchimp key": (by) => join(by.chars(HEX, 32), "-us", String(by.between(1, 21))),
  "Brevo key": (by) => join("xkeysib-", by.chars(HEX, 64), "-", by.chars(ALNUM, 16)),
  "AWS access key id": (by) => join(by.pick(["AKIA", "ASIA"]), by.chars(`${UPPER}234567`, 16)),
  "Google API key": (by) => join("AIza", "Sy", by.chars(ALNUM, 33)),
  "Google OAuth token": (by) => join("ya29", ".a0", by.chars(BASE64URL, 150), "q"),
  "Google client secret": (by) => join("GOCSPX", "-", by.chars(ALNUM, 28)),
  "Google refresh token": (by) => join("1//0", "3", by.chars(ALNUM, 60)),
  "Entra client secret": (by) => join(by.chars(ALNUM, 3), by.pick([..."78"]), "Q~", by.chars(ALNUM, 34)),
  "DigitalOcean token": (by) => join("dop", "_v1_", by.chars(HEX, 64)),
  "Heroku key": (by) => join("HRKU-", uuid(by)),
  "Cloudflare origin key": (by) => join("v1.0", "-", by.chars(HEX, 24), "-", by.chars(HEX, 146)),
  "Vercel token": (by) => join("vcp", "_", by.chars(ALNUM, 56)),
  "Netlify token": (by) => join("nfp", "_", by.chars(ALNUM, 36)),
  "Supabase token": (by) => by.pick([join("sbp", "_", by.chars(HEX, 40)), join("sb_", "secret_", by.chars(ALNUM, 31))]),
  "PlanetScale password": (by) => join("pscale", by.pick(["_pw_", "_tkn_"]), by.chars(ALNUM, 43)),
  "Neon key": (by) => by.pick([join("napi", "_", by.chars(LOWER + DIGITS, 64)), join("npg", "_", by.chars(ALNUM, 12))]),
  "Atlas service account": (by) => join("mdb", "_sa_sk_", by.chars(ALNUM, 40)),
  "npm token": (by) => join("npm", "_", by.chars(ALNUM, 36)),
  "PyPI token": (by) => join("pypi-", "AgEIcHlwaS5vcmc", by.chars(BASE64URL, 140), "w"),
  "RubyGems key": (by) => join("rubygems", "_", by.chars(HEX, 48)),
  "crates.io token": (by) => join("cio", by.chars(ALNUM, 32)),
  "Docker Hub token": (by) => join("dckr", "_pat_", by.chars(ALNUM, 27)),
  "NuGet key": (by) => join("oy2", by.chars(LOWER + DIGITS, 43)),
  "OpenAI key": (by) =>
    by.pick([
      join("sk-", "proj-", by.chars(ALNUM, 74), "T3BlbkFJ", by.chars(ALNUM, 74)),
      join("sk-", by.chars(ALNUM, 20), "T3BlbkFJ", by.chars(ALNUM, 20)),
      join("sk-", "svcacct-", by.chars(ALNUM, 58)),
    ]),
  "Anthropic key": (by) =>
    join("sk-", "ant-", by.pick(["api03", "admin01", "oat01"]), "-", by.chars(BASE64URL, 93), "AA"),
  "OpenRouter key": (by) => join("sk-", "or-v1-", by.chars(HEX, 64)),
  "Hugging Face token": (by) => join("hf", "_", by.chars(LOWER + UPPER, 34)),
  "Replicate token": (by) => join("r8", "_", by.chars(ALNUM, 37)),
  "Groq key": (by) => join("gsk", "_", by.chars(ALNUM, 52)),
  "xAI key": (by) => join("xai", "-", by.chars(ALNUM, 80)),
  "Perplexity key": (by) => join("pplx", "-", by.chars(ALNUM, 48)),
  "LangSmith key": (by) => join("lsv2", "_pt_", by.chars(HEX, 32), "_", by.chars(HEX, 10)),
  "Databricks token": (by) => join("dapi", by.chars(HEX, 32)),
  "New Relic user key": (by) => join("NRAK", "-", by.chars(UPPER + DIGITS, 27)),
  "New Relic license": (by) => join(by.chars(HEX, 36), "NRAL"),
  "Sentry token": (by) => join("sntryu", "_", by.chars(HEX, 64)),
  "Grafana token": (by) => join("glsa", "_", by.chars(ALNUM, 32), "_", by.chars(HEX, 8)),
  "Honeycomb key": (by) => join("hcaik", "_01", by.chars(LOWER + DIGITS, 56)),
  "Linear key": (by) => join("lin_", "api_", by.chars(ALNUM, 40)),
  "Notion token": (by) =>
    by.pick([join("ntn", "_", by.chars(DIGITS, 11), by.chars(ALNUM, 35)), join("secret", "_", by.chars(ALNUM, 43))]),
  "Airtable token": (by) => join("pat", by.chars(ALNUM, 14), ".", by.chars(HEX, 64)),
  "Asana token": (by) =>
    join("2/", by.pick([..."1"]), by.chars(DIGITS, 15), "/", by.chars(DIGITS, 16), ":", by.chars(HEX, 32)),
  "Figma token": (by) => join("figd", "_", by.chars(ALNUM, 40)),
  "Postman key": (by) => join("PMAK", "-", by.chars(HEX, 24), "-", by.chars(HEX, 34)),
  "Shopify token": (by) => join("shp", by.pick(["at", "ca", "pa", "ss"]), "_", by.chars(HEX, 32)),
  "Mapbox secret token": (by) => join("sk.", "eyJ1Ijoi", by.chars(ALNUM, 60), ".", by.chars(ALNUM, 22)),
  "Segment token": (by) => join("sgp", "_", by.chars(ALNUM, 64)),
  "LaunchDarkly key": (by) => join(by.pick(["sdk", "api"]), "-", uuid(by)),
  "Terraform Cloud token": (by) => join(by.chars(ALNUM, 14), ".atlas", "v1.", by.chars(ALNUM, 67)),
  "Pulumi token": (by) => join("pul", "-", by.chars(HEX, 40)),
  "Vault token": (by) => join("hvs", ".", by.chars(ALNUM, by.pick([24, 90]))),
  "Doppler token": (by) => join("dp.", by.pick(["pt.", "st.dev.", "ct."]), by.chars(ALNUM, 43)),
  "1Password secret key": (by) =>
    join(
      "A3-",
      by.chars(UPPER + DIGITS, 6),
      "-",
      by.chars(UPPER + DIGITS, 6),
      "-",
      by.chars(UPPER + DIGITS, 5),
      "-",
      by.chars(UPPER + DIGITS, 5),
      "-",
      by.chars(UPPER + DIGITS, 5),
      "-",
      by.chars(UPPER + DIGITS, 5),
    ),
  "1Password service token": (by) => join("ops", "_eyJ", by.chars(ALNUM, 250)),
  "Tailscale key": (by) => join("tskey", "-auth-", by.chars(ALNUM, 16), "-", by.chars(ALNUM, 32)),
  "age secret key": (by) => join("AGE-", "SECRET-KEY-1", by.chars("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
  "JSON web token": jwt,
  "bcrypt hash": (by) => join("$2", by.pick(["a", "b", "y"]), "$12$", by.chars(`${ALNUM}./`, 53)),
  "SHA crypt hash": (by) => join("$6$", by.chars(ALNUM, 16), "$", by.chars(`${ALNUM}./`, 86)),
  "Argon2 hash": (by) => join("$argon2", "id$v=19$m=65536,t=3,p=4$", by.chars(ALNUM, 22), "$", by.chars(ALNUM, 43)),
  "htpasswd hash": (by) => join("$apr1$", by.chars(ALNUM, 8), "$", by.chars(`${ALNUM}./`, 22)),
  "PEM private key": pem,
  "PGP private key": pgp,
};

/** Where they turn up. What has several lines is put where it can be. */
const PLACES: readonly ((by: Chance, secret: string) => string)[] = [
  (by, secret) => `${sentence(by)} I used ${secret} for that.`,
  (by, secret) => `${word(by).toUpperCase()}_${by.pick(["TOKEN", "KEY", "CREDENTIAL"])}=${secret}\nPORT=3000`,
  (by, secret) => JSON.stringify({ name: word(by), value: secret, enabled: true }),
  (by, secret) => `  ${word(by)}:\n    ${word(by)}: "${secret}"\n    retries: 3`,
  (by, secret) => `$ ${word(by)}-cli login --with ${secret}\nLogged in as ann.`,
  (by, secret) => `const client = new Client('${secret}', { retries: ${by.whole(9)} });`,
  (by, secret) => `curl -s -H "X-${word(by)}: ${secret}" https://api.example.org/v1/${word(by)}`,
  (by, secret) => `| ${word(by)} | \`${secret}\` | ${word(by)} |`,
  (by, secret) => `Error: 401 for ${secret}\n    at request (/srv/app/${word(by)}.js:${by.whole(99)}:7)`,
  (by, secret) => `- Decision: rotate \`${secret}\` after the ${word(by)}.`,
  (by, secret) =>
    JSON.stringify({ type: "user", message: { content: `here it is:\n${secret}\nuse it` }, uuid: uuid(by) }),
  (by, secret) => `client = Client("${secret}")  # ${word(by)}`,
  (by, secret) => `<add key="${word(by)}" value="${secret}" />`,
  (by, secret) => `2026-03-04T10:11:12Z DEBUG sending ${secret} to ${word(by)}`,
  (_by, secret) => `(${secret})`,
  (by, secret) => `> ${word(by)}:\n> ${secret.replaceAll("\n", "\n> ")}\n`,
  (by, secret) => `export ${word(by).toUpperCase()}='${secret}'`,
  (by, secret) => `https://api.example.org/${word(by)}?v=2&x=${secret}&y=${by.whole(9)}`,
];

const password: Make = (by) =>
  by.pick([
    () =>
      `${by.pick(["Winter", "Summer", "Dragon", "Berlin", "Monkey", "Falcon"])}${by.between(10, 2030)}${by.pick(["!", "#", "$", "?"])}`,
    () => by.chars(`${ALNUM}!#%^*-_+`, by.between(12, 24)).replace(/^\W/, "Q").replace(/\W$/, "7"),
    () => `${by.chars(LOWER, 4)}${by.chars(DIGITS, 3)}${by.chars(UPPER, 3)}${by.chars(DIGITS, 2)}`,
    () => `${by.pick(["hunter", "tiger", "kitten", "rocket"])}${by.between(20, 9999)}${by.chars(LOWER, 3)}`,
    () => by.chars(ALNUM, by.between(16, 32)),
    () => by.chars(HEX, 32),
  ])();
/** With letters, digits and nothing that a shell or a URL minds. */
const plain: Make = (by) =>
  by.pick([
    `${by.pick(["Otter", "Maple", "Copper"])}${by.between(100, 9999)}${by.chars(LOWER, 2)}`,
    by.chars(ALNUM, 20),
    `${by.chars(LOWER, 3)}${by.chars(DIGITS, 4)}${by.chars(UPPER, 4)}`,
  ]);
const key: Make = (by) =>
  by.pick([
    by.chars(HEX, 32),
    by.chars(HEX, 40),
    by.chars(ALNUM, 32),
    by.chars(ALNUM, 40),
    by.chars(HEX, 64),
    by.chars(BASE64URL, 43),
    uuid(by),
    b64(by.chars(ALNUM, 32)),
  ]);

const PASSWORD_NAMES = [
  "DB_PASSWORD",
  "POSTGRES_PASSWORD",
  "MYSQL_ROOT_PASSWORD",
  "REDIS_PASSWORD",
  "SMTP_PASSWORD",
  "ADMIN_PASSWORD",
  "PGPASSWORD",
  "MAIL_PASS",
  "RABBITMQ_DEFAULT_PASS",
  "ORACLE_PWD",
];
const SECRET_NAMES = [
  "JWT_SECRET",
  "SECRET_KEY_BASE",
  "DJANGO_SECRET_KEY",
  "CLIENT_SECRET",
  "APP_SECRET",
  "TWILIO_AUTH_TOKEN",
  "DD_API_KEY",
  "DATADOG_APP_KEY",
  "CLOUDFLARE_API_TOKEN",
  "FASTLY_API_TOKEN",
  "MISTRAL_API_KEY",
  "COHERE_API_KEY",
  "ALGOLIA_ADMIN_KEY",
  "PAGERDUTY_API_KEY",
  "HEROKU_API_KEY",
  "POSTMARK_SERVER_TOKEN",
  "PAYPAL_CLIENT_SECRET",
  "CIRCLECI_TOKEN",
  "CODECOV_TOKEN",
  "SONAR_TOKEN",
  "ENCRYPTION_KEY",
  "SESSION_SECRET",
  "AZURE_DEVOPS_PAT",
  "SNYK_TOKEN",
  "OKTA_API_TOKEN",
];
const camelOf = (name: string) => name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

type Setting = (by: Chance, name: string, secret: string) => string;
/** How a name and its value are written. */
const SETTINGS: readonly Setting[] = [
  (_, name, secret) => `${name}=${secret}`,
  (_, name, secret) => `export ${name}="${secret}"\necho done`,
  (by, name, secret) => `services:\n  ${word(by)}:\n    environment:\n      ${name}: "${secret}"`,
  (by, name, secret) => `      - ${name}=${secret}\n      - PORT=${by.whole(9000)}`,
  (_, name, secret) => JSON.stringify({ [camelOf(name)]: secret, port: 5432 }, null, 2),
  (_, name, secret) => JSON.stringify({ log: JSON.stringify({ [camelOf(name)]: secret }) }),
  (_, name, secret) => `  ${camelOf(name)}: '${secret}',`,
  (_, name, secret) => `const ${camelOf(name)} = "${secret}";`,
  (_, name, secret) => `${name.toLowerCase()} = "${secret}"  # do not commit`,
  (_, name, secret) => `os.environ["${name}"] = "${secret}"`,
  (_, name, secret) => `$env:${name} = "${secret}"`,
  (_, name, secret) => `ENV ${name} ${secret}`,
  (_, name, secret) => `  - name: ${name}\n    value: "${secret}"`,
  (_, name, secret) => `{"name":"${name}","value":"${secret}"}`,
  (_, name, secret) => `define('${name}', '${secret}');`,
  (_, name, secret) => `| ${name} | \`${secret}\` | set by hand |`,
  (_, name, secret) => `process.env.${name} || "${secret}"`,
  (_, name, secret) => `os.getenv("${name}", "${secret}")`,
  (_, name, secret) => `<${camelOf(name)}>${secret}</${camelOf(name)}>`,
  (_, name, secret) => `:${name.toLowerCase()} => '${secret}',`,
  (_, name, secret) => `spring.app.${name.toLowerCase().replaceAll("_", "-")}=${secret}`,
  (_, name, secret) => `+${name}=${secret}\n-${name}=`,
  (_, name, secret) => `- \`${name}\`: \`${secret}\` (from the vault)`,
  (by, name, secret) => `$ ${word(by)} --${name.toLowerCase().replaceAll("_", "-")} ${secret} --verbose`,
  (by, name, secret) => `$ ${word(by)} --${name.toLowerCase().replaceAll("_", "-")}=${secret}`,
  (_, name, secret) => `The ${name} is \`${secret}\`, change it later.`,
  (_, name, secret) => `docker run -e ${name}=${secret} app`,
  (_, name, secret) => `heroku config:set ${name}=${secret} -a app`,
  (_, name, secret) => `**${name}:** ${secret}`,
  (_, name, secret) => `kubectl create secret generic app --from-literal=${name.toLowerCase()}=${secret}`,
];

/** Those that their surroundings give away: the text, and in it the secret. */
const SURROUNDED: Readonly<Record<string, (by: Chance, copy: number) => { text: string; secret: string }>> = {
  "password, by name": (by, copy) => named(by, by.pick(PASSWORD_NAMES), copy, password(by)),
  "key, by name": (by, copy) => named(by, by.pick(SECRET_NAMES), copy, key(by)),
  "AWS secret key": (by, copy) =>
    named(
      by,
      by.pick(["AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"]),
      copy,
      `${by.chars(BASE64, 39).replace(/^\W/, "a")}k`,
    ),
  "AWS session token": (by, copy) => named(by, "AWS_SESSION_TOKEN", copy, `IQoJb3JpZ2luX2Vj${by.chars(ALNUM, 300)}`),
  "password in words": (by) =>
    withSecret(plain(by), (secret) =>
      by.pick([
        `The password is ${secret}.`,
        `Password: ${secret}\n`,
        `password: ${secret}\nuser: ann`,
        `Das Passwort ist ${secret}`,
        `Login with ann and the password \`${secret}\`? No: password = ${secret}`,
        `user: ann, password: ${secret}, host: db`,
        `The admin password was '${secret}' until ${word(by)}.`,
        `the token is \`${secret}${by.chars(ALNUM, 12)}\``,
      ]),
    ),
  "database URL": (by) =>
    withSecret(
      password(by).replace(/[#?%/@]/g, "x"),
      (secret) =>
        `${by.pick(["DATABASE_URL=", "url: ", "connect('", "psql ", ""])}${by.pick(["postgres", "postgresql", "mysql", "mongodb+srv", "mongodb", "postgresql+asyncpg", "mysql2", "sqlserver", "cockroachdb"])}://${by.pick(["app", "ann", "svc_user"])}:${secret}@${by.pick(["db.example.org:5432", "10.0.0.4", "cluster0.ab1cd.mongodb.net", "localhost:5433", "db"])}/${word(by)}`,
    ),
  "broker URL": (by) =>
    withSecret(
      password(by).replace(/[#?%/@]/g, "x"),
      (secret) =>
        `${by.pick(["REDIS_URL=", "broker: ", '"url": "'])}${by.pick(["redis", "rediss", "amqp", "amqps", "nats", "kafka", "mqtt", "smtp"])}://${by.pick(["", "app", "default"])}:${secret}@${by.pick(["cache:6379", "mq.example.org", "10.1.2.3:5672"])}/0`,
    ),
  "web URL": (by) =>
    withSecret(
      by.pick([plain(by), by.chars(ALNUM, 40)]),
      (secret) =>
        `${by.pick(["git clone ", "proxy=", "origin\t", "curl "])}https://${by.pick(["ann", "oauth2", "ci-user", "x-access-token"])}:${secret}@${by.pick(["git.example.org/app.git", "gitlab.example.org/a/b.git", "proxy.example.org:3128"])}`,
    ),
  "git URL with a token": (by) =>
    withSecret(
      by.chars(HEX, 40),
      (secret) =>
        `git remote add origin https://${secret}${by.pick(["@", ":x-oauth-basic@"])}github.com/${word(by)}/${word(by)}.git`,
    ),
  "ADO connection string": (by) =>
    withSecret(
      password(by).replace(/[;=,]/g, "x"),
      (secret) =>
        `${by.pick(["Server=tcp:db.example.org,1433;Database=app;User Id=sa;", "Host=db;Username=app;", "Data Source=db;User ID=app;"])}${by.pick(["Password", "Pwd", "PWD"])}=${secret};${by.pick(["Encrypt=True;", "TrustServerCertificate=True", "Pooling=false"])}`,
    ),
  "Azure storage": (by) =>
    withSecret(
      `${by.chars(BASE64, 86)}==`,
      (secret) =>
        `DefaultEndpointsProtocol=https;AccountName=${word(by)};AccountKey=${secret};EndpointSuffix=core.windows.net`,
    ),
  "Azure service bus": (by) =>
    withSecret(
      `${by.chars(BASE64, 43)}=`,
      (secret) =>
        `Endpoint=sb://${word(by)}.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=${secret}`,
    ),
  "Azure SAS": (by) =>
    withSecret(
      `${by.chars(ALNUM, 43)}%3D`,
      (secret) => `https://${word(by)}.blob.core.windows.net/c/f?sv=2022-11-02&se=2026-05-01&sr=b&sp=r&sig=${secret}`,
    ),
  "Bearer header": (by) =>
    withSecret(by.pick([by.chars(ALNUM, 40), by.chars(BASE64URL, 64), by.chars(HEX, 64), uuid(by)]), (secret) =>
      by.pick([
        `curl -H "Authorization: Bearer ${secret}" https://api.example.org`,
        `authorization: bearer ${secret}`,
        `headers: { Authorization: 'Bearer ${secret}' }`,
        `{"Authorization":"Bearer ${secret}"}`,
        `Authorization: Token ${secret}`,
        `headers["Authorization"] = "Bearer ${secret}"`,
        `> Authorization: Bearer ${secret}\n> Accept: */*`,
        `Authorization: Token token=${secret}`,
        `-H 'Authorization: token ${secret}'`,
      ]),
    ),
  "key header": (by) =>
    withSecret(key(by), (secret) =>
      by.pick([
        `X-Api-Key: ${secret}`,
        `-H "x-api-key: ${secret}"`,
        `"X-Auth-Token": "${secret}"`,
        `X-Postmark-Server-Token: ${secret}`,
        `DD-API-KEY: ${secret}`,
        `X-Algolia-API-Key: ${secret}`,
        `PRIVATE-TOKEN: ${secret}`,
        `Fastly-Key: ${secret}`,
        `X-Vault-Token: ${secret}`,
        `X-Shopify-Access-Token: ${secret}`,
        `X-Honeycomb-Team-Key: ${secret}`,
        `Ocp-Apim-Subscription-Key: ${secret}`,
      ]),
    ),
  "Basic header": (by) =>
    withSecret(b64(`${word(by)}:${plain(by)}`), (secret) =>
      by.pick([
        `Authorization: Basic ${secret}`,
        `-H "Authorization: Basic ${secret}"`,
        `{"authorization":"Basic ${secret}"}`,
        `"auth": "${secret}"`,
      ]),
    ),
  npmrc: (by) =>
    withSecret(by.pick([uuid(by), by.chars(ALNUM, 36)]), (secret) => `//registry.example.org/:_authToken=${secret}`),
  "query parameter": (by) =>
    withSecret(
      by.pick([by.chars(HEX, 32), by.chars(ALNUM, 32)]),
      (secret) =>
        `GET /v1/${word(by)}?${by.pick(["api_key", "apikey", "access_token", "token", "auth_token", "client_secret"])}=${secret}&page=2`,
    ),
  "presigned URL": (by) =>
    withSecret(
      by.chars(HEX, 64),
      (secret) =>
        `https://b.s3.amazonaws.com/f?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260301T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=${secret}`,
    ),
  "session cookie": (by) =>
    withSecret(
      by.pick([by.chars(ALNUM, 32), by.chars(HEX, 40), `s%3A${by.chars(ALNUM, 32)}.${by.chars(ALNUM, 43)}`]),
      (secret) =>
        by.pick([
          `Cookie: theme=dark; ${by.pick(["sessionid", "connect.sid", "PHPSESSID", "JSESSIONID", "_app_session", "sid", "auth_token"])}=${secret}; lang=de`,
          `Set-Cookie: ${by.pick(["sessionid", "session", "laravel_session", "__Host-session", "next-auth.session-token"])}=${secret}; Path=/; HttpOnly`,
          `curl -b "session=${secret}" https://example.org`.replace("curl -b", "curl --cookie"),
          `cookies={"sessionid": "${secret}"}`,
        ]),
    ),
  "Slack webhook": (by) =>
    withSecret(
      `${by.chars(UPPER + DIGITS, 8)}/B${by.chars(UPPER + DIGITS, 10)}/${by.chars(ALNUM, 24)}`,
      (secret) => `${by.pick(["SLACK_URL=", "post to ", '"'])}https://hooks.slack.${"com/services"}/T${secret}`,
    ),
  "Discord webhook": (by) =>
    withSecret(
      `${by.chars(BASE64URL, 66)}kk`,
      (secret) => `https://discord.${"com/api/webhooks"}/${by.chars(DIGITS, 18)}/${secret}`,
    ),
  "Teams webhook": (by) =>
    withSecret(
      by.chars(HEX, 32),
      (secret) =>
        `https://acme.webhook.office.${"com/webhookb2"}/${uuid(by)}@${uuid(by)}/IncomingWebhook/${secret}/${uuid(by)}`,
    ),
  "Zapier webhook": (by) =>
    withSecret(
      `${by.chars(DIGITS, 7)}/${by.chars(LOWER + DIGITS, 7)}`,
      (secret) => `https://hooks.zapier.${"com/hooks/catch"}/${secret}/`,
    ),
  "Telegram token": (by) =>
    withSecret(
      `AA${by.chars(BASE64URL, 32)}k`,
      (secret) => `https://api.telegram.org/bot${by.chars(DIGITS, 10)}:${secret}/sendMessage`,
    ),
  "Sentry DSN": (by) =>
    withSecret(
      by.chars(HEX, 32),
      (secret) => `dsn: "https://${secret}@o${by.whole(99999)}.ingest.sentry.io/${by.whole(999999)}"`,
    ),
  "mysql -p": (by) =>
    withSecret(plain(by), (secret) =>
      by.pick([
        `mysql -u root -p${secret} ${word(by)}`,
        `mysqldump -h db -uapp -p'${secret}' app > dump.sql`,
        `mariadb --user=app --password=${secret}`,
      ]),
    ),
  "curl -u": (by) =>
    withSecret(plain(by), (secret) =>
      by.pick([
        `curl -u ann:${secret} https://example.org`,
        `curl --user "ann:${secret}" -X POST https://example.org`,
        `http -a x ; curl -s -u 'svc:${secret}' https://example.org`,
      ]),
    ),
  "password of a command": (by) =>
    withSecret(plain(by), (secret) =>
      by.pick([
        `sshpass -p ${secret} ssh ann@host`,
        `sshpass -p '${secret}' scp a b`,
        `redis-cli -h cache -a ${secret} ping`,
        `docker login -u ann -p ${secret} registry.example.org`,
        `echo ${secret} | sudo -S apt update`,
        `echo "${secret}" | docker login -u ann --password-stdin`,
        `openssl rsa -in k.pem -passin pass:${secret}`,
        `PGPASSWORD=${secret} psql -h db app`,
        `wget --http-password=${secret} https://example.org`,
        `mongosh -u ann -p ${secret} --host db`,
        `sqlcmd -S db -U sa -P ${secret}`,
        `unzip -P ${secret} a.zip`,
        `smbclient //srv/share -U ann%${secret}`,
        `ldapsearch -D cn=admin -w ${secret} -b dc=x`,
      ]),
    ),
  netrc: (by) => withSecret(plain(by), (secret) => `machine git.example.org login ann password ${secret}`),
  "SQL password": (by) =>
    withSecret(plain(by), (secret) =>
      by.pick([
        `CREATE USER app WITH PASSWORD '${secret}';`,
        `ALTER ROLE app PASSWORD '${secret}';`,
        `CREATE USER 'app'@'%' IDENTIFIED BY '${secret}';`,
        `ALTER USER app WITH ENCRYPTED PASSWORD '${secret}';`,
      ]),
    ),
  "WireGuard key": (by) =>
    withSecret(
      `${by.chars(BASE64, 42)}E=`,
      (secret) => `[Interface]\n${by.pick(["PrivateKey", "PresharedKey"])} = ${secret}\nAddress = 10.0.0.2/32`,
    ),
  "GCP service account": (by) =>
    withSecret(by.chars(ALNUM, 600), (secret) =>
      JSON.stringify(
        {
          type: "service_account",
          project_id: word(by),
          private_key: `-----BEGIN PRIVATE ${"KEY-----"}\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n${secret.match(/.{1,64}/g)?.join("\n")}\n-----END PRIVATE ${"KEY-----"}\n`,
        },
        null,
        2,
      ).replaceAll(/(?<=PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\\n)(.*?)(?=\\n-----END)/g, secret),
    ),
  "private key, line by line": (by, copy) => keyByLine(by, copy, 0),
  "private key, line by line, cut off": (by, copy) => keyByLine(by, copy, 0, 5),
  "private key, line by line, begun before": (by, copy) => keyByLine(by, copy, 2),
  "key that was cut off": (by) =>
    withSecret(
      by.chars(BASE64, 400).replaceAll(/[+/]/g, "x"),
      (secret) => `cat id_rsa\n-----BEGIN RSA PRIVATE ${"KEY-----"}\nMIIEowIBAAKCAQEA${secret}\n... (output truncated)`,
    ),
};

function withSecret(secret: string, text: (secret: string) => string): { text: string; secret: string } {
  return { secret, text: text(secret) };
}

function named(by: Chance, name: string, copy: number, secret: string): { text: string; secret: string } {
  const setting = SETTINGS[copy % SETTINGS.length];
  return { secret, text: setting?.(by, name, secret) ?? "" };
}

/** Copies of each kind. A third of them is kept apart. */
const EACH_FORM = 9;
const EACH_SURROUNDED = 24;
const EACH_NAMED = 90;
const HELD_OUT = 3;

export function plants(): Plant[] {
  const forms = Object.entries(FORMS).flatMap(([kind, make], at) =>
    Array.from({ length: EACH_FORM }, (_, copy) => {
      const by = chance(104_729 * at + copy);
      const secret = make(by);
      const place = PLACES[(at * 5 + copy * 7) % PLACES.length];
      return { kind, secret, text: place?.(by, secret) ?? "", heldOut: copy % HELD_OUT === 1 };
    }),
  );
  const surrounded = Object.entries(SURROUNDED).flatMap(([kind, make], at) =>
    Array.from({ length: kind.endsWith("by name") ? EACH_NAMED : EACH_SURROUNDED }, (_, copy) => {
      const { text, secret } = make(chance(15_485_863 + 7_919 * at + copy), copy);
      return { kind, secret, text, heldOut: copy % HELD_OUT === 1 };
    }),
  );
  return [...forms, ...surrounded];
}
