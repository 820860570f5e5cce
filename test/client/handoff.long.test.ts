/** A document goes from one real client to another one, while the first still runs: what the second one's model gets. Through a relay: handoff.process.test.ts. */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { INLINE_CHARS } from "../../src/untrusted/fence.ts";
import { wrong } from "../mcp/texts.ts";
import { cable, Namespace, noNamespaces } from "../support/namespaces.ts";
import type { Offered, Taken } from "../support/server.ts";
import { json } from "./api.ts";
import {
  DOCUMENT,
  expectHandedOver,
  fenced,
  first,
  inCheckout,
  pasted,
  RECEIVE,
  receiving,
  SHARE,
  SHOWN,
  type Side,
  sharing,
  whereabouts,
} from "./two-clients.ts";

/** Joined by a cable, and by nothing else. */
async function twoMachines(): Promise<[Side, Side]> {
  const machines = [new Namespace(), new Namespace()] as const;
  for (const machine of machines) machine.ip("link", "set", "lo", "up");
  await cable(...machines, 42);
  const [here, there] = machines.map((machine) => ({ machine, env: { DISTILL_MDNS: "on" } }));
  return [here ?? {}, there ?? {}];
}

it("hands the second client's model the text over the network, where it is found by itself", async ({ skip }) => {
  skip(noNamespaces !== undefined, noNamespaces);
  const [here, there] = await twoMachines();
  await expectHandedOver("lan", here, there);
});

it("does so with tool search on, where the model looks for each tool first", async () => {
  const env = { ENABLE_TOOL_SEARCH: "true" };
  const find = (name: string) => ({ tool: "ToolSearch", input: { query: `select:${name}`, max_results: 1 } });
  let text: string | undefined;
  const before = [find(SHARE)];
  const meanwhile = async (offered: Offered) => {
    const { receiver, result } = await receiving(offered, whereabouts("relay", offered), {
      env,
      before: [find(RECEIVE)],
    });
    const offeredFirst = receiver.mainRequests[0]?.tools?.map(({ name }) => name);
    expect(offeredFirst).toContain("ToolSearch");
    expect(offeredFirst).not.toContain(RECEIVE);
    expect(first(receiver)).toContain(RECEIVE);
    expect(receiver.mainRequests[1]?.tools?.map(({ name }) => name)).toContain(RECEIVE);
    text = fenced(json<Taken>(result).content);
  };
  const { status } = await sharing("relay", DOCUMENT, meanwhile, { env, before });
  expect(text).toBe(`${SHOWN}\n`);
  expect(status).toMatchObject({ state: "delivered" });
});

it("hands over the longest document that is shown whole, although half of it doubles in JSON", async () => {
  const document = `# Long\n${'"\n'.repeat(10_000)}${"x".repeat(INLINE_CHARS - 20_007)}`;
  let text: string | undefined;
  await sharing("relay", document, async (offered) => {
    const { result } = await receiving(offered, whereabouts("relay", offered));
    text = fenced(json<Taken>(result).content);
  });
  expect(text).toBe(`${document}\n`);
});

it("hands over 200 KB as headings, beginning and path, in the result itself; the file has all of it", async () => {
  const part = (n: number) => `## Part ${n}\n${`Line of part ${n}.\n`.repeat(1300)}`;
  const document = `# A long session\n${Array.from({ length: 10 }, (_, n) => part(n)).join("")}# The end\n`;
  expect(document.length).toBeGreaterThan(200_000);
  await sharing("relay", document, async (offered) => {
    const { result } = await receiving(offered, whereabouts("relay", offered));
    const taken = json<Taken>(result); // so it is no preview of something that the client has put away
    const shown = fenced(taken.content) ?? "";
    for (let n = 0; n < 10; n += 1) expect(shown).toMatch(new RegExp(`^line \\d+: ## Part ${n}$`, "m"));
    expect(shown).toMatch(/^line \d+: # The end$/m);
    expect(shown).toContain(document.slice(0, 3000));
    expect(shown.length).toBeLessThan(10_000);
    expect(taken.content).toContain(`\n${taken.saved_to}\n`);
    expect(await readFile(taken.original, "utf8")).toBe(document);
    expect(fenced(await readFile(taken.saved_to, "utf8"))).toBe(document);
  });
});

it("lets the model read a long document part by part, and nothing else, with the permissions of the skill", async () => {
  const lines = Array.from({ length: 6000 }, (_, n) => `Line ${n}`);
  const document = `${lines.join("\n")}\n# The end\n`;
  await sharing("relay", document, async (offered) => {
    const { toolResults } = await inCheckout({
      prompt: pasted(offered),
      steps: [
        { tool: RECEIVE, input: { code: offered.code, ...whereabouts("relay", offered) } },
        ({ last }) => {
          const { saved_to, content } = json<Taken>(last);
          const offset = Number(/^line (\d+): # The end$/m.exec(content)?.[1]);
          return { tool: "Read", input: { file_path: saved_to, offset: offset - 1, limit: 2 } };
        },
        // Neither cleaned nor fenced: the document itself can ask the model to read it.
        ({ results: [taken] }) => ({ tool: "Read", input: { file_path: taken && json<Taken>(taken).original } }),
        { tool: "Read", input: { file_path: "/etc/hostname" } },
        "What now?",
      ],
    });
    const [, part, original, foreign] = toolResults;
    expect(part).toMatchObject({ isError: false, text: expect.stringMatching(/Line 5999\n.*# The end$/) });
    expect(original?.isError).toBe(true);
    expect(foreign?.isError).toBe(true);
  });
});

it("tells the model of a wrong code and of a misspelt one once, with what to do, and then takes the right one", async () => {
  const { status } = await sharing("relay", DOCUMENT, async (offered) => {
    const attempt = async (code: string) => {
      const { result } = await receiving({ ...offered, code }, whereabouts("relay", offered));
      return result;
    };
    const refused = await attempt(wrong(offered.code));
    expect(refused.isError).toBe(true);
    expect(refused.text).toMatch(/^Error wrong-code: .*\nWhat to do: .* ask the user\.$/);
    const misspelt = await attempt(`${offered.room}-crisp-orbit-lunra`);
    expect(misspelt.isError).toBe(true);
    expect(misspelt.text).toMatch(/^Error unknown-word: .*lunar.*\nWhat to do: .* ask the user\.$/);
    expect((await attempt(offered.code ?? "")).isError).toBe(false);
  });
  expect(status).toMatchObject({ state: "delivered", failed_attempts: 1 });
});
