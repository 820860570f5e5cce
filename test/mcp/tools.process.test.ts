import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../support/server.ts";

const NAMES = [
  "distill_share",
  "distill_preview",
  "distill_receive",
  "distill_status",
  "distill_stop",
  "distill_sessions",
  "distill_install",
  "distill_uninstall",
];
/** What Claude Code shows of a description before it cuts. */
const MAX_DESCRIPTION_CHARS = 2048;

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ lasting: true });
});

async function tool(name: string) {
  const { tools } = await server.client.listTools();
  const found = tools.find((it) => it.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
}

it("lists the eight tools", async () => {
  const { tools } = await server.client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(NAMES);
});

it("tells the client what it is for", () => {
  expect(server.client.getServerVersion()).toMatchObject({ name: "claude-spread", version: "0.1.0" });
  expect(server.client.getInstructions()?.length).toBeGreaterThan(100);
  expect(server.client.getInstructions()?.length).toBeLessThanOrEqual(MAX_DESCRIPTION_CHARS);
});

describe.each(NAMES)("%s", (name) => {
  it("has a title, and a description that no client cuts", async () => {
    const { title, description } = await tool(name);
    expect(title).toMatch(/\w/);
    expect(description?.length).toBeGreaterThan(100);
    expect(description?.length).toBeLessThanOrEqual(MAX_DESCRIPTION_CHARS);
  });

  it("takes an object without alternatives, closed, each argument described", async () => {
    const { inputSchema } = await tool(name);
    expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false });
    for (const keyword of ["anyOf", "oneOf", "allOf", "$ref"]) expect(inputSchema).not.toHaveProperty(keyword);
    expect(inputSchema.required ?? []).toEqual([]);
    for (const argument of Object.values(inputSchema.properties ?? {})) {
      expect(argument).toHaveProperty("description", expect.stringMatching(/\w/));
    }
  });

  it("returns an object", async () => {
    const { outputSchema } = await tool(name);
    expect(outputSchema).toMatchObject({ type: "object" });
    expect(outputSchema?.required?.length).toBeGreaterThan(0);
  });

  it("answers an unknown argument with invalid-input, and names it", async () => {
    const { code, text } = await server.fails(name, { pathh: "x-value-x" });
    expect(code).toBe("invalid-input");
    expect(text).toContain("pathh");
    expect(text).not.toContain("x-value-x");
  });
});

it("says of each tool whether it reads, destroys, may be repeated, and leaves the machine", async () => {
  const { tools } = await server.client.listTools();
  const said = tools.map(({ annotations: it }) => [
    it?.readOnlyHint,
    it?.destructiveHint,
    it?.idempotentHint,
    it?.openWorldHint,
  ]);
  expect(said).toEqual([
    [false, false, false, true],
    [false, false, true, false],
    [false, false, false, true],
    [true, false, true, false],
    [false, true, true, false],
    [true, false, true, false],
    [false, false, true, false],
    [false, true, true, false],
  ]);
});

it("lets the longest document through the client's limit on results", async () => {
  expect((await tool("distill_receive"))._meta).toEqual({ "anthropic/maxResultSizeChars": expect.any(Number) });
});

it("answers a tool that there is not by the protocol's error", async () => {
  await expect(server.call("distill_shar")).rejects.toMatchObject({ code: -32602 });
});

it("has no shares at first, and nothing to stop", async () => {
  const fresh = await startServer();
  expect(await fresh.shares()).toEqual([]);
  expect((await fresh.call("distill_stop", { all: true })).data).toEqual({ stopped: [] });
});

describe("distill_stop", () => {
  it.each([
    ["neither", {}],
    ["both", { share_id: "x", all: true }],
    ["all: false", { all: false }],
  ])("needs share_id or all: %s", async (_what, args) => {
    expect((await server.fails("distill_stop", args)).code).toBe("invalid-input");
  });

  it("does not know a share of nobody", async () => {
    expect((await server.fails("distill_stop", { share_id: "x-value-x" })).code).toBe("no-such-share");
  });

  it("changes nothing about a share that was delivered", async () => {
    const own = await startServer();
    const { share_id, code, lan } = await own.share({ content: "one", mode: "lan" });
    await server.receive({ code, host: `127.0.0.1:${lan?.port}` });
    await own.becomes("delivered");
    const { data } = await own.call("distill_stop", { share_id });
    expect(data).toEqual({ stopped: [{ share_id, state: "delivered", delivered: 1, unconfirmed: 0 }] });
  });

  it("ends one share and leaves the others", async () => {
    const own = await startServer();
    const first = await own.share({ content: "one", mode: "lan" });
    await own.share({ content: "two", mode: "lan" });
    const { data } = await own.call("distill_stop", { share_id: first.share_id });
    expect(data).toEqual({ stopped: [{ share_id: first.share_id, state: "stopped", delivered: 0, unconfirmed: 0 }] });
    expect((await own.shares()).map(({ state }) => state)).toEqual(["stopped", "waiting"]);
    await own.call("distill_stop", { all: true });
    expect((await own.shares()).map(({ state }) => state)).toEqual(["stopped", "stopped"]);
  });
});

it("takes a hundred shares at once, of all sessions together, and the next one when one has ended", async () => {
  const own = await startServer();
  const other = await startServer({ sandbox: own.sandbox });
  for (let i = 0; i < 100; i++) await (i % 2 ? own : other).share({ content: `Number ${i}`, mode: "lan" });
  const refused = await own.fails("distill_share", { content: "one more", mode: "lan" });
  expect(refused.code).toBe("too-many-shares");
  await own.call("distill_stop", { share_id: (await own.status()).share_id });
  await own.share({ content: "one more", mode: "lan" });
});

describe("the environment", () => {
  it("is named whole where it is wrong, in one error", async () => {
    const wrong = await startServer({
      env: { DISTILL_RELAY_URL: "http://x", DISTILL_LOG: "loud", DISTILL_HOME: "here", DISTILL_ALLOW_PATHS: "there" },
    });
    for (const [name, args] of [
      ["distill_share", { content: "x" }],
      ["distill_receive", { code: "7f3k2a-crisp-otter-lunar" }],
    ] as const) {
      const { code, text } = await wrong.fails(name, args);
      expect(code).toBe("bad-config");
      for (const variable of ["DISTILL_RELAY_URL", "DISTILL_LOG", "DISTILL_HOME", "DISTILL_ALLOW_PATHS"]) {
        expect(text).toContain(variable);
      }
    }
  });

  it("does not show a password in DISTILL_RELAY_URL", async () => {
    const wrong = await startServer({ env: { DISTILL_RELAY_URL: "wss://joe:hush-hush@relay.example" } });
    const { code, text } = await wrong.fails("distill_share", { content: "x" });
    expect(code).toBe("bad-config");
    expect(text + wrong.stderr()).not.toContain("hush");
  });

  it("counts as unset where a variable is empty or was not replaced", async () => {
    const unset = await startServer({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how an unset variable arrives
      env: { DISTILL_RELAY_URL: "${DISTILL_RELAY_URL}", DISTILL_LOG: "", DISTILL_HOME: undefined },
    });
    const sender = await startServer();
    const { code, lan } = await sender.share({ content: "x", mode: "lan" });
    const { saved_to } = await unset.receive({ code, host: `127.0.0.1:${lan?.port}` });
    expect(saved_to.startsWith(join(unset.sandbox.base, "user", ".claude-spread", "inbox"))).toBe(true);
  });
});
