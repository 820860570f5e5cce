import { execFileSync } from "node:child_process";
import { chmod, mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../support/server.ts";
import { eventually } from "../support/wait.ts";
import { DOCUMENT, wrong } from "./texts.ts";
import { falseRelay, host, isOpen, relayHere, roomsOf } from "./wires.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ lasting: true });
});

const share = (args: Record<string, unknown>) => server.fails("distill_share", args);

describe("the document", () => {
  it.each([
    ["no document", {}, "invalid-input"],
    ["two documents", { content: "x", path: "x.md" }, "invalid-input"],
    ["empty content", { content: "" }, "empty"],
    ["white space", { content: " \n\t\u3000" }, "empty"],
    ["a NUL", { content: "a\0b" }, "not-text"],
    ["an empty path", { path: "" }, "path-unreadable"],
    ["a path with a NUL", { path: "a\0b" }, "path-unreadable"],
    ["an argument of the wrong type", { content: 7 }, "invalid-input"],
  ])("%j is refused", async (_what, args, code) => {
    expect((await share(args)).code).toBe(code);
  });

  it.each([
    ["an empty file", "empty.md", "", "empty"],
    ["a file of white space", "blank.md", " \r\n\t", "empty"],
    ["a file with a NUL", "nul.md", "text\0text", "not-text"],
    ["a file that is not UTF-8", "latin1.md", Buffer.from("Näxt", "latin1"), "not-text"],
    ["a file that ends within a character", "cut.md", Buffer.from("€").subarray(0, 2), "not-text"],
    ["an environment file", ".env", "TOKEN=x", "secret-file"],
    ["a key by its name", "server.pem", "x", "secret-file"],
    ["a key by its content", "notes-of-mine.md", "\n-----BEGIN OPENSSH PRIVATE KEY-----\nx", "secret-file"],
  ])("%s is refused", async (_what, name, content, code) => {
    await writeFile(join(server.project, name), content);
    expect((await share({ path: name })).code).toBe(code);
  });

  it("a folder is refused", async () => {
    await mkdir(join(server.project, "folder"), { recursive: true });
    expect((await share({ path: "folder" })).code).toBe("path-unreadable");
  });

  it("a file that does not exist is refused", async () => {
    const { code, text } = await share({ path: "missing.md" });
    expect(code).toBe("path-unreadable");
    expect(text).toContain("does not exist");
  });

  it("a pipe is refused, and not waited for", async ({ skip }) => {
    skip(process.platform === "win32", "Windows has no pipes in folders");
    execFileSync("mkfifo", [join(server.project, "pipe.md")]);
    expect((await share({ path: "pipe.md" })).code).toBe("path-unreadable");
  });

  it("a device is refused", async ({ skip }) => {
    skip(process.platform === "win32", "Windows has no devices in folders");
    await symlink("/dev/zero", join(server.project, "zero.md"));
    expect((await share({ path: "zero.md" })).code).toBe("path-not-allowed");
  });

  it("a file without permission is refused", async ({ skip }) => {
    skip(process.platform === "win32", "POSIX permissions are not Windows'");
    const unprivileged = await startServer({ unprivileged: true });
    const path = join(unprivileged.project, "mine.md");
    await writeFile(path, DOCUMENT);
    await chmod(path, 0o000);
    const { code, text } = await unprivileged.fails("distill_share", { path });
    expect(code).toBe("path-unreadable");
    expect(text).toContain("may not be read");
  });

  it("a file outside of the project is refused, by whatever way it is named", async () => {
    const outside = join(server.sandbox.outside, "notes.md");
    await writeFile(outside, DOCUMENT);
    await symlink(outside, join(server.project, "link.md"));
    await symlink(server.sandbox.outside, join(server.project, "linked"));
    for (const path of [outside, "../outside/notes.md", "link.md", "linked/notes.md", "~/../outside/notes.md"]) {
      expect(await share({ path }), path).toMatchObject({ code: "path-not-allowed" });
    }
  });

  it("a file of more than 1 GiB is refused at once", async () => {
    const path = join(server.project, "huge.md");
    await writeFile(path, "x");
    await truncate(path, 1024 ** 3 + 1);
    expect((await share({ path })).code).toBe("too-large");
  });

  it("without a home that can be written to, a text can be shared if the server keeps it itself", async () => {
    const homeless = (env: Record<string, string>) =>
      startServer({ env: { DISTILL_HOME: join(server.project, "a-file"), ...env } });
    await writeFile(join(server.project, "a-file"), "x");
    const [byHub, alone] = await Promise.all([homeless({}), homeless({ DISTILL_HUB: "off" })]);
    expect((await byHub.fails("distill_share", { content: "x", mode: "lan" })).code).toBe("home-unwritable");
    await writeFile(join(alone.project, "large.md"), "x\n".repeat(1024 * 1024));
    expect((await alone.fails("distill_share", { path: "large.md", mode: "lan" })).code).toBe("home-unwritable");
    await alone.share({ content: "this one fits", mode: "lan" });
  });
});

describe("the numbers", () => {
  it.each([
    ["receivers", 0],
    ["receivers", 101],
    ["receivers", 1.5],
    ["expires_minutes", 0],
    ["expires_minutes", 1441],
    ["expires_minutes", "10"],
  ])("%s: %j is refused, and named", async (name, value) => {
    const { code, text } = await share({ content: "x", [name]: value });
    expect(code).toBe("invalid-input");
    expect(text).toContain(name);
  });

  it("expires_minutes says when it ends", async () => {
    const since = Date.now();
    const { expires_at } = await server.share({ content: "x", mode: "lan", expires_minutes: 1440 });
    const day = 24 * 60 * 60_000;
    expect(Date.parse(expires_at)).toBeGreaterThanOrEqual(since + day);
    expect(Date.parse(expires_at)).toBeLessThanOrEqual(Date.now() + day);
  });
});

describe("a passphrase", () => {
  it.each(["", "a", "five5", "      ", "👩🏽‍🚀"])("%j is too weak, and not repeated", async (passphrase) => {
    const { code, text } = await share({ content: "x", mode: "lan", passphrase });
    expect(code).toBe("weak-passphrase");
    if (passphrase.length > 1) expect(text).not.toContain(passphrase.trim() || "\0");
  });

  it("of more than 1,024 characters is refused", async () => {
    expect((await share({ content: "x", passphrase: "p".repeat(1025) })).code).toBe("invalid-input");
  });
});

describe("the relay", () => {
  it.each([
    ["http://relay.example"],
    ["https://relay.example"],
    ["ws://"],
    ["foo"],
    [""],
    ["wss://joe:hush-hush@relay.example"],
    ["wss://relay.example/?token=hush-hush"],
    ["ws://relay.example:99999"],
  ])("address %j is refused, and not repeated", async (relay_url) => {
    for (const mode of ["auto", "relay"]) {
      const { code, text } = await share({ content: "x", relay_url, mode });
      expect(code).toBe("bad-relay-url");
      expect(text).not.toContain("hush");
    }
  });

  it("must be known for a share by relay", async () => {
    expect((await share({ content: "x", mode: "relay" })).code).toBe("no-relay");
  });

  it("that nothing answers at is an error in mode relay, and a warning in mode auto", async () => {
    const relay_url = "ws://127.0.0.1:1";
    expect((await share({ content: "x", relay_url, mode: "relay" })).code).toBe("relay-unreachable");
    const { warnings, lan, tell_receiver, ...rest } = await server.share({ content: "x", relay_url });
    expect(warnings).toEqual([expect.stringContaining("Not on the relay")]);
    expect(rest).not.toHaveProperty("relay_url");
    expect(tell_receiver).not.toContain(relay_url);
    expect(await isOpen(lan?.port ?? 0)).toBe(true);
  });

  it("that is full is relay-full", async () => {
    const { url } = await relayHere({ maxRooms: 1 });
    await server.share({ content: "x", relay_url: url, mode: "relay" });
    expect((await share({ content: "x", relay_url: url, mode: "relay" })).code).toBe("relay-full");
  });

  it("that has had enough of us is rate-limited", async () => {
    const { url } = await relayHere({ rateLimitMax: 1 });
    await server.share({ content: "x", relay_url: url, mode: "relay" });
    expect((await share({ content: "x", relay_url: url, mode: "relay" })).code).toBe("rate-limited");
  });

  it.each([
    ["speaks HTTP", async () => (await host((it) => it.end("HTTP/1.1 200 OK\r\n\r\n"))).port, "relay-refused"],
    ["speaks garbage", async () => (await host((it) => it.end("220 mail.example\r\n"))).port, "relay-unreachable"],
    ["hangs up", async () => (await host((it) => it.destroy())).port, "relay-unreachable"],
  ])("that %s is none", async (_what, start, code) => {
    const refused = await share({ content: "x", relay_url: `ws://127.0.0.1:${await start()}`, mode: "relay" });
    expect(refused.code).toBe(code);
  });

  it.each(["garbage", "{}", JSON.stringify({ type: "ROOM_CREATED", room_id: "$(rm)" })])(
    "that answers %j is none",
    async (answer) => {
      const relay_url = await falseRelay((ws) => ws.send(answer));
      const { code, text } = await share({ content: "x", relay_url, mode: "relay" });
      expect(code).toBe("relay-refused");
      expect(text).not.toContain("rm)");
    },
  );

  it("that keeps rooms for a shorter time says so, and the share ends with the room", async () => {
    const { url } = await relayHere({ roomTtlMs: 10 * 60_000 });
    const own = await startServer();
    const { expires_at, warnings } = await own.share({ content: "x", relay_url: url, mode: "relay" });
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(10 * 60_000);
    expect(warnings).toContainEqual(expect.stringContaining("10 minutes"));
  });

  it("that ends the room because its time is over has not failed: the share has expired", async () => {
    const timeOver = 4002; // the relay's close code for that
    const relay_url = await falseRelay((ws) => {
      ws.send(JSON.stringify({ type: "ROOM_CREATED", room_id: "7f3k2a", expires_in: 60 }));
      ws.close(timeOver);
    });
    const own = await startServer();
    await own.share({ content: "x", relay_url, mode: "relay" });
    await eventually(async () => (await own.status()).state).toBe("expired");
  });

  it("that forgets its rooms ends a share that is nowhere else, and is told of where there is another way", async () => {
    const relay = await relayHere();
    const own = await startServer();
    await own.share({ content: "x", relay_url: relay.url, mode: "relay" });
    await own.share({ content: "x", relay_url: relay.url });
    await relay.stop();
    await eventually(() => own.status()).toMatchObject({
      state: "waiting",
      relay_away_since: expect.stringMatching(/^\d{4}-/),
      summary: expect.stringContaining("without its relay since"),
    });
    await relayHere({ port: relay.port });
    const only = async () => (await own.shares())[0];
    await eventually(only).toMatchObject({ state: "failed" });
    await eventually(() => own.status()).toMatchObject({
      state: "waiting",
      warnings: [expect.stringContaining("The relay has lost the share")],
    });
  });

  it("gives the room up when the share is stopped, or its call cancelled", async () => {
    const relay = await relayHere();
    const own = await startServer();
    await own.share({ content: "x", relay_url: relay.url, mode: "relay" });
    expect(await roomsOf(relay)).toBe(1);
    await own.call("distill_stop", { all: true });
    await eventually(() => roomsOf(relay)).toBe(0);

    const mute = await host(() => {});
    const cancel = new AbortController();
    const args = { content: "x", relay_url: `ws://127.0.0.1:${mute.port}` };
    const call = own.call("distill_share", args, { signal: cancel.signal });
    await eventually(() => mute.visits).toBe(1);
    cancel.abort();
    await expect(call).rejects.toThrow();
    expect(await own.shares()).toHaveLength(1);
  });
});

describe("what is wrong", () => {
  it("never shows what must not be shown, in results or in the log", async () => {
    const [sender, receiver] = await Promise.all([
      startServer({ env: { DISTILL_LOG: "info" } }),
      startServer({ env: { DISTILL_LOG: "info" } }),
    ]);
    const relay = await relayHere();
    const title = "Zanzibar";
    const content = "Quetzalcoatl";
    const passphrase = "Popocatepetl-1994";
    const shared = await sender.share({ content, title, receivers: 2, relay_url: relay.url });
    const hidden = await sender.share({ content, title, passphrase, mode: "lan" });
    const where = { host: `127.0.0.1:${shared.lan?.port}`, mode: "lan" };
    const errors = [
      await receiver.fails("distill_receive", { code: wrong(shared.code), ...where }),
      await receiver.fails("distill_receive", { code: shared.code, host: "127.0.0.1:1" }),
      await receiver.fails("distill_receive", { code: shared.code, relay_url: "ws://joe:hush@127.0.0.1:1" }),
      await receiver.fails("distill_receive", { code: shared.code, passphrase, ...where }),
      await receiver.fails("distill_receive", { passphrase, room: "zzzzzz", relay_url: relay.url }),
      await receiver.fails("distill_receive", { passphrase: `${passphrase}!`, host: `127.0.0.1:${hidden.lan?.port}` }),
      await sender.fails("distill_share", { content, title, passphrase, relay_url: "foo" }),
    ];
    await receiver.receive({ code: shared.code, ...where });
    await receiver.receive({ code: shared.code, relay_url: relay.url });
    await receiver.receive({ passphrase, host: `127.0.0.1:${hidden.lan?.port}` });
    await sender.becomes("delivered");
    expect(sender.stderr()).toContain("info");
    expect(receiver.stderr()).toContain("info");
    const words = (shared.code ?? "").split("-").slice(1);
    const phrase = (separator: string) => words.join(separator);
    for (const text of [...errors.map((it) => it.text), sender.stderr(), receiver.stderr()]) {
      for (const hush of [title, content, passphrase, "hush", phrase("-"), phrase(" "), shared.room]) {
        expect(text).not.toContain(hush);
      }
    }
    for (const { stderr, sandbox } of [sender, receiver].map((it) => ({ stderr: it.stderr(), sandbox: it.sandbox }))) {
      expect(stderr).not.toContain(sandbox.base);
      for (const word of words) expect(stderr).not.toMatch(new RegExp(`\\b${word}-`));
    }
  });
});
