import { execFileSync } from "node:child_process";
import { chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeClock } from "../support/clock.ts";
import { later } from "../support/later.ts";
import { endHub, makeSandbox, type Offered, startServer, type TestServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import { DOCUMENT, longFile, SHORT, wrong } from "./texts.ts";
import { falseRelay, host, patient, relayHere, wireThatBreaks, wireTo } from "./wires.ts";

/** A code that nobody waits with. */
const CODE = "7f3k2a-crisp-original-lunar";
const BUFFERS = 64 * 1024;
/** How often a share looks whether its time is over. */
const EXPIRY_LOOK_MS = 15_000;
/** Shorter than any other time that a receiver waits for a word: what ends a call by then is this alone. */
const TIMEOUT_S = 10;

let sender: TestServer;
let receiver: TestServer;
beforeAll(async () => {
  [sender, receiver] = await Promise.all([startServer({ lasting: true }), startServer({ lasting: true })]);
});

/** That each test leaves nothing half-received is asked of all of them. */
afterEach(async () => expect(await receiver.kept("staging")).toEqual([]));

/** As hosts on the LAN say things. */
const frame = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);

const receive = (args: Record<string, unknown>) => receiver.fails("distill_receive", args);
const at = ({ lan }: Offered) => `127.0.0.1:${lan?.port}`;

const offered = (args: Record<string, unknown> = {}) => sender.share({ content: DOCUMENT, mode: "lan", ...args });

/** A server that keeps its shares itself, and whose time the test moves. */
async function atItsOwnTime() {
  const clock = await makeClock();
  const server = await startServer({ env: { DISTILL_HUB: "off", NODE_OPTIONS: clock.preload } });
  return { server, clock };
}

describe("where another user has made the home first", () => {
  beforeEach(({ skip }) => skip(process.getuid?.() !== 0, "needs root, to be two users"));

  it.each(["", "inbox", "staging"])("receives nothing: <home>/%s", async (folder) => {
    const share = await offered();
    const sandbox = await makeSandbox();
    const victim = await startServer({ sandbox, unprivileged: true });
    await mkdir(join(sandbox.home, folder), { recursive: true });
    await chmod(join(sandbox.home, folder), 0o777);
    await chmod(sandbox.home, 0o777);
    await chown(join(sandbox.home, folder), 12_345, 12_345); // who could put another document into its place
    const refused = await victim.fails("distill_receive", { code: share.code, host: at(share) });
    expect([refused.code, refused.text]).toEqual(["home-unwritable", expect.stringContaining("another user")]);
    expect(await sender.status()).toMatchObject({ state: "waiting", unconfirmed: 0 });
  });
});

describe("arguments that cannot be right are refused before anything is dialled:", () => {
  it.each([
    ["nothing", {}, "invalid-input"],
    ["code and passphrase", { code: CODE, passphrase: "seventeen swans" }, "invalid-input"],
    ["a code with a room that is not its own", { code: CODE, room: "222222" }, "invalid-input"],
    ["an empty passphrase", { passphrase: "" }, "invalid-input|weak-passphrase"],
    ["a passphrase that no share can have", { passphrase: "five5" }, "invalid-input|weak-passphrase"],
    ["a passphrase with a room that is none", { passphrase: "seventeen swans", room: "../../" }, "bad-room"],
    ["two words", { code: "7f3k2a-crisp-lunar" }, "bad-code"],
    ["four words", { code: `${CODE}-lunar` }, "bad-code"],
    ["a sentence", { code: "Please take the document from Alice" }, "bad-code"],
    ["an empty code", { code: "" }, "bad-code"],
    ["timeout_seconds: 0", { code: CODE, timeout_seconds: 0 }, "invalid-input"],
    ["mode: wan", { code: CODE, mode: "wan" }, "invalid-input"],
  ])("%s", async (_what, args, code) => {
    const somebody = await host((it) => it.end());
    expect((await receive({ host: `127.0.0.1:${somebody.port}`, ...args })).code).toMatch(new RegExp(`^(${code})$`));
    expect(somebody.visits).toBe(0);
  });

  it("a misspelt word, for which the nearest words are told and no attempt is counted", async () => {
    const somebody = await host((it) => it.end());
    const code = "7f3k2a-crips-original-lunar";
    const { code: error, text } = await receive({ code, host: `127.0.0.1:${somebody.port}` });
    expect(error).toBe("unknown-word");
    expect(text).toContain("crisp");
    expect(text).toContain("ask the user");
    expect(somebody.visits).toBe(0);
  });

  it.each(["abc", "abc:", ":123", "127.0.0.1:0", "127.0.0.1:65536", "::1:123", "http://127.0.0.1:80", "a b:80"])(
    "host %j",
    async (address) => {
      expect((await receive({ code: CODE, host: address })).code).toBe("bad-host");
    },
  );

  it("no way to the sender", async () => {
    expect((await receive({ code: CODE })).code).toBe("no-path");
    expect((await receive({ code: CODE, mode: "lan", relay_url: "ws://127.0.0.1:1" })).code).toBe("no-path");
    expect((await receive({ code: CODE, mode: "relay", host: "127.0.0.1:1" })).code).toBe("no-relay");
  });

  it("a passphrase for a relay without the room", async () => {
    const { url } = await relayHere();
    const { code, text } = await receive({ passphrase: "seventeen swans", relay_url: url });
    expect(code).toBe("invalid-input");
    expect(text).toContain("room");
  });

  it("an address of a relay that is none, without its password", async () => {
    for (const relay_url of ["http://127.0.0.1:1", "foo", "ws://joe:hush@127.0.0.1:1"]) {
      const { code, text } = await receive({ code: CODE, relay_url });
      expect(code).toBe("bad-relay-url");
      expect(text).not.toContain("hush");
    }
  });
});

describe("a wrong code", () => {
  it.each(["lan", "relay"])(
    "is one failed attempt, the user is to be asked, and the right one still works, by %s",
    async (mode) => {
      const { url } = await relayHere();
      const share = await offered({ mode, relay_url: url });
      const where = mode === "lan" ? { host: at(share) } : { relay_url: url };
      const { code, text } = await receive({ code: wrong(share.code), ...where });
      expect(code).toBe("wrong-code");
      expect(text).toContain("ask the user");
      expect(await sender.becomes("waiting")).toMatchObject({ failed_attempts: 1 });
      await receiver.receive({ code: share.code, ...where });
      expect(await sender.becomes("delivered")).toMatchObject({ failed_attempts: 1 });
    },
  );

  it("is told as such, although the relay that is tried next is not there", async () => {
    const share = await offered();
    const { code } = await receive({ code: wrong(share.code), host: at(share), relay_url: "ws://127.0.0.1:1" });
    expect(code).toBe("wrong-code");
  });

  it("costs one attempt, although host and relay lead to the same share", async () => {
    const { url } = await relayHere();
    const share = await offered({ mode: "auto", relay_url: url });
    const args = { code: wrong(share.code), host: at(share), relay_url: url };
    expect((await receive(args)).code).toBe("wrong-code");
    expect(await sender.becomes("waiting")).toMatchObject({ failed_attempts: 1 });
  });

  it("gets one address three attempts, and then not even the right one", async () => {
    const share = await offered();
    for (let i = 0; i < 3; i++) {
      expect((await receive({ code: wrong(share.code), host: at(share) })).code).toBe("wrong-code");
    }
    for (const code of [wrong(share.code), share.code]) {
      const refused = await receive({ code, host: at(share) });
      expect(refused.code).toBe("too-many-attempts");
      expect(refused.text).toContain("ask the user");
    }
    expect(await sender.status()).toMatchObject({ state: "waiting", failed_attempts: 3 });
  });

  it("is one of three by relay, for all receivers of one network together, and the share stays for others", async () => {
    const { url } = await relayHere();
    const share = await offered({ mode: "relay", relay_url: url });
    const all = Array.from({ length: 6 }, () => receive({ code: wrong(share.code), relay_url: url }));
    const codes = (await Promise.all(all)).map(({ code }) => code);
    expect(codes.sort()).toEqual([...Array(3).fill("too-many-attempts"), ...Array(3).fill("wrong-code")]);
    expect((await receive({ code: share.code, relay_url: url })).code).toBe("too-many-attempts");
    expect(await sender.status()).toMatchObject({ state: "waiting", failed_attempts: 3 });
  });

  it("in a room of somebody else is no attempt at that share", async () => {
    const share = await offered();
    const code = `222222-${share.code?.split("-").slice(1).join("-")}`;
    expect((await receive({ code, host: at(share) })).code).toBe("wrong-sender");
    expect((await sender.becomes("waiting")).failed_attempts).toBe(0);
  });
});

describe("a share that is over", () => {
  it.each(["lan", "relay"])("because it was stopped, or taken by another, is not to be had, by %s", async (mode) => {
    const { url } = await relayHere();
    const share = await offered({ mode, relay_url: url });
    const second = await sender.share({ content: DOCUMENT, mode, relay_url: url });
    const where = (it: Offered) => (mode === "lan" ? { host: at(it) } : { relay_url: url });
    await sender.call("distill_stop", { share_id: share.share_id });
    await receiver.receive({ code: second.code, ...where(second) });
    await sender.becomes("delivered");
    for (const it of [share, second]) {
      const { code } = await receive({ code: it.code, ...where(it) });
      expect(code).toBe(mode === "lan" ? "host-refused" : "room-not-found");
    }
  });

  it("because its time on the relay is over has expired, for both", async () => {
    const { url } = await relayHere({ roomTtlMs: 1000 });
    const share = await offered({ mode: "relay", relay_url: url });
    const gone = async () => (await sender.status()).state !== "waiting";
    await eventually(gone).toBe(true);
    expect((await receive({ code: share.code, relay_url: url })).code).toMatch(/^(expired|room-not-found)$/);
    const { state, warnings } = await sender.status();
    expect(state).toBe("expired");
    expect(warnings.join()).not.toContain("lost");
  });

  it("because the hub has ended", async () => {
    const sender = await startServer();
    const share = await sender.share({ content: DOCUMENT, mode: "lan" });
    await endHub(sender.home);
    expect((await receive({ code: share.code, host: at(share) })).code).toBe("host-refused");
  });
});

describe("a host", () => {
  it.each<[string, (it: Socket) => unknown, string]>([
    ["that announces 2 GB", (it) => it.write(Buffer.from([0x7f, 0xff, 0xff, 0xff])), "bad-message"],
    ["that speaks HTTP", (it) => it.write("HTTP/1.1 400 Bad Request\r\n\r\n"), "bad-message"],
    ["that speaks version 1", (it) => it.resume().write(frame('{"type":"CHALLENGE"}')), "version-mismatch"],
    ["that refuses", (it) => it.resume().write(frame('{"type":"REFUSED","reason":"expired"}')), "expired"],
    [
      "that refuses for a reason of its own",
      (it) => it.end(frame('{"type":"REFUSED","reason":"<b>"}')),
      "peer-aborted",
    ],
  ])("%s", async (_what, visited, expected) => {
    const { port } = await host(visited);
    const { code, text } = await receive({ code: CODE, host: `127.0.0.1:${port}` });
    expect(code).toBe(expected);
    expect(text).not.toContain("<b>");
  });

  it("that floods is given up on", async () => {
    const flood = frame('{"type":"HALLO"}');
    const { port } = await host((it) => {
      const more = () => {
        while (it.writable && it.write(Buffer.concat(Array(1000).fill(flood))));
      };
      it.on("drain", more);
      more();
    });
    const { code } = await receive({ code: CODE, host: `127.0.0.1:${port}`, timeout_seconds: 1 });
    expect(code).toMatch(/^(bad-message|timed-out)$/);
  });

  it("that nothing listens at refuses", async () => {
    expect((await receive({ code: CODE, host: "127.0.0.1:1" })).code).toBe("host-refused");
  });

  it("can be an IPv6 address, or a name", async () => {
    for (const name of ["[::1]", "localhost"]) {
      const share = await offered();
      await receiver.receive({ code: share.code, host: `${name}:${share.lan?.port}` });
    }
  });
});

describe("a relay", () => {
  it.each([
    ["garbage", "relay-refused"],
    ['{"type":"ERROR","reason":"<script>"}', "relay-refused"],
    ['{"type":"ROOM_JOINED","room_id":"aaaaaa"}', "relay-refused"],
    ['{"type":"ERROR","reason":"queue_full"}', "relay-full"],
  ])("that answers %s: %s", async (answer, expected) => {
    const relay_url = await falseRelay((ws) => ws.send(answer));
    const { code, text } = await receive({ code: CODE, relay_url });
    expect(code).toBe(expected);
    expect(text).not.toContain("script");
  });

  it("that is not there, has no such room, or has had enough", async () => {
    const { url } = await relayHere({ rateLimitMax: 1 });
    expect((await receive({ code: CODE, relay_url: "ws://127.0.0.1:1" })).code).toBe("relay-unreachable");
    expect((await receive({ code: CODE, relay_url: url })).code).toBe("room-not-found");
    expect((await receive({ code: CODE, relay_url: url })).code).toBe("rate-limited");
  });
});

it("waits for timeout_seconds for whoever says nothing, or hangs up and may come back, and then no longer", async () => {
  const { server, clock } = await atItsOwnTime();
  const visited = async (visit: (it: Socket) => unknown, times = 1) => {
    const it = await host(visit);
    return { where: { host: `127.0.0.1:${it.port}` }, isThere: () => it.visits >= times };
  };
  const asked = async (answer?: string) => {
    let isAsked = false;
    const relay_url = await falseRelay((ws) => {
      isAsked = true;
      if (answer !== undefined) ws.send(answer);
    });
    return { where: { relay_url }, isThere: () => isAsked };
  };
  const half = frame("{}").subarray(0, 5);
  const all = [
    { who: "a host that says nothing", code: "timed-out", ...(await visited(() => {})) },
    { who: "a host that stops within a frame", code: "timed-out", ...(await visited((it) => it.write(half))) },
    {
      who: "a host that talks of something else",
      code: "timed-out",
      ...(await visited((it) => it.write(frame('{"type":"HALLO"}')))),
    },
    { who: "a relay that says nothing", code: "timed-out", ...(await asked()) },
    {
      who: "a relay that lets us in",
      code: "timed-out",
      ...(await asked('{"type":"ROOM_JOINED","room_id":"7f3k2a"}')),
    },
    { who: "a host that hangs up", code: "link-lost", ...(await visited((it) => it.end(), 2)) },
    { who: "a host that ends within a frame", code: "link-lost", ...(await visited((it) => it.end(half), 2)) },
  ];
  const resets = await host((it) => it.resetAndDestroy()); // which may be seen as a refusal, or as a link that was lost
  const args = { code: CODE, host: `127.0.0.1:${resets.port}`, timeout_seconds: TIMEOUT_S };
  let isRefused = false;
  const reset = server.fails("distill_receive", args).finally(() => {
    isRefused = true;
  });
  const calls = all.map((it) =>
    server.fails("distill_receive", { code: CODE, ...it.where, timeout_seconds: TIMEOUT_S }),
  );
  for (const { who, isThere } of all) await until(`${who} is there`, isThere);
  await until("a host has reset a connection", () => isRefused || resets.visits >= 2);
  await clock.pass(TIMEOUT_S * 1000);
  for (const [at, { who, code }] of all.entries()) expect((await calls[at])?.code, who).toBe(code);
  expect((await reset).code).toMatch(/^(link-lost|host-refused)$/);
});

describe("a call that is cancelled", () => {
  it("drops the connection at once while it waits", async () => {
    let closed = false;
    const mute = await host((it) => it.resume().on("close", () => (closed = true)));
    const cancel = new AbortController();
    const args = { code: CODE, host: `127.0.0.1:${mute.port}` };
    const call = receiver.call("distill_receive", args, { signal: cancel.signal });
    await eventually(() => mute.visits).toBe(1);
    cancel.abort();
    await expect(call).rejects.toThrow();
    await eventually(() => closed).toBe(true);
  });

  it("in the middle leaves nothing, and the share to be had again, by relay", async () => {
    const relay = await relayHere();
    const before = await receiver.kept("inbox");
    const share = await sender.share({ path: await longFile(sender.project), mode: "relay", relay_url: relay.url });
    const wire = await wireTo(relay.port, BUFFERS);
    const args = { code: share.code, relay_url: `ws://127.0.0.1:${wire.port}` };
    const cancel = new AbortController();
    const call = receiver.call("distill_receive", args, { signal: cancel.signal });
    await Promise.all([sender.becomes("serving"), wire.full()]);
    cancel.abort();
    await expect(call).rejects.toThrow();
    await eventually(() => receiver.kept("staging")).toEqual([]);
    expect(await receiver.kept("inbox")).toEqual(before);
    await eventually(() => wire.open).toBe(0);
    expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, unconfirmed: 0, failed_attempts: 0 });
    wire.release();
    expect((await receiver.receive(args)).sha256).toBe(share.sha256);
  });
});

describe("a document whose receipt is lost", () => {
  const receipt = 4; // behind HELLO, CONFIRM and READY

  it("is kept, and delivered, because the receipt is given again", async () => {
    const share = await offered();
    const port = await wireThatBreaks(share.lan?.port ?? 0, receipt, 2);
    const { warnings, original } = await receiver.receive({ code: share.code, host: `127.0.0.1:${port}` });
    expect(await readFile(original, "utf8")).toBe(DOCUMENT);
    expect(warnings).toEqual([]);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1, unconfirmed: 0 });
  });

  it("again and again is kept, and its sender does not claim that it was delivered", async () => {
    const share = await offered();
    const port = await wireThatBreaks(share.lan?.port ?? 0, receipt);
    const before = await receiver.kept("inbox");
    const cancel = new AbortController();
    const args = { code: share.code, host: `127.0.0.1:${port}` };
    const call = receiver.call("distill_receive", args, { signal: cancel.signal });
    call.catch(() => {});
    expect(await sender.becomes("unconfirmed")).toMatchObject({ delivered: 0, unconfirmed: 1 });
    await eventually(() => receiver.kept("inbox")).toHaveLength(before.length + 1);
    cancel.abort();
    await expect(call).rejects.toThrow();
  });
});

it("a second receiver is told that the place is taken, and has it when the first one cancels, which leaves nothing", async () => {
  const before = await receiver.kept("inbox");
  const share = await sender.share({ path: await longFile(sender.project), mode: "lan" });
  const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
  const cancel = new AbortController();
  const args = { code: share.code, host: `127.0.0.1:${wire.port}` };
  const first = receiver.call("distill_receive", args, { signal: cancel.signal });
  first.catch(() => {});
  await wire.full(); // a folder in staging is also made for a moment to see whether one can be
  expect((await receive({ code: share.code, host: at(share) })).code).toBe("busy");
  cancel.abort();
  await eventually(() => receiver.kept("staging")).toEqual([]);
  expect(await receiver.kept("inbox")).toEqual(before);
  await eventually(() => wire.open).toBe(0);
  expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, unconfirmed: 0, failed_attempts: 0 });
  expect((await receiver.receive({ code: share.code, host: at(share) })).sha256).toBe(share.sha256);
});

it("a transfer that runs when the share's time is over may end", async () => {
  const { server, clock } = await atItsOwnTime();
  const path = await longFile(server.project, SHORT);
  const share = await server.share({ path, mode: "lan", expires_minutes: 1, receivers: 2 });
  const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
  const call = receiver.receive({ code: share.code, host: `127.0.0.1:${wire.port}` });
  await wire.full();
  await clock.jump(60_000);
  await clock.pass(EXPIRY_LOOK_MS); // no transfer stands still for too long by that
  expect((await receive({ code: share.code, host: at(share) })).code).toBe("expired");
  expect((await server.status()).state).toBe("serving");
  wire.release();
  expect((await call).sha256).toBe(share.sha256);
  expect(await server.becomes("expired")).toMatchObject({ delivered: 1, unconfirmed: 0 });
});

it("a share that is stopped in the middle of a transfer leaves nothing", async () => {
  const before = await receiver.kept("inbox");
  const share = await sender.share({ path: await longFile(sender.project), mode: "lan" });
  const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
  const call = patient(receiver, { code: share.code, host: `127.0.0.1:${wire.port}` });
  await sender.becomes("serving");
  const stopped = sender.call("distill_stop", { share_id: share.share_id });
  wire.release();
  await call.isInVain(); // the sender's last word comes only if the network is fast enough
  expect((await stopped).isError).toBe(false);
  expect(await sender.status()).toMatchObject({ state: "stopped", delivered: 0 });
  expect(await receiver.kept("inbox")).toEqual(before);
});

it("a transfer that runs is not cut by timeout_seconds", async () => {
  const { server, clock } = await atItsOwnTime();
  const share = await sender.share({ path: await longFile(sender.project, SHORT), mode: "lan" });
  const wire = await wireTo(share.lan?.port ?? 0, BUFFERS);
  const args = { code: share.code, host: `127.0.0.1:${wire.port}`, timeout_seconds: TIMEOUT_S };
  const call = server.receive(args);
  await wire.full();
  await clock.pass(TIMEOUT_S * 1000);
  wire.release();
  expect((await call).bytes).toBe(share.bytes);
});

describe("a machine that cannot keep the document", () => {
  it.each([
    ["a file stands in its place", async (home: string) => writeFile(home, "x")],
    [
      "a file stands in the inbox's place",
      async (home: string) => {
        await mkdir(home);
        await writeFile(join(home, "inbox"), "x");
      },
    ],
  ])("says home-unwritable where %s, and the share lives on", async (_what, spoil) => {
    const share = await offered();
    const sandbox = await makeSandbox();
    await spoil(sandbox.home);
    const homeless = await startServer({ sandbox });
    const args = { code: share.code, host: at(share) };
    expect((await homeless.fails("distill_receive", args)).code).toBe("home-unwritable");
    expect(await sender.becomes("waiting")).toMatchObject({ unconfirmed: 0 });
    await receiver.receive(args);
  });

  describe("since it is full", () => {
    beforeEach(({ skip }) => {
      skip(process.platform !== "linux" || process.getuid?.() !== 0, "needs Linux and root, to make a disk that small");
    });

    it.each([
      ["is full", "a short document", "64k", DOCUMENT],
      ["is too small", "a long one", "2m", "A line.\n".repeat(130_000)],
    ])("says disk-full where the disk %s for %s, and the share lives on", async (_what, _which, size, content) => {
      const share = await offered({ content });
      const sandbox = await makeSandbox();
      await mkdir(sandbox.home);
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", sandbox.home]);
      later(() => execFileSync("umount", ["-l", sandbox.home]));
      const full = await startServer({ sandbox });
      const args = { code: share.code, host: at(share) };
      expect((await full.fails("distill_receive", args)).code).toBe("disk-full");
      expect([await full.kept("staging"), await full.kept("inbox")]).toEqual([[], []]);
      expect(await sender.becomes("waiting")).toMatchObject({ unconfirmed: 0 });
      await receiver.receive(args);
    });
  });
});
