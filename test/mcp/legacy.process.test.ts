/** Version 1 by the tools: asked for on both sides, said where it is used, and never slipped into. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { beforeAll, describe, expect, it } from "vitest";
import { MAX_LEGACY_DOCUMENT_BYTES } from "../../src/legacy/messages.ts";
import { type Offered, startServer, type TestServer } from "../support/server.ts";
import { DOCUMENT, sha256 } from "./texts.ts";
import { relayHere } from "./wires.ts";

let sender: TestServer;
let receiver: TestServer;
beforeAll(async () => {
  [sender, receiver] = await Promise.all([startServer({ lasting: true }), startServer({ lasting: true })]);
});

const legacy = true;
const hostOf = ({ tell_receiver }: Offered) => /--host (\S+)/.exec(tell_receiver)?.[1] ?? "";

describe.each(["lan", "relay"] as const)("a legacy share, by %s,", (mode) => {
  const offered = async (args: object = {}) => {
    const relay_url = mode === "relay" ? (await relayHere()).url : undefined;
    const share = await sender.share({ content: DOCUMENT, mode, legacy, ...(relay_url && { relay_url }), ...args });
    const where = relay_url ? { relay_url, mode } : { host: hostOf(share) };
    return { share, where: { room: share.room, legacy, ...where } };
  };

  it("has six words and no code, and goes across; it is never called delivered", async () => {
    const { share, where } = await offered();
    expect(share.code).toBeUndefined();
    const words = share.passphrase?.split("-") ?? [];
    expect(words).toHaveLength(6);
    for (const word of words) expect(wordlist).toContain(word);
    expect(share.tell_receiver).toContain(`--room ${share.room} ${share.passphrase}`);
    expect(share.tell_receiver).toMatch(/^\/distill-receive --legacy /m);
    expect(share.warnings.join()).toContain("Legacy (version 1)");

    const taken = await receiver.receive({ passphrase: share.passphrase, ...where });
    expect(taken).toMatchObject({ title: "Fix the pump", sha256: sha256(DOCUMENT), via: mode });
    expect(taken.content).toContain(DOCUMENT);
    expect(taken.warnings.join()).toContain("Legacy (version 1)");
    const { delivered, unconfirmed, passphrase } = await sender.becomes("unconfirmed");
    expect([delivered, unconfirmed, passphrase]).toEqual([0, 1, undefined]);
  });

  it("takes the passphrase that two agreed on, as it was typed, and warns of a short one", async () => {
    const { share, where } = await offered({ passphrase: "Cafe\u0301 one" });
    expect(share.passphrase).toBeUndefined();
    expect(share.tell_receiver).toContain("<passphrase>");
    expect(share.warnings.join()).toContain("short");
    const other = await receiver.fails("distill_receive", { passphrase: "Caf\u00e9 one", ...where });
    expect(other.code).toBe("wrong-code");
    expect((await receiver.receive({ passphrase: "Cafe\u0301 one", ...where })).via).toBe(mode);
  });

  it("takes three wrong passphrases of one address", async () => {
    const { share, where } = await offered();
    const attempt = (passphrase = "") => receiver.fails("distill_receive", { passphrase, ...where });
    for (let i = 0; i < 3; i++) expect((await attempt("wrong passphrase")).code).toBe("wrong-code");
    if (mode === "relay") await sender.becomes("burned"); // nobody is left who could come
    const refused = await attempt(share.passphrase);
    expect(refused.code).toBe(mode === "relay" ? "room-not-found" : "too-many-attempts");
    expect((await sender.status()).failed_attempts).toBe(3);
  });

  it("is not had without legacy: both sides say what to do, and nothing counts", async () => {
    const { share, where } = await offered();
    const { passphrase } = share;
    const refused = await receiver.fails("distill_receive", { passphrase, ...where, legacy: false });
    expect([refused.code, refused.text]).toEqual(["version-mismatch", expect.stringContaining("legacy: true")]);
    const { failed_attempts, warnings } = await sender.status();
    expect([failed_attempts, warnings.join()]).toEqual([0, expect.stringContaining("it needs --legacy")]);
  });

  it("is not made of a share of version 2: both sides say what to do, and nothing counts", async () => {
    const { where } = await offered({ legacy: false, passphrase: "what we agreed on" });
    const refused = await receiver.fails("distill_receive", { passphrase: "what we agreed on", ...where });
    expect([refused.code, refused.text]).toEqual(["version-mismatch", expect.stringContaining("version 2")]);
    const { failed_attempts, warnings } = await sender.status();
    expect([failed_attempts, warnings.join()]).toEqual([0, expect.stringContaining("share again with --legacy")]);
  });
});

it("the words of a code are never put into version 1, however they are given", async () => {
  const code = "7f3k2a-crisp-orbit-lunar";
  const alone = { passphrase: "crisp-orbit-lunar", room: "7f3k2a" };
  for (const args of [{ code }, { passphrase: code }, { passphrase: "7F3K2A crisp orbit lunar" }, alone]) {
    const refused = await receiver.fails("distill_receive", { ...args, legacy, host: "127.0.0.1:9" });
    expect([refused.code, refused.text]).toEqual(["invalid-input", expect.stringContaining("leave out legacy")]);
  }
});

it("a document that is too long for version 1 is refused before it is offered", async () => {
  const path = join(sender.project, "long.md");
  await writeFile(path, "x".repeat(5 * 1024 * 1024));
  expect((await sender.fails("distill_share", { path, legacy, mode: "lan" })).code).toBe("too-large");
  expect(await sender.kept("spool")).toEqual([]);
});

it("the longest document arrives, also in processes that have come to the end of V8's room for regular expressions", async () => {
  const preload = fileURLToPath(new URL("../support/unoptimised-regexp.mjs", import.meta.url));
  const env = { DISTILL_HUB: "off", NODE_OPTIONS: `--import ${preload}` };
  const [from, to] = await Promise.all([startServer({ env }), startServer({ env })]);
  const text = "x".repeat(MAX_LEGACY_DOCUMENT_BYTES);
  const path = join(from.project, "long.md");
  await writeFile(path, text);
  const share = await from.share({ path, mode: "lan", legacy });
  const where = { room: share.room, host: hostOf(share), legacy };
  expect(await to.receive({ passphrase: share.passphrase, ...where })).toMatchObject({ sha256: sha256(text) });
});
