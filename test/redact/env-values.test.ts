/** Which values of a project's `.env` never leave: all that chance or a person made, whatever their names, and nothing else. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { envSecrets } from "../../src/redact/known.ts";
import { redactText } from "../../src/redact/redactor.ts";
import { ALNUM, BASE64URL, type Chance, chance, HEX, LOWER, uuid } from "./corpus/random.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "claude-spread-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

const valuesOf = async (project: string) => (await envSecrets(project)).map(({ forms }) => forms[0]);
const put = (path: string, text: string) => writeFile(join(folder, path), text);

const by = chance(2_027);
/** Names that do not sound like a secret's. */
const NAMES = "CHAT_ROOM MAILER UPSTREAM PARTNER LEGACY_LINK BILLING_REF OPS_CONTACT PEER GRANT INVITE LICENSE TENANT";
const MADE: Readonly<Record<string, (by: Chance) => string>> = {
  "letters and digits": (by) => `${by.chars(ALNUM, 11)}7`,
  "sixteen of them": (by) => `${by.chars(ALNUM, 15)}4`,
  "base64 for addresses": (by) => `${by.chars(BASE64URL, 22)}9x`,
  "small letters and digits": (by) => `q7${by.chars(`${LOWER}0123456789`, 14)}3z`,
  hex: (by) => by.chars(HEX, 32),
  "a number of its own kind": (by) => uuid(by),
  "with signs": (by) => `${by.chars(ALNUM, 6)}#${by.chars(ALNUM, 3)}!4`,
};

describe("a value that chance made", () => {
  it.each(Object.entries(MADE))("of %s, leaves under no name", async (_, make) => {
    for (const name of NAMES.split(" ")) {
      const value = make(by);
      await put(".env", `PORT=3000\n${name}=${value}\n`);
      expect(await valuesOf(folder), `${name}=${value}`).toEqual([value]);
      const { text } = await redactText(`it was ${value}, I think`, {
        secrets: "redact",
        known: await envSecrets(folder),
      });
      expect(text).not.toContain(value);
    }
  });
});

/** As examples of public projects have them. */
const SETTINGS = `
PORT=3000
HOST=0.0.0.0
NODE_ENV=production
APP_ENV=local
APP_DEBUG=true
APP_URL=http://localhost:8000
APP_LOCALE=en_US.UTF-8
APP_TIMEZONE=Europe/Berlin
APP_NAME=claude-spread
LOG_LEVEL=information
LOG_CHANNEL=stack
LOG_FORMAT=json
LOG_FILE=/var/log/app/production.log
DB_CONNECTION=postgresql
DB_HOST=db.internal.example.org
DB_PORT=5432
DB_DATABASE=acme_production
DB_USERNAME=acme_readonly
DATABASE_URL=postgres://localhost:5432/acme_development
REDIS_URL=redis://redis.example.org:6379/0
QUEUE_CONNECTION=background-jobs
S3_BUCKET=acme-uploads
S3_REGION=eu-central-1
S3_ENDPOINT=https://s3.eu-central-1.amazonaws.com
CDN_URL=https://cdn.example.org/assets/v2
MAIL_MAILER=smtp
MAIL_HOST=smtp.mailgun.example.org
MAIL_PORT=587
MAIL_FROM=no-reply@example.org
MAIL_ENCRYPTION=starttls
SESSION_DRIVER=database
SESSION_LIFETIME=120
CACHE_TTL=300s
CACHE_PREFIX=acme:cache:v2
CORS_ORIGINS=http://localhost:3000,https://app.example.org
FEATURE_FLAGS=new-checkout,dark-mode
BRAND_COLOR=#16a34a
VERSION=1.24.0-beta.3
GIT_SHA=3f786850e387550fdab836ed7e6dc881de23001b
BUILD_ID=0b8f6f52-6d0a-4c3a-9f3c-0d5a4f6f9b1e
DOCKER_IMAGE=registry.example.org/acme/api:2.4.1
KAFKA_BROKERS=kafka-1.example.org:9092,kafka-2.example.org:9092
KAFKA_TOPIC=orders.created.v1
GOOGLE_CLIENT_NAME=acme-web-client
AWS_REGION=us-east-1
AWS_PROFILE=acme-staging
SMTP_TLS=required
MODEL_NAME=gpt-4o-mini-2024-07-18
EMBEDDING_MODEL=text-embedding-3-small
TRUST_PROXY=10.0.0.0/8
RATE_LIMIT=100/minute
UPLOAD_TYPES=image/png,image/jpeg,application/pdf
CRON_SCHEDULE=*/15 * * * *
NEXT_PUBLIC_SITE_URL=https://www.example.org
NEXT_PUBLIC_ANALYTICS=G-ABCDEFGH12
DB_PASSWORD=changeme
API_KEY=your-api-key-here
JWT_SECRET=<generate one>
STRIPE_KEY=pk_test_xxxxxxxxxxxxxxxx
`;

it("takes at most one in fifty of the settings of public examples for a secret", async () => {
  await put(".env", SETTINGS);
  const taken = await valuesOf(folder);
  const all = SETTINGS.trim().split("\n").length;
  expect(taken.length / all, taken.join("\n")).toBeLessThanOrEqual(0.02);
});

describe("what is called the same as the project stays", () => {
  const NAME = "q7rk2mzx9t";
  it.each([
    ["package.json", `{ "name": "${NAME}" }`],
    ["package.json", `{ "name": "@acme/${NAME}" }`],
    ["composer.json", `{ "name": "acme/${NAME}" }`],
    ["pyproject.toml", `[project]\nname = "${NAME}"\n`],
    ["Cargo.toml", `[package]\nname = "${NAME}"\n`],
    ["go.mod", `module example.org/acme/${NAME}\n\ngo 1.24\n`],
  ])("by its %s: %s", async (file, content) => {
    await put(".env", `BUCKET=${NAME}\n`);
    expect(await valuesOf(folder)).toEqual([NAME]);
    await put(file, content);
    expect(await valuesOf(folder)).toEqual([]);
  });

  it("by its folder", async () => {
    await mkdir(join(folder, NAME));
    await put(join(NAME, ".env"), `BUCKET=${NAME}\nSTAGE_KEY=${NAME}8w\n`);
    expect(await valuesOf(join(folder, NAME))).toEqual([`${NAME}8w`]);
  });
});
