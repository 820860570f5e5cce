import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deniedSecrets, envSecrets } from "../../src/redact/known.ts";
import { redactText } from "../../src/redact/redactor.ts";
import { ALNUM, BASE64, chance } from "./corpus/random.ts";

const by = chance(7);
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "claude-spread-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, text: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

/** As Windows writes it, with its mark or without, and with the bytes of each unit in either order. */
const utf16 = (text: string) => Buffer.from(text, "utf16le");

const valuesOf = async (project = folder) => (await envSecrets(project)).map(({ forms }) => forms[0]);

describe("the values of a project's .env files", () => {
  it("are secrets by their name, or by their entropy, and by nothing less", async () => {
    const random = `${by.chars(ALNUM, 30)}7q`;
    await put(
      ".env",
      [
        "PORT=3000",
        "DEBUG=true",
        "NODE_ENV=production",
        "LOG_LEVEL=information",
        "API_URL=https://api.example.org/v1/things",
        "NEXT_PUBLIC_API_KEY=pk_somethingpublic1234",
        "TOKEN_URL=https://login.example.org/oauth",
        "AUTH_MODE=production",
        "SECRET_NAME=app-settings",
        "GIT_SHA=3f786850e387550fdab836ed7e6dc881de23001b",
        "BUILD_ID=0b8f6f52-6d0a-4c3a-9f3c-0d5a4f6f9b1e",
        "DB_PASSWORD=changeme",
        "SHORT_SECRET=abc1234",
        'QUOTED_PASSWORD="Maple Leaf 4711!"',
        "export SMTP_PASS=otter&Pond77 # of the relay",
        `OPAQUE=${random}`,
        "DATABASE_URL=postgres://app:Copper9021zz@db.example.org/app",
      ].join("\n"),
    );
    expect((await valuesOf()).sort()).toEqual(["Copper9021zz", "Maple Leaf 4711!", random, "otter&Pond77"].sort());
  });

  it("are not what says where, which and how long, nor a comment, nor a password that is its user's name", async () => {
    await put(
      ".env",
      [
        "AUTH_SECRET= # openssl rand -hex 32",
        "AUTH_SALT=#",
        "DATABASE_URL=postgres://postgres:postgres@localhost:5432/app",
        "JDBC_URL=jdbc:postgresql://db:5432/airbyte",
        "S3_ENDPOINT=$HOST_NAME:4566",
        "MYSQL_IMAGE=mysql:8.4",
        "CACHE=valkey/valkey:7.2-alpine",
        "VALKEY_IMAGE=registry.example/valkey:7.2",
        "SMTP_PRIVATE_TRANSPORT=smtp-auth",
        "REFRESH_TOKEN_EXPIRY=(1000 * 60 * 60) * 7",
        "INFLUX_HOST=influxdb",
        "APP_NAME=FireflyIII",
        "OPAMP_GO_REF=3f786850e387550fdab836ed7e6dc881de23001b",
        "KEYCLOAK_REALM=acmeusers",
      ].join("\n"),
    );
    expect(await valuesOf()).toEqual([]);
  });

  it("are passwords in addresses of any driver", async () => {
    await put(
      ".env",
      "A=jdbc:mysql://app:Copper9021zz@db/app\nB=replica=mariadb://app:h7$kQ9!x@db/app\nC=amqp://app:wq8Zt4mL@mq",
    );
    expect((await valuesOf()).sort()).toEqual(["Copper9021zz", "h7$kQ9!x", "wq8Zt4mL"].sort());
  });

  it("leave a text alone that merely has the same numbers and words", async () => {
    await put(".env", "PORT=3000\nNODE_ENV=production\nDEBUG=true\nSECRET_MODE=required\n");
    const text = "In production it listens on 3000; the password is required, true.";
    expect((await redactText(text, { secrets: "redact", known: await envSecrets(folder) })).text).toBe(text);
  });

  it("are found bare, percent-encoded and in a JSON string", async () => {
    await put("api/.env.local", "SESSION_SECRET='ot\"ter/Pond&77'");
    const known = await envSecrets(folder);
    for (const form of ['ot"ter/Pond&77', encodeURIComponent('ot"ter/Pond&77'), 'ot\\"ter/Pond&77']) {
      const { text } = await redactText(`see ${form} there`, { secrets: "redact", known });
      expect(text).toBe("see [redacted: env-value #1] there");
    }
  });

  it("are found as programs write them into JSON, HTML, addresses and base64", async () => {
    const value = "ot<ter/Pönd&77!";
    await put(".env", `SESSION_SECRET=${value}`);
    const known = await envSecrets(folder);
    for (const form of [
      "ot\\u003cter/Pönd\\u002677!",
      "ot<ter\\/P\\u00f6nd&77!",
      "ot&lt;ter/Pönd&amp;77!",
      "ot%3cter%2fP%c3%b6nd%2677!",
      "ot%3Cter%2FP%C3%B6nd%2677%21",
      value.normalize("NFD"),
      Buffer.from(value).toString("base64"),
      Buffer.from(value).toString("base64url"),
    ]) {
      const { text } = await redactText(`see ${form} there`, { secrets: "redact", known });
      expect(text, form).toBe("see [redacted: env-value #1] there");
    }
  });

  it("are found in the base64 of something longer, wherever they begin in it", async () => {
    await put(".env", "SESSION_SECRET=otter/Pond&77xyz");
    const known = await envSecrets(folder);
    for (const before of ["", "a", "ab", "abc", "user:"]) {
      const whole = Buffer.from(`${before}otter/Pond&77xyz and more`).toString("base64");
      const { text } = await redactText(whole, { secrets: "redact", known });
      const left = text.replace(/\[redacted: env-value #1\]/, " ").split(" ");
      expect(left, before).toHaveLength(2);
      for (const part of left) expect(Buffer.from(part, "base64").toString()).not.toMatch(/otte|Pond|77x/);
    }
  });

  it("are read from UTF-8 with a mark, from UTF-16, and with the line ends of any system", async () => {
    const line = "DB_PASSWORD=Copper9021zz";
    for (const file of [
      `\ufeff${line}\n`,
      utf16(`\ufeff${line}\r\n`),
      utf16(`${line}\r\n`),
      utf16(`\ufeff${line}\n`).swap16(),
      `A=1\r${line}\r`,
    ]) {
      await put(".env", file);
      expect(await valuesOf()).toEqual(["Copper9021zz"]);
    }
  });

  it("may have several lines, as a key has", async () => {
    const key = `-----BEGIN PRIVATE ${"KEY-----"}\n${by.chars(BASE64, 64)}\n-----END PRIVATE KEY-----`;
    await put(".env", `APP_KEY="${key}"\n`);
    expect(await valuesOf()).toEqual([key]);
  });

  it("are not those of examples, templates and other people's folders", async () => {
    for (const path of [
      ".env.example",
      ".env.sample",
      "a/.env.template",
      "node_modules/a/.env",
      ".git/.env",
      "notes.txt",
    ]) {
      await put(path, "DB_PASSWORD=Copper9021zz");
    }
    expect(await valuesOf()).toEqual([]);
  });

  it("are not read through a link out of the project", async () => {
    await put("outside/.env", "DB_PASSWORD=Copper9021zz");
    await put("project/readme", "");
    await symlink(join(folder, "outside", ".env"), join(folder, "project", ".env"));
    await symlink(join(folder, "outside"), join(folder, "project", "linked"));
    expect(await valuesOf(join(folder, "project"))).toEqual([]);
    await put("project/real.env", "DB_PASSWORD=Maple4711xy");
    await symlink("real.env", join(folder, "project", ".env.inside"));
    expect(await valuesOf(join(folder, "project"))).toEqual(["Maple4711xy"]);
  });

  it("are those of at most forty files, of which a quarter of a MiB is read", async () => {
    for (let file = 0; file < 45; file++) await put(`.env.${file + 10}`, `DB_PASSWORD=Maple4711x${file + 10}y`);
    expect(await valuesOf()).toHaveLength(40);
    await put(".env", `#${"x".repeat(256 * 1024)}\nDB_PASSWORD=Copper9021zz`);
    expect(await valuesOf()).not.toContain("Copper9021zz");
  });

  it("are none where there is no such project", async () => {
    expect(await valuesOf(join(folder, "nowhere"))).toEqual([]);
  });
});

describe("the user's deny list", () => {
  it("has a literal a line, of four characters or more, and comments", async () => {
    await put("deny.txt", "# names\nProject Zephyr\r\nabc\n\n  Ångström AG  \n");
    const known = await deniedSecrets(folder);
    const { text, report } = await redactText("abc: Project Zephyr is for Ångström AG.", { secrets: "redact", known });
    expect(text).toBe("abc: [redacted: deny-list #1] is for [redacted: deny-list #2].");
    expect(report.counts).toEqual(new Map([["deny-list", 2]]));
  });

  it("is read from UTF-8 with a mark, from UTF-16, and with the line ends of any system", async () => {
    for (const file of ["\ufeffZephyr\nAcme\n", utf16("\ufeffZephyr\r\nAcme\r\n"), "Zephyr\rAcme\r"]) {
      await put("deny.txt", file);
      expect((await deniedSecrets(folder)).map(({ forms }) => forms[0])).toEqual(["Zephyr", "Acme"]);
    }
  });

  it("means a literal however its accents are composed", async () => {
    await put("deny.txt", `${"Müllerwerk".normalize("NFC")}\n${"Ångström".normalize("NFD")}\n`);
    const known = await deniedSecrets(folder);
    const text = `${"Müllerwerk".normalize("NFD")} ${"Ångström".normalize("NFC")}`;
    expect((await redactText(text, { secrets: "redact", known })).text).not.toMatch(/werk|str/);
  });

  it("stops what asks for it where it cannot be read, or not all of it", async () => {
    const refused = { code: "path-unreadable", message: expect.stringContaining("deny.txt") };
    await mkdir(join(folder, "deny.txt"));
    await expect(deniedSecrets(folder)).rejects.toMatchObject(refused);
    await rm(join(folder, "deny.txt"), { recursive: true });
    for (const file of [
      Buffer.from("M\xfcllerwerk\n", "latin1"),
      Buffer.from("Zephyr\0Acme\n"),
      "Zephyr\n".repeat(40_000),
      Array.from({ length: 2_001 }, (_, at) => `name${at}\n`).join(""),
    ]) {
      await put("deny.txt", file);
      await expect(deniedSecrets(folder)).rejects.toMatchObject(refused);
    }
  });

  it("stops it too where its owner may not read it", async ({ skip }) => {
    skip(process.getuid?.() === 0, "root may read everything: run the tests as another user");
    await put("deny.txt", "Zephyr\n");
    await chmod(join(folder, "deny.txt"), 0o000);
    await expect(deniedSecrets(folder)).rejects.toMatchObject({ code: "path-unreadable" });
  });

  it("need not exist", async () => {
    expect(await deniedSecrets(folder)).toEqual([]);
  });
});
