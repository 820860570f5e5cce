// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what templates of settings have in them.
/** Texts without a secret in them, of the kinds that hand-offs are full of: what is found here is a false alarm. */
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

interface Friendly {
  readonly kind: string;
  readonly text: string;
  /** Whether it was kept apart while the rules were written. */
  readonly heldOut: boolean;
}

type Template = (by: Chance) => string;

const sha = (by: Chance, bits = 256) => by.chars(HEX, bits / 4);
const base64 = (by: Chance, bytes: number) => Buffer.from(by.chars(BASE64, bytes)).toString("base64");
const camel = (by: Chance) => `${word(by)}${word(by).replace(/^./, (first) => first.toUpperCase())}`;
const lines = (count: number, line: () => string) => Array.from({ length: count }, line).join("\n");
const key = (by: Chance) =>
  by.pick([
    "password",
    "secret",
    "token",
    "apiKey",
    "api_key",
    "accessToken",
    "client_secret",
    "passphrase",
    "credentials",
  ]);
const ENV = (by: Chance) =>
  by.pick([
    "DB_PASSWORD",
    "API_KEY",
    "SECRET_KEY",
    "GITHUB_TOKEN",
    "STRIPE_SECRET_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "OPENAI_API_KEY",
    "JWT_SECRET",
    "SLACK_BOT_TOKEN",
    "NPM_TOKEN",
    "SESSION_SECRET",
  ]);
const hole = (by: Chance) =>
  by.pick([
    "<your-token>",
    "your-api-key",
    "YOUR_API_KEY",
    "xxx",
    "xxxxxxxxxxxxxxxx",
    "changeme",
    "***",
    "********",
    "...",
    "<secret>",
    "${TOKEN}",
    "$API_TOKEN",
    "{{ token }}",
    "process.env.TOKEN",
    "REPLACE_ME",
    "todo",
    "sk-...",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "[redacted: github-token #1]",
    "insert-token-here",
    "example",
    "placeholder",
    "dummy-value",
    "null",
    '""',
    "''",
    "sk-ant-...",
    "your_secret_here",
    "${{ secrets.DEPLOY_TOKEN }}",
    "$(cat token.txt)",
    "!Ref DbPassword",
    "(set in CI)",
    "•••••••",
    "[REDACTED]",
    "test",
    "password",
    "secret",
  ]);

const TEMPLATES: Readonly<Record<string, Template>> = {
  "git log": (by) =>
    lines(
      4,
      () =>
        `commit ${sha(by, 160)}\nAuthor: Ann <ann@example.org>\nDate:   Tue Mar 3 10:${by.between(10, 59)}:12 2026\n\n    ${word(by)}: ${sentence(by)}\n`,
    ),
  "git oneline": (by) =>
    lines(6, () => `${by.chars(HEX, 7)} ${word(by)}: rotate the ${key(by)} when the ${word(by)} ends`),
  "package lock": (by) =>
    `    "node_modules/${word(by)}": {\n      "version": "${by.whole(9)}.${by.whole(20)}.1",\n      "resolved": "https://registry.npmjs.org/${word(by)}/-/${word(by)}-1.0.${by.whole(9)}.tgz",\n      "integrity": "sha512-${base64(by, 64)}",\n      "license": "MIT"\n    },`,
  "yarn lock": (by) =>
    `${word(by)}@^1.2.0:\n  version "1.2.${by.whole(9)}"\n  resolved "https://registry.yarnpkg.com/${word(by)}/-/${word(by)}-1.2.3.tgz#${sha(by, 160)}"\n  integrity sha1-${base64(by, 20)}`,
  "go sum": (by) =>
    `github.com/${word(by)}/${word(by)} v1.${by.whole(20)}.0 h1:${base64(by, 32)}\ngithub.com/${word(by)}/${word(by)} v1.2.0/go.mod h1:${base64(by, 32)}`,
  "cargo lock": (by) =>
    `[[package]]\nname = "${word(by)}-token"\nversion = "0.${by.whole(9)}.1"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "${sha(by)}"`,
  "poetry lock": (by) =>
    `files = [\n    {file = "${word(by)}-1.0-py3-none-any.whl", hash = "sha256:${sha(by)}"},\n    {file = "${word(by)}-1.0.tar.gz", hash = "sha256:${sha(by)}"},\n]`,
  requirements: (by) =>
    `${word(by)}==2.${by.whole(30)}.0 \\\n    --hash=sha256:${sha(by)} \\\n    --hash=sha256:${sha(by)}`,
  "docker digests": (by) =>
    `FROM node:20-slim@sha256:${sha(by)}\nRUN --mount=type=secret,id=npm_token npm ci\nDigest: sha256:${sha(by)}\nStatus: Downloaded newer image for node:20\n${by.chars(HEX, 12)}: Pull complete`,
  sha256sum: (by) => lines(3, () => `${sha(by)}  ${word(by)}-linux-amd64.tar.gz`),
  "uuid log": (by) =>
    lines(
      4,
      () =>
        `2026-03-0${by.between(1, 9)}T10:0${by.whole(9)}:12Z INFO request_id=${uuid(by)} user_id=${by.whole(99999)} path=/api/${word(by)} status=200 ms=${by.whole(900)}`,
    ),
  "json log": (by) =>
    JSON.stringify({
      level: "info",
      msg: `${key(by)} refreshed`,
      traceId: sha(by, 128),
      spanId: sha(by, 64),
      sessionId: uuid(by),
      duration: by.whole(999),
    }),
  "transcript line": (by) =>
    JSON.stringify({
      type: "assistant",
      uuid: uuid(by),
      parentUuid: uuid(by),
      sessionId: uuid(by),
      requestId: `req_011C${by.chars(ALNUM, 20)}`,
      message: {
        id: `msg_01${by.chars(ALNUM, 22)}`,
        content: [
          {
            type: "tool_use",
            id: `toolu_01${by.chars(ALNUM, 22)}`,
            name: "Bash",
            input: { command: `npm test -- ${word(by)}` },
          },
        ],
        usage: { input_tokens: by.whole(9999), output_tokens: by.whole(999), cache_read_input_tokens: by.whole(99999) },
      },
    }),
  "thinking signature": (by) =>
    JSON.stringify({
      type: "thinking",
      thinking: sentence(by),
      signature: `E${by.pick([..."abc"])}o${base64(by, 180)}`,
    }),
  "token usage": (by) =>
    `tokens: ${by.whole(99999)}, max_tokens: ${by.whole(9999)}, token_count=${by.whole(9999)}, total_tokens_used: ${by.whole(999999)}`,
  "typescript types": (by) =>
    `interface Login {\n  username: string;\n  password: string;\n  ${key(by)}?: string | undefined;\n  readonly ${camel(by)}Token: AccessToken;\n  secret: Uint8Array;\n}`,
  "typescript code": (by) =>
    `const ${key(by)} = ${by.pick(["process.env.API_TOKEN", "await readToken(path)", "config.auth.secret", "req.body.password", "getSecret('db/main')", "options?.token ?? defaultToken", "new SecretKey(bytes)", 'randomBytes(32).toString("hex")'])};\nif (!${key(by)}) throw new Error("${key(by)} is missing");`,
  "python code": (by) =>
    `${key(by)} = ${by.pick(['os.environ["API_KEY"]', 'os.getenv("DB_PASSWORD")', 'getpass.getpass("Password: ")', "settings.SECRET_KEY", "load_token(path)", "None", "request.form['password']", "secrets.token_urlsafe(32)", "hashlib.sha256(data).hexdigest()"])}\nlogger.info("got %s for %s", name, user)`,
  "go code": (by) =>
    `type Config struct {\n\tPassword string \`json:"password" env:"DB_PASSWORD"\`\n\tToken    string \`yaml:"token"\`\n}\n\ntoken := os.Getenv("${ENV(by)}")\nif token == "" {\n\treturn errors.New("token is empty")\n}`,
  "ruby code": (by) =>
    `config.secret_key_base = ENV.fetch("SECRET_KEY_BASE")\nvalidates :password, presence: true, length: { minimum: ${by.between(8, 20)} }\nhas_secure_password\npassword: params[:password], token: user.token`,
  "java code": (by) =>
    `@Value("\${spring.datasource.password}")\nprivate String password;\nprivate static final String TOKEN_HEADER = "X-Auth-Token";\nString ${key(by)} = System.getenv("${ENV(by)}");\nreturn passwordEncoder.matches(rawPassword, user.getPassword());`,
  "php code": (_by) =>
    `$password = $_POST['password'];\ndefine('DB_PASSWORD', getenv('DB_PASSWORD'));\n$token = $request->header('X-CSRF-Token');\n'password' => env('DB_PASSWORD', ''),`,
  "rust code": (by) =>
    `let ${key(by).toLowerCase()} = std::env::var("${ENV(by)}")?;\npub struct Secret<T>(T);\nfn verify(password: &str, hash: &[u8]) -> bool { bcrypt::verify(password, hash) }`,
  "c code": () =>
    'static const char *password_prompt = "Password: ";\nchar *token = strtok(line, " \\t");\nif (strcmp(token, "password") == 0) return PASSWORD_FIELD;\nwhile (token != NULL) { token = strtok(NULL, delim); }',
  "lexer code": (by) =>
    `this.token = this.nextToken();\nswitch (token.type) { case Token.Identifier: case Token.${word(by)}: return { kind: "token", value: token.value }; }\nconst KEY_${word(by).toUpperCase()} = "key.${word(by)}.name";`,
  "env template": (by) => `${ENV(by)}=${hole(by)}\n${ENV(by)}=\nPORT=3000\nNODE_ENV=production\nDEBUG=${word(by)}:*`,
  "env public": (by) =>
    `NEXT_PUBLIC_API_URL=https://api.example.org/v1\nLOG_LEVEL=info\nPORT=${by.between(3000, 9000)}\nFEATURE_${word(by).toUpperCase()}=true\nBUILD_ID=${uuid(by)}\nGIT_SHA=${sha(by, 160)}`,
  "yaml config": (by) =>
    `auth:\n  type: password\n  password: ${by.pick(["${DB_PASSWORD}", "!vault prod/db", '"{{ vault.password }}"', "null", "~", "<set me>", "changeme", "********"])}\n  token_url: https://login.example.org/oauth/token\n  secretName: ${word(by)}-tls-secret\n  tokenExpiry: 3600`,
  kubernetes: (by) =>
    `env:\n  - name: ${ENV(by)}\n    valueFrom:\n      secretKeyRef:\n        name: ${word(by)}-secrets\n        key: ${key(by)}\nimagePullSecrets:\n  - name: registry-credentials\nserviceAccountName: ${word(by)}`,
  "github workflow": (by) =>
    `      - uses: actions/checkout@${sha(by, 160)} # v4\n        with:\n          token: \${{ secrets.GITHUB_TOKEN }}\n      - run: npm publish\n        env:\n          NODE_AUTH_TOKEN: \${{ secrets.NPM_TOKEN }}\n          ${ENV(by)}: \${{ secrets.${ENV(by)} }}`,
  terraform: (by) =>
    `variable "${key(by)}" {\n  type      = string\n  sensitive = true\n}\nresource "aws_db_instance" "${word(by)}" {\n  password = var.db_password\n  kms_key_id = aws_kms_key.main.arn\n  master_password = random_password.db.result\n}`,
  openapi: (by) =>
    `securitySchemes:\n  bearerAuth:\n    type: http\n    scheme: bearer\n    bearerFormat: JWT\n  apiKey:\n    type: apiKey\n    name: X-API-Key\n    in: header\nproperties:\n  password:\n    type: string\n    format: password\n    minLength: ${by.between(8, 16)}\n  access_token:\n    type: string`,
  "json schema": (by) =>
    JSON.stringify(
      {
        properties: {
          password: { type: "string" },
          token: { type: "string", description: `The ${word(by)}'s token` },
          secret: "string",
          apiKey: "required",
        },
        required: ["password"],
      },
      null,
      2,
    ),
  translations: (by) =>
    JSON.stringify({
      password: by.pick(["Password", "Kennwort", "Mot de passe", "Contraseña"]),
      passwordPlaceholder: "Enter your password",
      "login.password": "Your password",
      token: "Access token",
      forgot_password: "Forgot your password?",
      secret: "Geheimnis",
      password_hint: "At least 12 characters, one digit",
    }),
  "html form": (by) =>
    `<label for="password">Password</label>\n<input type="password" name="password" id="login-password" placeholder="••••••••" autocomplete="current-password" required minlength="${by.between(8, 16)}">\n<input type="hidden" name="${word(by)}_id" value="${by.whole(9999)}">`,
  "react code": (by) =>
    `const [password, setPassword] = useState("");\n<Input label="Password" type="password" value={password} onChange={(event) => setPassword(event.target.value)} />\n<Trans i18nKey="login.password.label" key={${word(by)}.id} />`,
  sql: (by) =>
    `CREATE TABLE users (\n  id uuid PRIMARY KEY,\n  password_hash text NOT NULL,\n  reset_token text,\n  token_expires_at timestamptz\n);\nSELECT id, password_hash FROM users WHERE reset_token = $1 AND id = ${by.whole(999)};`,
  "curl docs": (by) =>
    `curl -H "Authorization: Bearer ${by.pick(["$TOKEN", "<token>", "YOUR_TOKEN", "${API_KEY}", "{token}", "..."])}" https://api.example.org/v1/${word(by)}\ncurl -u "$USER:$PASS" https://example.org/\ncurl -u user:password https://example.org/`,
  shell: (by) =>
    `read -s -p "Password: " password\nexport ${ENV(by)}="$(pass show ${word(by)})"\ndocker run -u 1000:1000 -e ${ENV(by)} app\nmysql -u root -p ${word(by)} < dump.sql\nssh -p 2222 ann@host\ngit push origin ${word(by)}-token-refresh`,
  "cli help": () =>
    "  -p, --password <password>   the password to use\n      --token string          API token (default: $API_TOKEN)\n      --api-key KEY           your key\n  -u, --user USER[:PASSWORD]  credentials\n      --password-stdin        read it from stdin",
  "markdown table": (by) =>
    `| name | default | what |\n|---|---|---|\n| \`${ENV(by)}\` | none | the password of the database |\n| token | string | the access token |\n| \`apiKey\` | required | from the dashboard |\n| PORT | 3000 | where it listens |\n| password | \`changeme\` | of the ${word(by)} |`,
  prose: (by) =>
    `${sentence(by)} The password is stored as a hash. The token is read from the environment, and the secret is never logged. Its API key: see the vault. ${sentence(by)} The passphrase is six words. The token is valid for ${by.between(5, 60)} minutes.`,
  "prose german": (by) =>
    `${sentence(by)} Das Passwort ist im Tresor, das Token läuft nach ${by.between(5, 60)} Minuten ab. Kennwort: siehe 1Password. Der API-Key ist abgelaufen.`,
  "decision list": (by) =>
    `## Decisions\n- Token rotation: every ${by.between(7, 90)} days, because sessions outlive it.\n- Password hashing: argon2id with m=65536.\n- Secret storage: Vault, not env files.\n- key: value pairs stay in ${word(by)}.json`,
  "dead ends": (by) =>
    `## Tried\n1. \`secret = base64(key)\` did not work: the ${word(by)} wants hex.\n2. Bearer authentication failed with 401 (token expired).\n3. Basic auth: works, but the proxy strips it.\n4. \`password === undefined\` in ${word(by)}.test.ts`,
  "stack trace": (by) =>
    `Error: invalid token\n    at verifyToken (/srv/app/node_modules/jsonwebtoken/verify.js:${by.whole(300)}:19)\n    at Layer.handle [as handle_request] (/srv/app/node_modules/express/lib/router/layer.js:95:5)\n    at ${camel(by)} (file:///srv/app/dist/${word(by)}.js:${by.whole(300)}:11)\nJsonWebTokenError: jwt malformed`,
  "python trace": (by) =>
    `Traceback (most recent call last):\n  File "app/${word(by)}.py", line ${by.whole(400)}, in login\n    raise AuthError("password does not match")\nauth.AuthError: password does not match\nKeyError: 'SECRET_KEY'`,
  "public key": (by) =>
    `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${by.chars(BASE64, 43)} ann@laptop\nssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC${by.chars(BASE64, 330)} ci@build`,
  "pem public": (by) =>
    `-----BEGIN ${by.pick(["PUBLIC KEY", "CERTIFICATE", "RSA PUBLIC KEY", "CERTIFICATE REQUEST"])}-----\n${lines(6, () => by.chars(BASE64, 64))}\n-----END PUBLIC KEY-----`,
  "age recipients": (by) =>
    `age -r age1${by.chars("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58)} -o out.age ${word(by)}.txt\n# public key: age1${by.chars("qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58)}`,
  fingerprints: (by) =>
    `SHA256:${by.chars(BASE64, 43)} ann@laptop (ED25519)\nThe key fingerprint is: MD5:${Array.from({ length: 16 }, () => by.chars(HEX, 2)).join(":")}\ngpg: key ${by.chars("0123456789ABCDEF", 16)}: public key imported`,
  "wireguard public": (by) =>
    `[Peer]\nPublicKey = ${by.chars(BASE64, 42)}g=\nAllowedIPs = 10.0.0.${by.whole(200)}/32\nEndpoint = vpn.example.org:51820`,
  "data uri": (by) => `<img src="data:image/png;base64,iVBORw0KGgo${base64(by, 300)}">`,
  "source map": (by) =>
    `//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoi${base64(by, 200)}`,
  minified: (by) =>
    `!function(e,t){var n={key:e.key,token:t.token};${lines(3, () => `function ${by.chars(LOWER, 1)}(e){return e&&e.${camel(by)}?e.password:t(${by.whole(999)})}`)}}(window,document);`,
  svg: (by) =>
    `<path d="M${by.whole(99)} ${by.whole(99)}c${lines(5, () => `${by.whole(99)}.${by.whole(99)}-${by.whole(9)}.${by.whole(99)} `)}z" fill="#${by.chars(HEX, 6)}"/>`,
  "hex dump": (by) =>
    lines(
      4,
      () =>
        `0000${by.chars(HEX, 4)}  ${Array.from({ length: 16 }, () => by.chars(HEX, 2)).join(" ")}  |................|`,
    ),
  etag: (by) =>
    `HTTP/2 200\netag: W/"${by.chars(HEX, 8)}-${by.chars(BASE64URL, 27)}"\ncontent-security-policy: script-src 'nonce-${base64(by, 16)}'\nx-request-id: ${uuid(by)}\nset-cookie: theme=dark; Path=/\ncf-ray: ${by.chars(HEX, 16)}-FRA`,
  traceparent: (by) =>
    `traceparent: 00-${sha(by, 128)}-${sha(by, 64)}-01\nx-amzn-trace-id: Root=1-${by.chars(HEX, 8)}-${by.chars(HEX, 24)}\nsentry event: ${sha(by, 128)}`,
  "aws names": (by) =>
    `arn:aws:iam::${by.chars(DIGITS, 12)}:role/${word(by)}\naccount: ${by.chars(DIGITS, 12)}\narn:aws:secretsmanager:eu-west-1:${by.chars(DIGITS, 12)}:secret:${word(by)}-${by.chars(ALNUM, 6)}\nKeyId: ${uuid(by)}\nvpc-${by.chars(HEX, 17)} i-${by.chars(HEX, 17)}`,
  urls: (by) =>
    `https://github.com/${word(by)}/${word(by)}/blob/${sha(by, 160)}/src/${word(by)}.ts#L${by.whole(300)}\nhttps://example.org/search?q=${word(by)}&page=${by.whole(9)}&page_token=${by.chars(ALNUM, 24)}\npostgres://localhost:5432/${word(by)}\nredis://cache:6379/0\nhttp://localhost:3000/@vite/client\ngit@github.com:${word(by)}/${word(by)}.git`,
  "url templates": (by) =>
    `postgres://user:password@localhost:5432/${word(by)}\npostgresql://\${DB_USER}:\${DB_PASSWORD}@db:5432/app\nmongodb://<user>:<password>@cluster0.example.net\nhttps://user:pass@example.org/\nredis://:\${REDIS_PASSWORD}@redis:6379\namqp://guest:guest@rabbitmq:5672`,
  "ids of services": (by) =>
    `pk_live_${by.chars(ALNUM, 24)}\ncus_${by.chars(ALNUM, 14)} pi_${by.chars(ALNUM, 24)} price_1${by.chars(ALNUM, 23)}\npk.eyJ1Ijoi${by.chars(ALNUM, 30)}.${by.chars(ALNUM, 22)}\nAC${by.chars(HEX, 32)}\nprj_${by.chars(ALNUM, 28)}\nG-${by.chars(UPPER + DIGITS, 10)} UA-12345-1`,
  "variable names": (by) =>
    `userPasswordResetTokenService.validatePasswordResetToken(passwordResetToken);\nACCESS_TOKEN_EXPIRE_MINUTES = ${by.whole(99)}\nMAX_PASSWORD_LENGTH = 128\nTOKEN_REFRESH_INTERVAL=300\nPASSWORD_RESET_URL=https://example.org/reset\nSECRET_MANAGER_PROJECT=${word(by)}-prod`,
  "test names": (by) =>
    `✓ refuses a wrong password (${by.whole(90)} ms)\n✓ token: expires after an hour\n✗ secret is not logged\n  expected 'password' to be undefined\n  AssertionError: expected token to equal 'abc'\n  at test/${word(by)}.test.ts:${by.whole(300)}`,
  "test code": (by) =>
    `expect(login({ user: "ann", password: "wrong" })).rejects.toThrow();\nit("hides the token", () => { const token = makeToken(); expect(render(token)).not.toContain(token); });\nmock.password = "test";\nconst apiKey = "test-api-key";\nconst ${key(by)} = "fake-${word(by)}";`,
  css: (by) =>
    `.password-strength--${word(by)} { color: #${by.chars(HEX, 6)}; }\n.token.keyword, .token.string { font-weight: bold; }\n#api-key-input:focus { outline: 1px solid; }\nbackground: url("/static/${word(by)}.${by.chars(HEX, 20)}.svg");`,
  "editor settings": (by) =>
    JSON.stringify({
      "editor.tokenColorCustomizations": { comments: "#6A9955" },
      key: "ctrl+shift+k",
      command: `${word(by)}.toggle`,
      keybindings: [{ key: "ctrl+k ctrl+s", when: "editorTextFocus" }],
      semanticTokenColors: true,
    }),
  protobuf: (by) =>
    `message LoginRequest {\n  string username = 1;\n  string password = 2;\n  bytes secret_key = ${by.between(3, 9)};\n  string next_page_token = 4;\n}`,
  graphql: (by) =>
    `mutation Login($email: String!, $password: String!) {\n  login(email: $email, password: $password) { token refreshToken user { id } }\n}\nquery ${camel(by)}($token: String!) { ${word(by)}(token: $token) { id } }`,
  ethereum: (by) => `contract: 0x${by.chars(HEX, 40)}\ntx: 0x${by.chars(HEX, 64)}\nblock hash 0x${by.chars(HEX, 64)}`,
  pagination: (by) =>
    JSON.stringify({
      items: [],
      next_page_token: by.chars(BASE64URL, 40),
      nextPageToken: by.chars(BASE64URL, 44),
      cursor: base64(by, 24),
      continuationToken: base64(by, 30),
    }),
  "cache keys": (by) =>
    `cache_key: "${word(by)}-${sha(by, 256)}"\ncacheKey=npm-${sha(by, 160)}\nkey: node-modules-\${{ hashFiles('package-lock.json') }}\nprimaryKey: ${uuid(by)}\nCache restored from key: linux-npm-${sha(by, 256)}`,
  "ipv6 and macs": (by) =>
    `inet6 fe80::${by.chars(HEX, 4)}:${by.chars(HEX, 4)}:${by.chars(HEX, 4)}:${by.chars(HEX, 4)} scope link\nlink/ether ${Array.from({ length: 6 }, () => by.chars(HEX, 2)).join(":")}`,
  "process list": (by) =>
    `ann  ${by.whole(30000)}  0.0  0.1 sshd: ann@pts/0\nann  ${by.whole(30000)}  1.2  3.4 node dist/${word(by)}.js --token-file /run/secrets/token --password-file=/run/secrets/db`,
  compose: (by) =>
    `services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD_FILE: /run/secrets/db_password\n      POSTGRES_USER: ${word(by)}\n      POSTGRES_PASSWORD: postgres\nsecrets:\n  db_password:\n    file: ./db_password.txt`,
  redacted: (by) =>
    `password=[redacted: password-assignment #${by.whole(9)}]\nAuthorization: Bearer [redacted: jwt #1]\npostgres://app:[redacted: connection-string #2]@db/app\nTOKEN=[REDACTED]\npassword: ********\napi_key=sk-****${by.chars(ALNUM, 4)}`,
  "css modules": (by) =>
    `class="Button_root__${by.chars(ALNUM, 5)} sc-${by.chars(LOWER, 6)} css-1${by.chars(LOWER + DIGITS, 6)}" data-key="${word(by)}-${by.whole(99)}"\n/_next/static/chunks/${by.whole(999)}-${by.chars(HEX, 16)}.js`,
  "docs of a format": (by) =>
    `A token begins with \`ghp_\`, a key with \`sk-\` or \`AKIA\`; JSON web tokens with \`eyJ\`. ${sentence(by)} Never commit \`-----BEGIN PRIVATE KEY-----\`. Format: \`xoxb-<team>-<bot>-<secret>\`, \`https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX\`.`,
  regexes: () =>
    'const GITHUB = /gh[pousr]_[A-Za-z0-9]{36}/;\nconst PASSWORD = /^(?=.*[A-Z])(?=.*\\d).{12,}$/;\npassword_pattern = r"password\\s*[:=]\\s*(\\S+)"\ntoken_re="[a-f0-9]{64}"',
  "vue code": (by) =>
    `<el-form-item label="Password" prop="password"><el-input v-model="form.password" show-password /></el-form-item>\ntoken: store.getters.token,\npassword: this.form.${word(by)}Password,\nheaders: { Authorization: \`Bearer \${token}\` },`,
  nginx: (by) =>
    `proxy_set_header Authorization $http_authorization;\nauth_basic "Restricted";\nauth_basic_user_file /etc/nginx/.htpasswd;\nssl_certificate_key /etc/ssl/private/${word(by)}.key;\nlimit_req_zone $binary_remote_addr zone=${word(by)}:10m;`,
  "commit messages": (by) =>
    `fix(auth): token refresh race in ${word(by)}\n\nThe secret key: was read twice. Password policy: see ADR-${by.whole(50)}.\nCo-authored-by: Bo <bo@example.org>\nRefs: ${sha(by, 160)}`,
  emails: (by) =>
    `From: ann@example.org\nMessage-ID: <${by.chars(ALNUM, 24)}.${by.whole(99999)}@mail.example.org>\nSubject: password reset for ${word(by)}\nDKIM-Signature: v=1; a=rsa-sha256; b=${base64(by, 120)}`,
  "csp hashes": (by) =>
    `script-src 'sha256-${base64(by, 24)}' 'sha384-${base64(by, 36)}'\n<script integrity="sha384-${base64(by, 48)}" crossorigin="anonymous" src="/a.js"></script>`,
  maven: (by) =>
    `<dependency><groupId>org.${word(by)}</groupId><artifactId>${word(by)}-token</artifactId></dependency>\n<server><id>central</id><username>\${env.USER}</username><password>\${env.MAVEN_PASSWORD}</password></server>`,
  "swift code": (by) =>
    `let password = passwordField.text ?? ""\nKeychain.set(token, forKey: "auth.token.${word(by)}")\nfunc refresh(token: RefreshToken) async throws -> AccessToken`,
  csharp: (by) =>
    `public string Password { get; set; }\nvar token = Configuration["Jwt:Token"];\nservices.AddAuthentication(options => options.DefaultScheme = "Bearer");\nPassword = model.Password, SecretName = "${word(by)}-secret"`,
  "tables of tests": (by) =>
    `| case | password | expected |\n|---|---|---|\n| empty | | refused |\n| short | abc | refused |\n| long | (128 chars) | accepted |\n| ${word(by)} | correct | accepted |`,
  elixir: (by) =>
    `config :app, App.Repo, password: System.get_env("DB_PASSWORD")\nplug :fetch_session, key: "_${word(by)}_key"\nsecret_key_base: System.fetch_env!("SECRET_KEY_BASE")`,
  numbers: (by) =>
    `pin layout: ${by.chars(DIGITS, 4)}; order ${by.chars(DIGITS, 16)}; isbn 978-${by.chars(DIGITS, 10)}; phone +49 30 ${by.chars(DIGITS, 8)}; epoch ${by.chars(DIGITS, 13)}`,
  locale: (by) =>
    `password.required=Please enter a password\npassword.mismatch=Passwords don't match\ntoken.expired=Your session has expired, log in again\nsecret.label=Client secret\n${word(by)}.key=Schlüssel`,
  "model names": (by) =>
    `model: claude-sonnet-4-5-20250929, gpt-4o-2024-08-06, text-embedding-3-small; tokenizer: cl100k_base; eos_token: "<|endoftext|>"; pad_token_id: ${by.whole(50000)}; special_tokens_map.json; token_type_ids`,
};

/** So many texts are made of each template. */
const EACH = 15;
/** Every fourth template, and every third text of the others, is kept apart. */
const HELD_OUT_TEMPLATE = 4;
const HELD_OUT_TEXT = 3;

export function friendlyTexts(): Friendly[] {
  return Object.entries(TEMPLATES).flatMap(([kind, template], at) =>
    Array.from({ length: EACH }, (_, copy) => ({
      kind,
      text: template(chance(7_919 * at + copy)),
      heldOut: at % HELD_OUT_TEMPLATE === 2 || copy % HELD_OUT_TEXT === 2,
    })),
  );
}
