/**
 * Two sessions on one home that do not see each other's processes, or see another name of the host: containers with a shared
 * home, sandboxes, a laptop whose name changes with its network. Neither loses anything to the other, in whatever order they
 * start and end, and both have one hub. Run by namespaces.process.test.ts and namespaces.long.test.ts.
 */
import { spawnSync } from "node:child_process";
import { beforeEach, describe, expect, it } from "vitest";
import { attempt, documentIn, inboxOf } from "../faults/people.ts";
import { wireThatStops } from "../faults/steps.ts";
import { DOCUMENT } from "../mcp/texts.ts";
import { hubsOf, makeSandbox, startServer } from "../support/server.ts";
import { eventually } from "../support/wait.ts";

/** How the other session is started. */
export const OTHERS: readonly (readonly [string, readonly string[]])[] = [
  ["another pid namespace", ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]],
  ["another name of the host", ["unshare", "--uts", "sh", "-c", 'hostname elsewhere; exec "$@"', "sh"]],
  [
    "both",
    [
      "unshare",
      "--uts",
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
      "sh",
      "-c",
      'hostname elsewhere; exec "$@"',
      "sh",
    ],
  ],
];
const BYTES = 3_000_000;

const missing =
  spawnSync("unshare", ["--uts", "--pid", "--fork", "--mount-proc", "true"]).status === 0
    ? undefined
    : "needs unshare, and root";

export function sharedHome(others: typeof OTHERS): void {
  describe.each(others)("with %s", (_which, inside) => {
    beforeEach(({ skip }) => skip(missing !== undefined, missing));

    it.each([
      ["here", [], inside],
      ["there", inside, []],
    ])(
      "a share that was made %s is listed, stopped and counted by the other, by one hub",
      async (_where, first, second) => {
        const sandbox = await makeSandbox();
        const maker = await startServer({ sandbox, inside: first });
        const [kept, stopped] = [
          await maker.share({ content: DOCUMENT, mode: "lan" }),
          await maker.share({ content: DOCUMENT, mode: "lan" }),
        ];
        const other = await startServer({ sandbox, inside: second });
        expect((await other.shares()).map(({ share_id }) => share_id)).toEqual([kept.share_id, stopped.share_id]);
        await other.call("distill_stop", { share_id: stopped.share_id });
        const own = await other.share({ content: DOCUMENT, mode: "lan" });
        expect((await maker.shares()).map(({ share_id, state }) => [share_id, state])).toEqual([
          [kept.share_id, "waiting"],
          [stopped.share_id, "stopped"],
          [own.share_id, "waiting"],
        ]);
        expect(await hubsOf(sandbox.home)).toHaveLength(1);
      },
    );

    it.each([
      ["here", [], inside],
      ["there", inside, []],
    ])(
      "what is being received %s is not touched by servers that start, and end, beside it",
      async (_where, first, second) => {
        const [sender, sandbox] = await Promise.all([startServer(), makeSandbox()]);
        const share = await sender.share({ path: await documentIn(sender, BYTES), mode: "lan" });
        const wire = await wireThatStops(share.lan?.port ?? 0, "lan", "in the middle of content");
        // Without a hub: then each server owns what it receives.
        const env = { DISTILL_HUB: "off" };
        const receiver = await startServer({ sandbox, inside: first, env });
        const call = attempt(receiver, share, "lan", wire.port);
        await wire.reached();
        await eventually(() => receiver.kept("staging")).toHaveLength(1);
        for (let time = 0; time < 2; time += 1) {
          const beside = await startServer({ sandbox, inside: second, env });
          await beside.shares();
          expect(await receiver.kept("staging")).toHaveLength(1);
          await beside.stop();
        }
        wire.release();
        expect(await call.ended).toBe("received");
        expect(await inboxOf(sandbox.home)).toEqual([share.sha256]);
      },
    );

    it("of six that make their first share at once, three on either side, one hub is left, and no share is lost", async () => {
      const sandbox = await makeSandbox();
      const sides = [[], inside, [], inside, [], inside];
      const servers = await Promise.all(sides.map((side) => startServer({ sandbox, inside: side })));
      const shares = await Promise.all(servers.map((server) => server.share({ content: DOCUMENT, mode: "lan" })));
      await eventually(() => hubsOf(sandbox.home)).toHaveLength(1);
      for (const server of servers) {
        const listed = (await server.shares()).map(({ share_id }) => share_id);
        expect(listed.sort()).toEqual(shares.map(({ share_id }) => share_id).sort());
      }
    });
  });
}
