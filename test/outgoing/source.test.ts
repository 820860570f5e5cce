import { chmod, link, mkdir, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { MAX_SHARE_BYTES } from "../../src/limits.ts";
import type { Source } from "../../src/outgoing/source.ts";
import { expectCode, makeProject, openFiles, refusal, withoutPrivileges } from "../support/scratch.ts";

async function textOf({ handle }: Source): Promise<string> {
  await using open = handle;
  return await open.readFile("utf8");
}

describe("an ordinary file", () => {
  test("opens by an absolute and by a relative path, at its start", async () => {
    await using at = await makeProject();
    expect(await textOf(await at.open(join(at.project, "notes.md")))).toBe("# Notes\n");
    const source = await at.open("./notes.md");
    expect({ path: source.path, bytes: source.bytes }).toEqual({ path: join(at.project, "notes.md"), bytes: 8 });
    expect(await textOf(source)).toBe("# Notes\n");
  });

  test("opens by a path that begins with ~/", async () => {
    await using at = await makeProject();
    const fromHome = `~/${relative(homedir(), join(at.project, "notes.md"))}`;
    expect(await textOf(await at.open(fromHome))).toBe("# Notes\n");
  });

  test("opens when it is a root itself, or lies in the second root of which the first is missing", async () => {
    await using at = await makeProject();
    const file = join(at.project, "notes.md");
    expect(await textOf(await at.open(file, [file]))).toBe("# Notes\n");
    expect(await textOf(await at.open(file, [join(at.outside, "missing"), "", at.project]))).toBe("# Notes\n");
  });

  test("opens through a root that is a link", async () => {
    await using at = await makeProject();
    await symlink(at.project, join(at.outside, "link"));
    expect(await textOf(await at.open(join(at.outside, "link", "notes.md"), [join(at.outside, "link")]))).toBe(
      "# Notes\n",
    );
    expect(await textOf(await at.open("notes.md", [join(at.outside, "link")]))).toBe("# Notes\n");
  });
});

describe("a file outside of the roots is refused with path-not-allowed", () => {
  test("by an absolute path, by dots, and with no roots at all", async () => {
    await using at = await makeProject();
    await writeFile(join(at.outside, "plan.md"), "# Plan\n");
    await expectCode(at.open(join(at.outside, "plan.md")), "path-not-allowed");
    await expectCode(at.open("../outside/plan.md"), "path-not-allowed");
    await expectCode(at.open("notes.md", []), "path-not-allowed");
    await expectCode(at.open("notes.md", [""]), "path-not-allowed");
  });

  test("when a link in the project leads there, be it the file or a folder above it", async () => {
    await using at = await makeProject();
    await writeFile(join(at.outside, "plan.md"), "# Plan\n");
    await symlink(join(at.outside, "plan.md"), join(at.project, "plan.md"));
    await symlink(at.outside, join(at.project, "docs"));
    await expectCode(at.open("plan.md"), "path-not-allowed");
    await expectCode(at.open("docs/plan.md"), "path-not-allowed");
  });

  test("when only the beginning of its folder's name is that of a root", async () => {
    await using at = await makeProject();
    await mkdir(`${at.project}-old`);
    await writeFile(join(`${at.project}-old`, "notes.md"), "old\n");
    await expectCode(at.open(join(`${at.project}-old`, "notes.md")), "path-not-allowed");
    await mkdir(join(at.project, "..notes"));
    await writeFile(join(at.project, "..notes", "a.md"), "dots\n");
    expect(await textOf(await at.open("..notes/a.md"))).toBe("dots\n");
  });
});

describe("what is no ordinary file is refused with path-unreadable and the reason", () => {
  test.each([
    ["a missing file", "missing.md", "missing.md does not exist"],
    ["a path through a file", "notes.md/x.md", "notes.md/x.md leads through something that is not a folder"],
    ["a folder", ".", ". is a folder, not a file"],
    ["an empty path", "", "the path is not a path"],
    ["a NUL in the path", "notes.md\0", "the path is not a path"],
    ["a name of 300 characters", "a".repeat(300), `${"a".repeat(300)} is too long for a path`],
  ])("%s", async (_, path, message) => {
    await using at = await makeProject();
    const error = await refusal(at.open(path));
    expect([error.code, error.message]).toEqual(["path-unreadable", message]);
  });

  test("a link that leads in a circle", async () => {
    await using at = await makeProject();
    await symlink("loop.md", join(at.project, "loop.md"));
    await expectCode(at.open("loop.md"), "path-unreadable");
  });

  test("a socket and a device", async ({ skip }) => {
    skip(process.platform === "win32", "Windows has neither as a file");
    await using at = await makeProject();
    const server = createServer();
    await new Promise<void>((listening) => server.listen(join(at.project, "socket.md"), listening));
    const error = await refusal(at.open("socket.md"));
    await new Promise((closed) => server.close(closed));
    expect([error.code, error.message]).toEqual(["path-unreadable", "socket.md is a socket, not a file"]);
    expect((await refusal(at.open("/dev/zero", ["/dev"]))).message).toBe("/dev/zero is a device, not a file");
  });

  test("a file without permission to read it", async ({ skip }) => {
    skip(process.platform === "win32", "POSIX permissions are not Windows'");
    await using at = await makeProject();
    await chmod(join(at.project, ".."), 0o755);
    await writeFile(join(at.project, "private.md"), "mine\n", { mode: 0o200 });
    const error = await refusal(withoutPrivileges(() => at.open("private.md")));
    expect([error.code, error.message]).toEqual(["path-unreadable", "private.md may not be read by this user"]);
  });

  test("a file that keeps being replaced by a link to the outside: either it opens, or it is refused", async () => {
    await using at = await makeProject();
    await writeFile(join(at.outside, "plan.md"), "# Plan\n");
    let over = false;
    const swapping = (async () => {
      for (let turn = 0; !over; turn += 1) {
        const next = join(at.project, `next-${turn}`);
        if (turn % 2 === 0) await symlink(join(at.outside, "plan.md"), next);
        else await writeFile(next, "# Notes\n");
        await rename(next, join(at.project, "notes.md"));
      }
    })();
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const result = await at.open("notes.md").then(textOf, (cause: { code: string }) => cause.code);
      expect(["# Notes\n", "path-not-allowed", "path-unreadable", "empty"]).toContain(result);
    }
    over = true;
    await swapping;
  });
});

test("an error names the path without what it could do to a terminal", async () => {
  await using at = await makeProject();
  expect((await refusal(at.open("a\x1b]0;x\x07\nb.md"))).message).toBe("a b.md does not exist");
});

test("an empty file is refused with empty, one of MAX_SHARE_BYTES + 1 with too-large", async () => {
  await using at = await makeProject();
  await writeFile(join(at.project, "empty.md"), "");
  await expectCode(at.open("empty.md"), "empty");
  await writeFile(join(at.project, "large.md"), "x");
  await truncate(join(at.project, "large.md"), MAX_SHARE_BYTES + 1);
  await expectCode(at.open("large.md"), "too-large");
  await truncate(join(at.project, "large.md"), MAX_SHARE_BYTES);
  const { handle, bytes } = await at.open("large.md");
  await handle.close();
  expect(bytes).toBe(MAX_SHARE_BYTES);
});

describe("a private key that does not stand at the beginning is refused with secret-file", () => {
  const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nAAAA";
  test.each([
    [
      "behind a certificate",
      `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n${body}\n`,
    ],
    [
      "as a string in JSON",
      JSON.stringify({ type: "account", private_key: `-----BEGIN PRIVATE KEY-----\n${body}\n` }, null, 2),
    ],
    ["behind bag attributes", `Bag Attributes\n    localKeyID: 01\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n${body}\n`],
    [
      "with headers of its own",
      `notes\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n${body}\n`,
    ],
  ])("%s", async (_where, text) => {
    await using at = await makeProject();
    await writeFile(join(at.project, "bundle.txt"), text);
    await expectCode(at.open("bundle.txt"), "secret-file");
  });

  test.each([
    ["headers without end", "name: put the key here, owner: ops, due: friday\n".repeat(1000)],
    ["headers in one line", "a: ".repeat(20_000)],
    ["empty lines", "a:  \n\n\n".repeat(8000)],
    ["the same line again", "-----BEGIN PRIVATE KEY-----\n".repeat(2000)],
  ])(
    "is looked for in no time, also behind %s",
    async (_what, noise) => {
      await using at = await makeProject();
      await writeFile(
        join(at.project, "runbook.md"),
        `Runbook\n-----BEGIN PRIVATE KEY-----\n${noise}\n-----END PRIVATE KEY-----\n`,
      );
      const { handle } = await at.open("runbook.md");
      await handle.close();
    },
    2000,
  );

  test("but a document that only speaks of such lines is shared", async () => {
    await using at = await makeProject();
    const text = "# Keys\n\nThe file begins with\n\n    -----BEGIN PRIVATE KEY-----\n\nand is never committed.\n";
    await writeFile(join(at.project, "keys.md"), text);
    expect(await textOf(await at.open("keys.md"))).toBe(text);
  });
});

describe("keys and passwords are refused with secret-file", () => {
  const secrets = [
    ".env",
    ".ENV",
    ".env.local",
    ".env.example.local",
    ".envrc",
    "production.env",
    "server.pem",
    "server.KEY",
    "cert.p12",
    "cert.pfx",
    "store.jks",
    "debug.keystore",
    "passwords.kdbx",
    "putty.ppk",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_ed25519_sk",
    ".npmrc",
    ".pypirc",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    "credentials",
    "credentials.json",
    ".credentials.json",
    ".claude.json",
    "service-account.json",
    "service-account-prod.json",
    "secrets.yml",
    "secrets.yaml",
    "secrets.json",
    "secrets.toml",
    "secrets.env",
    "prod.tfstate",
    "prod.tfstate.backup",
    "prod.tfvars",
    ".env~",
    ".env-prod",
    ".env_local",
    "prod.env.local",
    "secrets.env.bak",
    ".cargo/credentials.toml",
    ".yarnrc.yml",
    ".git/config",
    ".claude/settings.local.json",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".ssh/config",
    "home/.ssh/notes/hosts.md",
    ".gnupg/gpg.conf",
    ".aws/config",
    ".Azure/profile.md",
    ".kube/config",
    ".docker/config.json",
    ".config/gcloud/active",
    ".password-store/mail.md",
    ".config/gh/hosts.yml",
    ".config/rclone/rclone.conf",
    ".terraform.d/credentials.tfrc.json",
    ".terraformrc",
    ".vault-token",
    ".s3cfg",
    ".dockercfg",
    ".dev.vars",
    "auth.json",
    ".oci/config",
  ];
  test.each(secrets)("%s", async (path) => {
    await using at = await makeProject();
    const file = join(at.project, path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, "harmless\n");
    await expectCode(at.open(path), "secret-file");
  });

  const documents = [
    ".env.example",
    ".env.sample",
    ".env.template",
    ".env.dist",
    "example.env",
    "id_rsa.pub",
    "docs/credentials-rotation.md",
    "credentials.md",
    "secrets.md",
    "keys.md",
    "environment.md",
    "history.md",
    ".env/readme.md",
    ".environment.md",
    "git/setup.md",
    "gcloud/setup.md",
    "ssh/setup.md",
  ];
  test.each(documents)("but not %s", async (path) => {
    await using at = await makeProject();
    const file = join(at.project, path);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, "harmless\n");
    expect(await textOf(await at.open(path))).toBe("harmless\n");
  });

  test("by the name that was asked for, and by the one that a link leads to", async () => {
    await using at = await makeProject();
    await symlink("notes.md", join(at.project, ".env"));
    await expectCode(at.open(".env"), "secret-file");
    await writeFile(join(at.project, "server.key"), "harmless\n");
    await symlink("server.key", join(at.project, "server.md"));
    await expectCode(at.open("server.md"), "secret-file");
  });

  test("by the names that Windows opens the same file by", async () => {
    await using at = await makeProject();
    for (const path of [".env.", ".env ", ".env::$DATA", ".ssh./config.md"])
      await expectCode(at.open(path), "secret-file");
  });

  test.each([
    ["PEM", "-----BEGIN PRIVATE KEY-----\nMIIE\n"],
    ["RSA PEM after a byte order mark and an empty line", "\ufeff\r\n-----BEGIN RSA PRIVATE KEY-----\r\nMIIE\r\n"],
    ["OpenSSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"],
    ["PGP", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ\n"],
    ["PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519\n"],
    ["age, behind its comments", "# created: 2026-07-19\n# public key: age1xyz\nAGE-SECRET-KEY-1QQ\n"],
  ])("by what the file begins with: %s", async (_, content) => {
    await using at = await makeProject();
    await writeFile(join(at.project, "innocent.md"), content);
    await link(join(at.project, "innocent.md"), join(at.project, "hard.md"));
    await expectCode(at.open("innocent.md"), "secret-file");
    await expectCode(at.open("hard.md"), "secret-file");
  });

  test("but not for a public key or a document that speaks of keys", async () => {
    await using at = await makeProject();
    const text = "# Rotation\n\nThe file begins with -----BEGIN PRIVATE KEY-----, see\n-----BEGIN PUBLIC KEY-----\n";
    await writeFile(join(at.project, "rotation.md"), text);
    expect(await textOf(await at.open("rotation.md"))).toBe(text);
  });
});

test("no refusal leaves a file open", async ({ skip }) => {
  skip(process.platform !== "linux", "only Linux says which files a process holds open");
  await using at = await makeProject();
  await writeFile(join(at.project, "empty.md"), "");
  await writeFile(join(at.project, "key.md"), "-----BEGIN PRIVATE KEY-----\n");
  await refusal(at.open("empty.md"));
  const before = await openFiles();
  for (const path of ["empty.md", "key.md", "missing.md", "."]) await refusal(at.open(path));
  expect(await openFiles()).toBe(before);
});
