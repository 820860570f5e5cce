import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeSandbox, type Offered, startServer, type TestServer } from "../support/server.ts";
import { DOCUMENT, sha256 } from "./texts.ts";
import { relayHere, relayProcess } from "./wires.ts";

let sender: TestServer;
let receiver: TestServer;
let relay_url: string;
beforeAll(async () => {
  relay_url = (await relayHere({}, true)).url;
  [sender, receiver] = await Promise.all([startServer({ lasting: true }), startServer({ lasting: true })]);
});

const at = ({ lan }: Offered) => `127.0.0.1:${lan?.port}`;

describe("a document", () => {
  it("goes from one server to another over TCP, and is the same to the byte", async () => {
    const share = await sender.share({ content: DOCUMENT, mode: "lan" });
    expect(share).toMatchObject({ bytes: Buffer.byteLength(DOCUMENT), sha256: sha256(DOCUMENT), receivers: 1 });
    expect(share.code).toMatch(/^[a-z0-9]{6}(-[a-z]+){3}$/);
    expect(share.tell_receiver).toContain(share.code);
    expect(share.tell_receiver).toContain(`:${share.lan?.port}`);
    expect(await sender.status()).toMatchObject({ state: "waiting", code: share.code, title: "Fix the pump" });

    const taken = await receiver.receive({ code: share.code, host: at(share) });
    expect(taken).toMatchObject({
      title: "Fix the pump",
      bytes: share.bytes,
      sha256: share.sha256,
      via: "lan",
      warnings: [],
    });
    expect(await readFile(taken.original)).toEqual(Buffer.from(DOCUMENT));
    const over = await sender.becomes("delivered");
    expect(over).toMatchObject({ delivered: 1, unconfirmed: 0, failed_attempts: 0 });
    expect(over).not.toHaveProperty("code");
    expect(over).toHaveProperty("ended_at");
  });

  it("goes by the relay that the environment names, in a process of its own", async () => {
    const env = { DISTILL_RELAY_URL: (await relayProcess()).url };
    const [sender, receiver] = await Promise.all([startServer({ env }), startServer({ env })]);
    const share = await sender.share({ content: DOCUMENT, mode: "relay" });
    expect(share).not.toHaveProperty("lan");
    expect(share.tell_receiver).toContain(share.relay_url);
    const taken = await receiver.receive({ code: share.code });
    expect(taken.via).toBe("relay");
    expect(await readFile(taken.original, "utf8")).toBe(DOCUMENT);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1 });
  });

  it("comes inside of a fence, to the model and on disk", async () => {
    const share = await sender.share({ content: DOCUMENT, mode: "lan" });
    const taken = await receiver.receive({ code: share.code, host: at(share) });
    const [, token] = /-----BEGIN HAND-OFF ([0-9a-f]{32})-----/.exec(taken.content) ?? [];
    expect(taken.content).toContain(`-----BEGIN HAND-OFF ${token}-----\n${DOCUMENT}-----END HAND-OFF ${token}-----`);
    expect(await readFile(taken.saved_to, "utf8")).toBe(taken.content);
  });

  it("lies in files and folders that are the user's alone", async () => {
    const share = await sender.share({ content: DOCUMENT, mode: "lan" });
    const { saved_to, original } = await receiver.receive({ code: share.code, host: at(share) });
    const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
    for (const file of [saved_to, original]) expect(await mode(file)).toBe("600");
    const folder = dirname(saved_to);
    for (const it of [folder, dirname(folder), join(receiver.home, "staging"), receiver.home]) {
      expect(await mode(it)).toBe("700");
    }
    expect(await receiver.kept("staging")).toEqual([]);
  });

  it("is frozen when it is shared, whatever becomes of its file", async () => {
    const path = join(sender.project, "notes.md");
    await writeFile(path, DOCUMENT);
    const share = await sender.share({ path: "notes.md", mode: "lan" });
    await truncate(path, 3);
    const { original } = await receiver.receive({ code: share.code, host: at(share) });
    expect(await readFile(original, "utf8")).toBe(DOCUMENT);
  });

  it("of 40,000 characters is given whole", async () => {
    const content = `# Long\n${'"x" '.repeat(10_000)}`.slice(0, 39_999).concat("\n");
    const share = await sender.share({ content, mode: "lan" });
    const taken = await receiver.receive({ code: share.code, host: at(share) });
    expect(taken.content).toContain(content);
    const { tools } = await receiver.client.listTools();
    const { _meta } = tools.find(({ name }) => name === "distill_receive") ?? {};
    const whole = JSON.stringify({ content: [{ type: "text", text: taken.content }], structuredContent: taken });
    expect(taken.content.length).toBeLessThan(_meta?.["anthropic/maxResultSizeChars"] as number);
    expect(whole.length).toBeLessThan(4 * content.length);
  });

  it("of 200 KB is given as its headings, its beginning and its path", async () => {
    const parts = Array.from({ length: 10 }, (_, i) => `# Part ${i}\n${"word ".repeat(4000)}\n`);
    const content = parts.join("");
    const share = await sender.share({ content, mode: "lan" });
    const taken = await receiver.receive({ code: share.code, host: at(share) });
    expect(taken.content.length).toBeLessThan(10_000);
    for (let i = 0; i < 10; i++) expect(taken.content).toContain(`# Part ${i}`);
    expect(taken.content).toContain(taken.saved_to);
    expect(await readFile(taken.original, "utf8")).toBe(content);
    expect(await readFile(taken.saved_to, "utf8")).toContain(content);
  });

  it("of 5 MB goes by its path, and the progress that is told only grows", async () => {
    const content = Array.from({ length: 100_000 }, (_, i) => `Line ${i}, ${Math.sin(i)} of a long log\n`).join("");
    await writeFile(join(sender.project, "log.md"), content);
    const share = await sender.share({ path: "log.md", mode: "relay", relay_url });
    const told: { progress: number; total?: number | undefined }[] = [];
    const taken = await receiver.receive({ code: share.code, relay_url }, { onprogress: (step) => told.push(step) });
    expect(taken.sha256).toBe(sha256(content));
    expect(sha256(await readFile(taken.original))).toBe(taken.sha256);
    expect(told.length).toBeGreaterThan(3);
    for (let i = 1; i < told.length; i++) expect(told[i]?.progress).toBeGreaterThan(told[i - 1]?.progress ?? 0);
    expect(told.at(-1)).toMatchObject({ progress: told.at(-1)?.total });
  });

  it("of 5 MB goes as content", async () => {
    const content = "A line that stands in a call.\n".repeat(170_000);
    const share = await sender.share({ content, mode: "lan" });
    const { original } = await receiver.receive({ code: share.code, host: at(share) });
    expect(sha256(await readFile(original))).toBe(share.sha256);
  });
});

describe("the title", () => {
  it.each([
    ["the first heading", { content: "Words.\n\n## Two *signs* ##\n\n# One" }, /^Two \*signs\*$/],
    ["no line of a code block", { content: "```sh\n# a comment\n```\n# Real" }, /^Real$/],
    ["what was given", { content: "# Heading", title: " My\n title " }, /^My title$/],
    ["nothing where there is no heading", { content: "Words." }, /^$/],
  ])("is %s", async (_what, args, title) => {
    const share = await sender.share({ ...args, mode: "lan" });
    expect((await sender.status()).title).toMatch(title);
    expect((await receiver.receive({ code: share.code, host: at(share) })).title).toMatch(title);
  });

  it("of a file is its first heading too", async () => {
    await writeFile(join(sender.project, "notes.md"), DOCUMENT);
    await sender.share({ path: "notes.md", mode: "lan" });
    expect((await sender.status()).title).toBe("Fix the pump");
  });
});

describe("a file may be shared", () => {
  it("by its absolute path, from the project, and from DISTILL_HOME", async () => {
    const share = await sender.share({ content: DOCUMENT, mode: "lan" });
    const { original } = await receiver.receive({ code: share.code, host: at(share) });
    const onward = await receiver.share({ path: original, mode: "lan" });
    expect(onward.sha256).toBe(share.sha256);
  });

  it("from a folder that DISTILL_ALLOW_PATHS names", async () => {
    const sandbox = await makeSandbox();
    await writeFile(join(sandbox.outside, "notes.md"), DOCUMENT);
    const sender = await startServer({ sandbox, env: { DISTILL_ALLOW_PATHS: sandbox.outside } });
    expect(await sender.share({ path: join(sandbox.outside, "notes.md") })).toMatchObject({ sha256: sha256(DOCUMENT) });
  });
});

describe("a passphrase", () => {
  it("meets by relay with the room, and is repeated nowhere", async () => {
    const passphrase = "seventeen sad swans";
    const answer = await sender.call("distill_share", { content: DOCUMENT, mode: "relay", relay_url, passphrase });
    const share = answer.data as Offered;
    expect(share).not.toHaveProperty("code");
    expect(share.tell_receiver).toContain(`--room ${share.room}`);
    expect(JSON.stringify([answer, await sender.call("distill_status")])).not.toContain(passphrase);
    const taken = await receiver.receive({ passphrase, room: share.room.toUpperCase(), relay_url });
    expect(await readFile(taken.original, "utf8")).toBe(DOCUMENT);
  });

  it("meets by host without the room, even where a relay is known", async () => {
    const passphrase = "seventeen sad swans";
    const share = await sender.share({ content: DOCUMENT, passphrase, relay_url });
    expect((await receiver.receive({ passphrase, host: at(share), relay_url })).via).toBe("lan");
  });

  it.each([
    ["of 1,000 characters", "p".repeat(1000), "p".repeat(1000)],
    ["with quotes, backslashes and line ends", `"'\\ \n $(x) \t;é`, `"'\\ \n $(x) \t;é`],
    ["in either spelling of Unicode", "é👩🏽‍🚀ñ-ÅÖ café".normalize("NFC"), "é👩🏽‍🚀ñ-ÅÖ café".normalize("NFD")],
  ])("meets %s", async (_what, here, there) => {
    const share = await sender.share({ content: DOCUMENT, mode: "lan", passphrase: here });
    expect((await receiver.receive({ passphrase: there, host: at(share) })).sha256).toBe(share.sha256);
  });

  it("that is short is warned of", async () => {
    const { warnings } = await sender.share({ content: "x", mode: "lan", passphrase: "sixsix" });
    expect(warnings).toEqual([expect.stringContaining("short")]);
  });
});

describe("a code", () => {
  it.each([
    ["in capitals", (code: string) => code.toUpperCase()],
    ["with blanks", (code: string) => `  ${code.replaceAll("-", " ")}\n`],
    ["with long dashes", (code: string) => code.replaceAll("-", "–")],
  ])("is read %s", async (_how, spell) => {
    const share = await sender.share({ content: DOCUMENT, mode: "lan" });
    await receiver.receive({ code: spell(share.code ?? ""), host: at(share) });
  });
});

describe("several receivers", () => {
  it("get the document one after another, and the sender is told of the risk", async () => {
    const share = await sender.share({ content: DOCUMENT, mode: "lan", receivers: 2 });
    expect(share.warnings).toEqual([expect.stringContaining("pose as the sender")]);
    const first = await receiver.receive({ code: share.code, host: at(share) });
    expect(await sender.becomes("waiting")).toMatchObject({ delivered: 1, receivers: 2, code: share.code });
    const second = await receiver.receive({ code: share.code, host: at(share) });
    expect(second.original).not.toBe(first.original);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 2 });
  });

  it.each(["lan", "relay"])("at once get as many copies as were offered, by %s", async (mode) => {
    const before = await receiver.kept("inbox");
    const share = await sender.share({ content: DOCUMENT, mode, relay_url, receivers: 3 });
    const where = mode === "lan" ? { host: at(share) } : { relay_url };
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => receiver.call("distill_receive", { code: share.code, mode, ...where })),
    );
    expect(answers.filter(({ isError }) => !isError)).toHaveLength(3);
    for (const { text } of answers.filter(({ isError }) => isError)) {
      expect(text).toMatch(/^Error (busy|share-ended|host-refused|room-not-found|link-lost): /);
    }
    expect(await receiver.kept("inbox")).toHaveLength(before.length + 3);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 3, unconfirmed: 0 });
  });
});

describe("mode auto", () => {
  it.each(["lan", "relay"])("offers a document on the network and on the relay, and it is had by %s", async (by) => {
    const share = await sender.share({ content: DOCUMENT, relay_url });
    expect(share.tell_receiver).toContain(relay_url);
    expect(share.tell_receiver).toContain(`:${share.lan?.port}`);
    const where = by === "lan" ? { host: at(share) } : { relay_url };
    expect((await receiver.receive({ code: share.code, ...where })).via).toBe(by);
    await sender.becomes("delivered");
  });

  it("goes on to the relay where the host refuses", async () => {
    const share = await sender.share({ content: DOCUMENT, mode: "relay", relay_url });
    expect((await receiver.receive({ code: share.code, host: "127.0.0.1:1", relay_url })).via).toBe("relay");
  });
});
