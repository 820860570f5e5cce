/** What is promised of redaction beyond the corpus: every value behind a clear name, and no false alarms of these kinds. */
import { describe, expect, it } from "vitest";
import { type RedactorOptions, redactText } from "../../src/redact/redactor.ts";
import { leftOf } from "./corpus/measure.ts";
import { ALNUM, BASE64, BASE64URL, chance, DIGITS, HEX, LOWER, UPPER, uuid } from "./corpus/random.ts";

const REDACT: RedactorOptions = { secrets: "redact" };
const by = chance(2026);
const redacted = async (text: string) => (await redactText(text, REDACT)).text;
const B32 = `${UPPER}234567`;
const SIGNS = `${ALNUM}!#%^*+=?`;
const b64 = (text: string) => Buffer.from(text).toString("base64");
const pem = (kind = "EC ") =>
  `-----BEGIN ${kind}PRIVATE ${"KEY-----"}\n${by.chars(BASE64, 64)}\n${by.chars(BASE64, 64)}\n-----END ${kind}PRIVATE KEY-----\n`;
const jwt = () => `eyJ${by.chars(BASE64URL, 30)}.eyJ${by.chars(BASE64URL, 80)}.${by.chars(BASE64URL, 43)}`;

describe("a random value of 12 characters and more behind a clear name", () => {
  const names = ["DB_PASSWORD", "API_KEY", "CLIENT_SECRET", "ACCESS_TOKEN", "SMTP_PASS"];
  const camel = (name: string) => name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const forms: Record<string, (name: string, value: string) => string> = {
    "a line of .env": (name, value) => `PORT=1\n${name}=${value}\nA=b\n`,
    "an export": (name, value) => `export ${name}="${value}"\n`,
    JSON: (name, value) => JSON.stringify({ host: "x", [camel(name)]: value, port: 1 }, null, 2),
    YAML: (name, value) => `a:\n  ${name.toLowerCase()}: ${value}\n  b: c\n`,
    "quoted YAML": (name, value) => `a:\n  ${camel(name)}: '${value}'\n`,
    TOML: (name, value) => `[a]\n${name.toLowerCase()} = "${value}"\n`,
    "a header": (name, value) => `GET / HTTP/1.1\nX-${name.replace("_", "-")}: ${value}\nAccept: */*\n`,
    "a header of curl's": (name, value) => `curl -H "X-${name.replace("_", "-")}: ${value}" https://x.example`,
    "a literal in code": (name, value) => `const ${camel(name)} = "${value}";`,
    "an argument in code": (name, value) => `connect(host="db", ${name.toLowerCase()}='${value}')`,
  };
  const alphabets = { base32: B32, alnum: ALNUM, hex: HEX, base64: BASE64, base64url: BASE64URL, signs: SIGNS };

  it.each(Object.entries(forms))("as %s, stays in at most one case of a hundred", async (_, form) => {
    const missed: string[] = [];
    let all = 0;
    for (const [alphabet, letters] of Object.entries(alphabets)) {
      for (let copy = 0; copy < 200; copy++) {
        const value = by.chars(letters, by.pick([12, 14, 16, 20, 24, 32]));
        const text = form(by.pick(names), value);
        all++;
        if (leftOf(value, await redacted(text)) !== undefined) missed.push(`${alphabet} ${text}`);
      }
    }
    expect(missed.length / all, missed.join("\n")).toBeLessThanOrEqual(0.01);
  });
});

describe("a secret is found", () => {
  const found: readonly (readonly [kind: string, secret: string, text: (secret: string) => string])[] = [
    ["a GitHub app token", `ghs_${by.chars(DIGITS, 7)}_${jwt()}`, (it) => `I logged in with \`${it}\` and it worked.`],
    ["a Gemini key", `AQ.${by.chars(BASE64URL, 50)}`, (it) => `curl 'https://ai.example/v1/models?key=${it}'`],
    ["a prefixed GitLab token", `ACME-glpat-${by.chars(ALNUM, 20)}`, (it) => `It was ${it}, made yesterday.`],
    ["a dotted GitLab token", `glpat-${by.chars(ALNUM, 27)}.01.${by.chars(LOWER, 9)}`, (it) => `It was ${it}.`],
    ["a local Sourcegraph token", `sgp_local_${by.chars(HEX, 40)}`, (it) => `set it to ${it} for now`],
    ["a Stripe organisation key", `sk_org_live_${by.chars(ALNUM, 40)}`, (it) => `the organisation has ${it}.`],
    ["an OpenShift token", `sha256~${by.chars(BASE64URL, 43)}`, (it) => `oc login and then ${it}`],
    ["a Packagist token", `packagist_uut_${by.chars(HEX, 68)}`, (it) => `it is ${it} now`],
    ["a MaxMind key", `${by.chars(ALNUM, 6)}_${by.chars(ALNUM, 29)}_mmk`, (it) => `we pay for ${it} there`],
    ["a Bitwarden token", `0.${uuid(by)}.${by.chars(ALNUM, 30)}:${by.chars(BASE64, 22)}==`, (it) => `bws with ${it}`],
    ["a token that says what it is", `acmecloud_live_${by.chars(ALNUM, 32)}`, (it) => `we used ${it} in staging`],
    ["a private key in base64", b64(pem()), (it) => `users:\n- name: admin\n  user:\n    client-key-data: ${it}\n`],
    [
      "a file of settings in base64",
      b64(`PORT=1\nDB_PASSWORD=${by.chars(ALNUM, 20)}\n`),
      (it) => `data:\n  env: ${it}\n`,
    ],
    [
      "the secret beside an AWS id",
      by.chars(`${ALNUM}/+`, 40),
      (it) => `the keys are AKIA${by.chars(B32, 16)} / ${it}`,
    ],
    ["the value in the next line", by.chars(ALNUM, 32), (it) => `DATADOG_APP_KEY=\n${it}\n`],
    ["the value behind a continued line", by.chars(ALNUM, 32), (it) => `API_TOKEN=\\\n${it}\n`],
    ["a cookie of curl's", by.chars(HEX, 32), (it) => `curl -b 'session=${it}' https://intranet.example/me`],
    ["a cookie in JSON", by.chars(ALNUM, 32), (it) => `{"name":"auth_session","value":"${it}"}`],
    ["a session in a query", by.chars(HEX, 32), (it) => `https://shop.example/cart?session=${it}&page=2`],
    ["a field that is filled in", by.chars(ALNUM, 12), (it) => `<input value="${it}" type="password" name="password">`],
    ["a field without quotes", by.chars(ALNUM, 12), (it) => `<input name=password value=${it}>`],
    ["a column of Markdown", by.chars(SIGNS, 14), (it) => `| user | password |\n| --- | --- |\n| ann | ${it} |\n`],
    ["a column of psql", by.chars(ALNUM, 14), (it) => ` user | password \n------+----------\n ann  | ${it}\n`],
    ["three words", "kestrel-moonlight-fjord", (it) => `my laptop password is ${it}.`],
    ["an app password", "jzdy cplo kfuw kbhj", (it) => `Gmail app password: ${it}`],
    [
      "a recovery key of digits",
      "740289-272827-124256-922918-686424-363906-680515-206746",
      (it) => `Secret Key (kit): ${it}`,
    ],
    [
      "a static key of OpenVPN",
      by.chars(HEX, 32),
      (it) => `-----BEGIN OpenVPN Static key V1-----\n${`${it}\n`.repeat(16)}-----END OpenVPN Static key V1-----\n`,
    ],
    ["a deploy hook", by.chars(HEX, 24), (it) => `curl -X POST https://api.netlify.com/build_hooks/${it}`],
    [
      "a stream's key",
      "h5jp-rlii-0b2x-paz5",
      (it) => `ffmpeg -re -i a.mp4 -f flv rtmp://a.rtmp.youtube.com/live2/${it}`,
    ],
    ["a link that resets a password", by.chars(BASE64URL, 43), (it) => `sent https://a.example/password/reset/${it}`],
    ["a gossip key", `${by.chars(BASE64, 43)}=`, (it) => `encrypt = "${it}"\ndatacenter = "fra1"`],
    ["a token before a question mark", by.chars(ALNUM, 32), (it) => `can you try the Fastly key ${it}? Mine is slow.`],
    ["a column of CSV", by.chars(ALNUM, 14), (it) => `user,password\nann,${it}\n`],
  ];
  it.each(found)("%s", async (_, secret, text) => {
    expect(leftOf(secret, await redacted(text(secret)))).toBeUndefined();
  });

  it.each([
    "密码：§",
    "密码是§",
    "口令: §",
    "パスワードは § です",
    "パスワード：「§」",
    "비밀번호: §",
    "비밀번호는 § 입니다",
    "Пароль: §",
    "пароль — §",
    "токен: §",
    "la password è §",
    "la contraseña es §",
    "le mot de passe est §",
    "a senha é §",
    "das Kennwort lautet §",
    "wachtwoord: §",
    "hasło to §",
    "hasło: §",
    "şifre: §",
    "mật khẩu là §",
    "kata sandi: §",
    "كلمة المرور: §",
    "पासवर्ड: §",
    "รหัสผ่าน: §",
    "lösenord: §",
    "κωδικός: §",
    "סיסמה: §",
    "heslo je §",
  ])("%s", async (sentence) => {
    for (let copy = 0; copy < 5; copy++) {
      const secret = `${by.chars(ALNUM, 6)}7${by.chars(`${ALNUM}#+`, 6)}k`;
      expect(leftOf(secret, await redacted(sentence.replace("§", secret)))).toBeUndefined();
    }
  });
});

it.each([
  "=== RUN   TestParseRate\n--- PASS: TestParseRate (0.00s)",
  "For a dry run, pass `--no-write` to the importer.",
  "Always pass `PUMP_TRUST=true` in the environment.",
  "PASS: `ready=true`",
  "Audited HEAD for this pass: `3f6c8916d5eeede01e5a099c6910f1aee3499cb7`.",
  'go test ./... 2>&1 | grep -E "(RUN|PASS|FAIL)" | tail -10',
  ":root { --pass: #16a34a; --fail: #dc2626; }",
  "first_pass: a7c9e1f3b5d7\nsecond_pass: true",
  "export STAMP=$(date -u +%Y-%m-%dT%H:%M:%SZ)",
  "| name | last rotated |\n| --- | --- |\n| `CRON_SECRET` | `2026-04-19T13:20:33Z` |",
  "pattern: (API_KEY|SECRET|TOKEN)\\s*=\\s*[\"']",
  "const SECRET = /(?:password|token)\\s{0,4}[:=]\\s{0,4}[A-Za-z0-9]{20,}/;",
  `Host key: SHA256:${by.chars(BASE64, 43)}`,
  "password: TArg<KDFInput>,\nsecretKey: Fn.toBytes(skS),",
  "passwd = HTTPPasswordMgr()\nproxy_passwd = unquote(proxy_passwd)",
  '"@acme/rule-password": "11.7.1"',
  "readonly STENCIL_BACK_PASS_DEPTH_PASS: 0x8803;",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
  "DB_PASSWORD=${DB_PASSWORD:?missing}",
  "docker run --rm -v $(PWD):/usr/src/app -w /usr/src/app node:20 npm test",
])("%s stays as it is", async (text) => {
  expect(await redacted(text)).toBe(text);
});

it("random base64 in blocks and in one run stays as it is, whatever marks of four characters stand in it", async () => {
  for (const mark of ["AKCp", "EAA", "AKIA", "AIza", "cmVmdGtu", "AZDO", "oy2"]) {
    const lines = Array.from({ length: 20 }, () => by.chars(BASE64, 76));
    const block = lines.map((line, at) => (at % 5 === 2 ? mark + by.chars(ALNUM, 76 - mark.length) : line)).join("\n");
    expect(await redacted(block), mark).toBe(block);
    const run = `${by.chars(BASE64, 500)}/${mark}${by.chars(ALNUM, 80)}+${by.chars(BASE64, 500)}`;
    expect(await redacted(run), mark).toBe(run);
  }
});

it.each([
  ["lines", (it: string) => it.replace(/.{76}/g, "$&\n")],
  ["groups", (it: string) => it.replace(/.{12}/g, "$& ")],
])("random base64 in %s has no names of secrets by chance", async (_, written) => {
  const text = written(by.chars(BASE64, 2_000_000));
  const { report } = await redactText(text, { secrets: "redact" });
  expect(report.total).toBe(0);
});

it.each(["dbpwd", "dbPwd", "userPWD", "DB_PWD", "db/pw", "adminPsk", "app1_pwd"])("%s is a name", async (name) => {
  expect(await redacted(`${name}=h7kQ9x2mZ4`)).not.toContain("h7kQ9x2mZ4");
});
