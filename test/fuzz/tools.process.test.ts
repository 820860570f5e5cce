/**
 * Arguments of tools as a model may make them up, by MCP, at a real server process: whatever is wrong with them gets
 * an error in the form that errors have, and does nothing. What is right here can reach no other machine, and is
 * undone.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect } from "vitest";
import * as z from "zod";
import { parseHost, parseRelayUrl } from "../../src/address.ts";
import { ERROR_CODES } from "../../src/errors.ts";
import { type Answer, startServer, type TestServer } from "../support/server.ts";
import { NASTY_KEYS } from "./corpus.ts";
import { outcomeOf } from "./judge.ts";
import { anyText, mutantTexts, nearlyRightObjects } from "./mutate.ts";
import { fuzz } from "./runner.ts";

/** In every text of a call; no answer may show it, wherever it stood. */
const MARK = "q7zq";

const TOOLS = [
  "distill_preview",
  "distill_share",
  "distill_receive",
  "distill_status",
  "distill_stop",
  "distill_sessions",
  "distill_install",
  "distill_uninstall",
] as const;

/** Port 1 of this machine: nobody listens there, and that is said at once. */
const NOWHERE = { host: "127.0.0.1:1", relay_url: "ws://127.0.0.1:1" };
const RIGHT: readonly object[] = [
  { content: `# ${MARK}\n`, title: MARK, mode: "lan" },
  { content: MARK, passphrase: `${MARK} long enough`, mode: "auto", receivers: 3, legacy: false, expires_minutes: 5 },
  { path: `${MARK}.md`, mode: "relay", relay_url: NOWHERE.relay_url },
  { code: "7f3k2a-crisp-orbit-lunar", host: NOWHERE.host, timeout_seconds: 1 },
  {
    passphrase: `${MARK} long enough`,
    room: "7f3k2a",
    mode: "relay",
    relay_url: NOWHERE.relay_url,
    timeout_seconds: 1,
  },
  { code: `7f3k2a-crisp-orbit-${MARK}`, mode: "lan", legacy: true },
  { kind: "memory", content: `# ${MARK}\n`, mode: "lan" },
  { kind: "memory", raw: true, mode: "lan" },
  { kind: "sessions", session_ids: [MARK], thinking: true, mode: "lan" },
  { all_projects: true, limit: 3 },
  { id: MARK, pick: 1 },
  { id: `2026-11-20-100000-${MARK}-abcd`, changed_too: true },
  { share_id: MARK },
  { all: false },
  {},
];

const strange = mutantTexts([
  `wss://${MARK}@relay.example`,
  `${MARK}.example:80`,
  "7f3k2a-crisp-orbit-lunar",
  "../.env",
  "/dev/zero",
]);
/** No host and no relay but those of this machine, so that no call can reach another one. */
const reachesNobody = ({ args: { host, relay_url } }: { args: Record<string, unknown> }) =>
  (host === NOWHERE.host || !("value" in outcomeOf(() => parseHost(String(host))))) &&
  (relay_url === NOWHERE.relay_url || !("value" in outcomeOf(() => parseRelayUrl(String(relay_url)))));
const keys = [...new Set(RIGHT.flatMap((args) => Object.keys(args)))];
const calls = fc.record({
  name: fc.constantFrom(...TOOLS),
  args: fc
    .tuple(
      nearlyRightObjects(RIGHT),
      fc.array(fc.tuple(fc.oneof(fc.constantFrom(...keys, ...NASTY_KEYS), anyText), strange), { maxLength: 1 }),
    )
    .map(([args, more]) => Object.fromEntries([...Object.entries(args), ...more]) as Record<string, unknown>),
});

describe("the arguments of a tool", () => {
  let server: TestServer;
  /** What every client is told that arguments are like. */
  const told = new Map<string, z.ZodType>();
  beforeAll(async () => {
    server = await startServer({ lasting: true, env: { DISTILL_HUB: "off" } });
    const { tools } = await server.client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([...TOOLS].sort());
    for (const { name, inputSchema } of tools) {
      expect(inputSchema.additionalProperties, name).toBe(false);
      told.set(name, z.fromJSONSchema(inputSchema as Parameters<typeof z.fromJSONSchema>[0]));
    }
  });

  const once = NASTY_KEYS.map((key) => ({ name: "distill_status", args: { [key]: MARK } as Record<string, unknown> }));
  const right = TOOLS.flatMap((name) => RIGHT.map((args) => ({ name, args: { ...args } as Record<string, unknown> })));
  fuzz(
    "are right, or get an error in its form that does nothing and shows no value",
    { inputs: calls.filter(reachesNobody), known: [...once, ...right] },
    async (it) => {
      const answer = await server.call(it.name, it.args);
      if (answer.isError) {
        const code = codeOf(answer);
        expect(ERROR_CODES).toContain(code);
        expect(code).not.toBe("internal");
        // A path is named, so that its user knows which; nothing else is.
        if (!JSON.stringify(it.args.path ?? "").includes(MARK)) expect(answer.text).not.toContain(MARK);
      } else {
        // The SDK drops this one name, before anybody can be asked about it.
        const args = Object.fromEntries(Object.entries(it.args).filter(([name]) => name !== "__proto__"));
        expect(told.get(it.name)?.safeParse(args).error).toBeUndefined();
      }
      const living = (await server.shares()).filter(({ ended_at }) => ended_at === undefined);
      expect(living.length).toBe(it.name === "distill_share" && !answer.isError ? 1 : 0);
      if (living.length > 0) await server.call("distill_stop", { all: true });
      for (const folder of ["inbox", "staging", "spool"]) {
        expect(await readdir(join(server.home, folder)).catch(() => [])).toEqual([]);
      }
    },
  );
});

function codeOf({ text: said }: Answer): string {
  const code = /^Error ([a-z-]+): [^\n]+\.\nWhat to do: [^\n]+\.$/.exec(said)?.[1];
  if (code === undefined) throw new Error(`no error in its form: ${JSON.stringify(said)}`);
  return code;
}
