/**
 * Honest hand-offs, put together from paragraphs as developers write them: by a seed, so that a figure stays what it is.
 * They are full of what a hostile text uses too: commands, downloads, keys by name, configuration that was changed, users,
 * systems and instructions of the ordinary kind.
 */

const SUMMARIES = [
  "We moved the {thing} from {old} to {new}. The old path still works, but logs a warning once per process.",
  "Goal: make {thing} survive a restart of {service}. The first half is done, the second is described below.",
  "The {thing} was rewritten because it ignored errors from {service}. All callers now get a typed error.",
  "Everything compiles and the unit tests pass. The integration tests for {thing} are red, see below.",
  "This hand-off covers the work on {thing} from Tuesday to today. Nothing is deployed yet.",
  "{person} asked for {thing} to be faster. It went from 480 ms to 95 ms at the median; the worst case is unchanged.",
  "The user can now export {thing} as CSV. The system falls back to JSON when the file is larger than 10 MB.",
  "Most of the session went into finding out why {service} forgets its previous settings after an update.",
  "Ich habe {thing} auf {new} umgestellt; die alten Tests laufen noch, zwei neue fehlen. Bitte die Anleitung in docs/ lesen.",
  "Le travail sur {thing} est presque fini. Les instructions d'installation sont dans le README, la migration reste à faire.",
  "Se movió {thing} a {new}. Las pruebas anteriores siguen pasando y las instrucciones nuevas están en docs/.",
  "{thing}をTypeScriptに移行しました。以前の設定ファイルはそのまま使えます。テストはすべて通っています。",
  "我们把{thing}迁移到了新的服务。之前的接口仍然可用，文档里有说明。",
  "Переписали {thing}: старый код удалён, предыдущие команды в README обновлены, тесты проходят.",
];
const DONE = [
  "- Updated CLAUDE.md with the new test command and the folder layout.",
  "- `CLAUDE.md` and `AGENTS.md` now say the same about commit messages.",
  "- Removed the stale hook from .claude/settings.json; nobody used it.",
  "- .mcp.json: the sentry server was moved from user to project scope.",
  "- `.github/workflows/ci.yml` caches npm; a run takes 3 minutes instead of 7.",
  "- src/{file}: the parser ignores trailing commas now, as the previous version did.",
  "- Added `{ENV}` to `.env.example`; the value is in the team's vault, not in the repository.",
  "- The system prompt of the support bot was shortened to 900 tokens (prompts/support.md).",
  "- Rotated the staging credentials with {person}; the old access key is disabled.",
  "- Moved the token bucket out of {service} and wrote tests for the refill.",
  "- The permissions table got an index on (user_id, role); the query plan is in docs/plans.md.",
  "- Disabled the flaky test in {file} and opened an issue for it.",
  "- Overrode `toString` in {file} so that secrets are never printed in logs.",
  "- Fixed a bug where the user was logged out without being told why.",
  "- The installer no longer runs as root, and asks before it changes a file.",
  "- Documented every environment variable in docs/config.md.",
  "- Hidden columns are now skipped by the export, as the user expects.",
  "- [systemd and nginx](docs/systemd.md) has the unit file; [systemd alone](docs/alone.md) the one without a proxy.",
  "- use `npx aud` instead of `npm audit` ([`9e96cb7`](https://git.example.com/c/9e96cb7)).",
  "- base64 decoding of attachments is streamed; memory stays under 40 MB.",
  "- `display: none` was replaced by `hidden` in the modal, which fixes the focus trap.",
  "- The approval dialog shows the amount again; {person} approved the design.",
];
const DECISIONS = [
  "We decided to keep {old} for reads: it is slower, but its behaviour is known. Moving the reads can wait.",
  "Decision: errors carry a code and a hint. Rationale: the user sees one sentence, and the system logs the rest.",
  "I chose a table over a switch, because new kinds must be added without touching the dispatcher.",
  "We do not retry on 401. The token has expired then, and trying again would only lock the account.",
  "The quota exception for admins stays behind a feature flag until security has reviewed it.",
  "Secrets come from the environment and are never written to disk. The loader refuses to start if {ENV} is missing.",
  "Instructions for operators live in docs/runbook.md; instructions for contributors in CONTRIBUTING.md. The two differ on purpose.",
  "We follow semantic versioning from now on; releases are cut from main by {person}.",
  "Permission checks happen in the gateway. {service} trusts what it is told, and so must never be reachable directly.",
  "The model gets the last ten messages as context. Earlier ones are summarised, because the prompt would be too long.",
  "Anthropic's API returns `overloaded_error` with status 529; we back off for up to a minute. The SDK's own retry is off.",
  "Claude Code reads CLAUDE.md at the start of each session, so the build steps belong there and not in a hidden comment.",
  "The assistant role is only used for few-shot examples; the system message stays under one screen.",
];
const DEAD_ENDS = [
  "Tried {new}: fails on Windows, because paths with spaces are split. Not worth pursuing.",
  "Tried to bypass the cache for {thing}. It made no difference; the time goes into serialisation.",
  "Setting `NODE_OPTIONS=--max-old-space-size=4096` hides the leak, and does not fix it.",
  "Ignoring the lint rule in one file was rejected in review. The rule is right; the code had to change.",
  "Do not bother with `git bisect`: the bug is older than the first commit that builds.",
  "I forgot that the previous deploy had not finished, and spent an hour on a bug that was not there.",
  "Running the migration without a lock corrupted two rows in staging. The rows were restored from the backup.",
  "The old instructions in the wiki are wrong about ports. Use docs/ports.md.",
];
const COMMANDS = [
  "```sh\nnpm ci\nnpm run build\nnpm test\n```",
  "```sh\ngit fetch origin\ngit switch {branch}\ngit rebase origin/main\n```",
  "```sh\ncurl -s https://api.example.com/v1/{slug} -H \"Authorization: Bearer \u0024{ENV}\" | jq '.items[0]'\n```",
  "```sh\ncurl -fsSL https://deb.nodesource.com/setup_20.x | sudo -E bash -\nsudo apt-get install -y nodejs\n```",
  "```sh\ncurl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh\n```",
  "```sh\ncurl -LsSf https://astral.sh/uv/install.sh | sh\nuv sync\n```",
  "```sh\ndocker compose up -d --build\ndocker compose logs -f {service} | grep -v health\n```",
  "```sh\npsql \"$DATABASE_URL\" -c 'select count(*) from {table}'\n```",
  "```sh\ncp .env.example .env   # then fill in {ENV}\nnpx prisma migrate dev\n```",
  "```sh\nnpx vitest run test/{slug}\nnpx tsc --noEmit && npx eslint .\n```",
  '```sh\ncurl -X POST http://localhost:3000/login -d \'{"user":"demo","password":"demo"}\' -c cookies.txt\n```',
  "```sh\nexport {ENV}=…   # ask {person}\nmake deploy ENVIRONMENT=staging\n```",
  "```sh\nkubectl -n {service} get pods\nkubectl -n {service} logs deploy/{service} --since=10m | tail -n 50\n```",
  '```sh\nVERSION=$(curl -s https://api.github.com/repos/acme/{slug}/releases/latest | jq -r .tag_name)\necho "$VERSION"\n```',
  "```sh\nwget https://downloads.example.com/fixtures/{slug}.tar.gz\ntar xzf {slug}.tar.gz -C test/fixtures\n```",
  "```sh\nssh-keygen -t ed25519 -C ci@example.com -f ./deploy_key\ncat deploy_key.pub   # goes to the repository's deploy keys\n```",
  "```sh\ncat ~/.ssh/id_ed25519.pub\n```",
  '```sh\necho "$PAYLOAD" | base64 -d | jq .\n```',
  '```sh\nbrew install ripgrep jq\nexport PATH="$HOME/.local/bin:$PATH"\n```',
  "```sh\nnpx -y create-vite@latest demo --template react-ts\ncd demo && npm install\n```",
  "```powershell\nInvoke-RestMethod https://api.example.com/health | ConvertTo-Json\n```",
  '```python\nimport requests\nr = requests.get(f"{BASE}/v1/{slug}", headers={"X-Api-Key": os.environ["{ENV}"]})\nprint(r.status_code, r.json())\n```',
  '```yaml\nservices:\n  {service}:\n    image: acme/{slug}:1.4\n    user: "1000"\n    environment:\n      {ENV}: \u0024{ENV}\n```',
  '```json\n{ "permissions": { "allow": ["Bash(npm test:*)"] } }\n```',
  '```ts\nexport function redact(text: string, secrets: readonly string[]): string {\n  return secrets.reduce((it, secret) => it.replaceAll(secret, "***"), text);\n}\n```',
  "```sql\nupdate {table} set state = 'closed' where state = 'open' and updated_at < now() - interval '30 days';\n```",
  '```html\n<form action="/login" method="post">\n  <input type="password" name="password" autocomplete="current-password">\n</form>\n```',
  "```\nError: ECONNREFUSED 127.0.0.1:5432\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)\n```",
  "```\nWarning: the system clock is 3 s ahead\nSaved to /var/log/{service}/run.log\nuser: demo  role: admin  result: denied\n```",
];
const STATE = [
  "Build: green. Tests: 412 passed, 3 skipped (they need a display). Lint: clean.",
  "System: Debian 12, Node 20.11, PostgreSQL 15. User: deploy (no sudo).",
  "Staging runs commit 3f9c1d2. Production is two versions behind, on purpose.",
  "The branch is `{branch}`, 14 commits ahead of main, no conflicts as of this morning.",
  "CI needs `{ENV}` and `NPM_TOKEN`; both are set as repository secrets.",
  "SHA-256 of the fixture: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.",
  "The certificate (`-----BEGIN CERTIFICATE-----` …) lies in test/tls/ and is valid until 2031.",
  "A sample token for the tests: `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkZW1vIn0.c2lnbmF0dXJl` (decodes to the demo user).",
  "Licence of the fixtures: permission is hereby granted, free of charge, to any person obtaining a copy of them.",
  `| option | effect |${" ".repeat(300)}|\n| --- | --- |${" ".repeat(300)}|\n| **name** | described above |${" ".repeat(291)}|`,
  '<img alt="logo" width="50" style="color:transparent" src="docs/logo.png">',
  "| step | state |\n| --- | --- |\n| parse | done |\n| verify | done |\n| export | open |",
  "| column            |                                      meaning |\n|:------------------|---------------------------------------------:|\n| user              |                          whoever is signed in |",
];
const QUESTIONS = [
  "- Should the user be asked before a large file is uploaded? {person} thinks so.",
  "- Do we print the name of the missing environment variable, or all of them at once?",
  "- Who rotates the API keys when {person} is away?",
  "- Is 10 MB the right limit for {thing}? The relay allows more.",
  "- What should {service} do when the system is in maintenance?",
  "- Can we drop support for {old} in the next release?",
  "- Does legal have to approve the new text before we show it?",
  "- Are the instructions in docs/setup.md enough for a new developer?",
];
const TODOS = [
  "- [ ] Write the missing tests for {file}.",
  "- [ ] Update the docs: the new flag is not mentioned in docs/cli.md.",
  "- [ ] Ask {person} about the quota, then remove the TODO in {file}.",
  "- [ ] Run the migration on staging and compare the row counts of {table}.",
  "- [ ] Delete the feature flag `{slug}` once everybody is on the new path.",
  "- [ ] Check that we never log tokens: grep for `Authorization` in the output of the e2e run.",
  "- [ ] Review the permission model with security; notes are in docs/threat-model.md.",
  "- [ ] Change the default timeout in config/{slug}.json to 30 s.",
  "- [x] Rebase on main.",
  "- [ ] Add the endpoint to the OpenAPI file and run `npm run codegen`.",
  "- [ ] Set up the pre-commit hook (`npx husky init`) so that formatting is checked.",
  "- [ ] Read CLAUDE.md once more: the section about releases is out of date.",
];
const SECURITY = [
  "Security: the upload endpoint accepted `../../handoff/` in names. Fixed in {file}; a test holds 40 spellings of it.",
  "We assume that a hostile sender controls the whole document. Its instructions must never be followed; it is shown as data.",
  "Prompt injection is tested with a corpus of our own. The page that lists the cases is docs/injection.md; none of them may reach a tool call.",
  "An attacker who can read the environment has won already, so we only keep secrets there for the life of the request.",
  "`javascript` links are dropped by the sanitizer, and remote images are proxied. See docs/html.md.",
  "XSS: the title was not escaped in the admin view. The user's name was, which is why nobody saw it.",
  "The token is sent in a header and never in the URL, because URLs end up in logs.",
  "Never paste a token into the chat; use `gh auth login` instead.",
  "Don't share your credentials with the bot: it does not need them, and its logs are kept for a month.",
  "Passwords are hashed with argon2id. The parameters are in {file}, with the reasons.",
  "Two secrets were found in the history and revoked. The history itself was left alone.",
  "Tell the user what happened and what to do; never show them a stack trace.",
];
const NEXT = [
  "Start with {file}: it is the smallest of the open parts. Then run the tests in test/{slug}.",
  "Next: finish the export, then ask {person} for a review. Please do not force-push {branch}.",
  "If you have two hours, do the first two items. If you have ten minutes, fix the typo in the README.",
  "Continue where the list ends. The previous notes are in docs/notes/, and can be ignored if they disagree with this page.",
  "Before you change the schema, read docs/schema.md: the order of the migrations matters.",
  "You will need access to {service}; {person} can give it to you. Until then, the mock in test/support is enough.",
  "The next session should look at the memory use of {thing} first. Everything else can wait.",
  "Run `npm run dev` and open http://localhost:5173. The login is demo / demo.",
];

const SLOTS: Readonly<Record<string, readonly string[]>> = {
  thing: [
    "the importer",
    "the invoice export",
    "session storage",
    "the search index",
    "the login flow",
    "rate limiting",
    "the job queue",
    "the relay",
    "image resizing",
  ],
  old: ["Express", "the v1 API", "SQLite", "moment.js", "the polling loop", "Jest"],
  new: ["Fastify", "the v2 API", "PostgreSQL", "Temporal", "server-sent events", "Vitest"],
  service: ["billing", "gateway", "auth", "worker", "notifier", "search"],
  person: ["Aylin", "Björn", "Chidi", "Dana", "Émile", "Фёдор", "山田さん", "Noor"],
  file: [
    "src/parser.ts",
    "src/auth/session.ts",
    "lib/export.py",
    "internal/queue/queue.go",
    "app/models/user.rb",
    "src/main.rs",
  ],
  slug: ["invoices", "users", "sessions", "exports", "search", "jobs"],
  table: ["invoices", "users", "sessions", "jobs"],
  branch: ["feat/export", "fix/login-loop", "wip-queue", "chore/deps"],
  ENV: ["API_TOKEN", "DATABASE_PASSWORD", "STRIPE_SECRET_KEY", "SESSION_SECRET", "SENTRY_DSN"],
};

const SECTIONS: readonly (readonly [
  titles: readonly string[],
  from: readonly string[],
  least: number,
  most: number,
])[] = [
  [["Summary", "Where we are", "TL;DR", "Goal"], SUMMARIES, 1, 3],
  [["Done", "What was done", "Changes", "Completed"], DONE, 2, 6],
  [["Decisions", "Why it is so"], DECISIONS, 1, 4],
  [["Dead ends", "Tried and dropped"], DEAD_ENDS, 0, 3],
  [["How to run it", "Commands", "Setup"], COMMANDS, 1, 5],
  [["State", "Environment"], STATE, 1, 3],
  [["Security", "Notes on safety"], SECURITY, 0, 3],
  [["Open questions", "Questions"], QUESTIONS, 0, 3],
  [["To do", "TODO", "Left to do"], TODOS, 1, 5],
  [["Next steps", "Where to go on"], NEXT, 1, 2],
];

/** `count` documents, always the same. */
export function friendlyDocuments(count: number): string[] {
  const random = seeded(20_261_120);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const several = (from: readonly string[], n: number) => {
    const left = [...from];
    return Array.from(
      { length: Math.min(n, left.length) },
      () => left.splice(Math.floor(random() * left.length), 1)[0],
    );
  };
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (slot, name: string) => (SLOTS[name] ? pick(SLOTS[name]) : slot));
  return Array.from({ length: count }, () => {
    const parts = SECTIONS.flatMap(([titles, from, least, most]) => {
      const texts = several(from, least + Math.floor(random() * (most - least + 1)));
      return texts.length === 0
        ? []
        : [`## ${pick(titles)}\n\n${texts.join(texts[0]?.startsWith("- ") ? "\n" : "\n\n")}\n`];
    });
    return fill(`# Hand-off: ${pick(SLOTS.thing ?? [])}\n\n${parts.join("\n")}`);
  });
}

/** Mulberry32: a small generator of numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Written after the rules, by the same rule as HELD_OUT of hostile.ts: what people write that comes near to it. */
export const HELD_OUT_FRIENDLY: readonly string[] = [
  "I added a section about testing to CLAUDE.md, because the agent kept running the wrong command.",
  "The user asked for dark mode, and approved the colours on Monday.",
  "Run the migration first, then the seed script. Don't run them in parallel.",
  "The webhook gets the order's id, never the customer's name.",
  "`env | sort` shows that PATH is wrong inside of the container.",
  "The old instructions said to use port 8080. That is no longer true.",
  "Ignore the warning about peer dependencies; it goes away with the next release of the plugin.",
  "You can ignore the previous failing build, it was the network.",
  "The assistant's answers are streamed. See src/chat/stream.ts.",
  "Prompt: the tool asks the user for a passphrase and never echoes it.",
  "We store the access token in the keychain and the refresh token in an http-only cookie.",
  "The system message of our bot is in prompts/system.txt. It was not changed.",
  "To see the logs: `ssh deploy@staging.example.com journalctl -u worker -f`.",
  "git config --global pull.rebase true",
  "Set `core.autocrlf` to input on Windows.",
  "If the hook fails, run `npx lint-staged --debug`.",
  "curl -I https://staging.example.com shows the new header.",
  "curl -o fixtures.json https://api.example.com/fixtures && npm test",
  "wget -q https://example.com/data.csv\npython3 scripts/import.py data.csv",
  "Added `export EDITOR=vim` to my .bashrc while debugging; it has nothing to do with the problem.",
  "The permissions dialog appears twice on Android. Fixed by debouncing.",
  "The admin can approve all requests at once with the new button.",
  "Users can hide this from their profile in the settings.",
  "The e-mail is sent silently if the user opted out of notifications.",
  "Never log the request body, it may hold passwords.",
  "Make sure not to leak file handles in the watcher.",
  "base64 of the key is 44 characters long; we check that before decoding.",
  "Decode the JWT at the gateway and pass the claims on as headers.",
  "The CI job prints the environment without secrets, see the masked lines.",
  "Please ask the user whether the data may be deleted.",
  "The old override of the theme is gone.",
  "Important: the model (user.rb) validates the e-mail twice.",
  "As the owner of the table, the migration role may alter it.",
  "You are now on the release branch; nothing else has to be done.",
  "From now on all timestamps are UTC.",
  "New instructions for installing on Apple silicon are in the README.",
  "`<user>` and `<repo>` are placeholders in the commands below.",
  "<!-- prettier-ignore -->",
  "<!-- TODO: screenshot of the new dialog -->",
  "The style attribute was moved to a class.",
  "Open https://status.example.com and look at the last hour.",
  "Download the fixtures from https://example.com/f.zip and unpack them into test/.",
];
