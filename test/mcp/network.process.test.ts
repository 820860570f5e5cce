/** A machine without a network, in whose namespace not even loopback is up; and one with a peculiar network. */
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { startTimed } from "../faults/people.ts";
import { Namespace, noNamespaces } from "../support/namespaces.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/wait.ts";
import { DOCUMENT } from "./texts.ts";

/** TEST-NET-1 (RFC 5737): nobody's, and out of reach where there is no network. */
const NOBODY = "192.0.2.1";

/** How often a sender looks at its network, in ms. */
const LOOK_MS = 5_000;

beforeEach(({ skip }) => skip(noNamespaces !== undefined, noNamespaces));

const startOffline = () => startServer({ inside: new Namespace().inside, env: { DISTILL_MDNS: "on" } });

describe("without a network", () => {
  it("a share on the LAN is made all the same, names the one address that there is, and is not announced", async () => {
    const server = await startOffline();
    const { lan, warnings } = await server.share({ content: DOCUMENT });
    expect(lan).toEqual({ port: expect.any(Number), addresses: ["127.0.0.1"] });
    expect(warnings).toEqual([expect.stringMatching(/^Not announced on this network/)]);
  });

  it("a share by relay says relay-unreachable", async () => {
    const server = await startOffline();
    const args = { content: DOCUMENT, mode: "relay", relay_url: `ws://${NOBODY}:9784` };
    expect((await server.fails("distill_share", args)).text).toMatch(/^Error relay-unreachable: .*ENETUNREACH/);
  });

  it("receiving says host-unreachable, relay-unreachable, or sender-not-found", async () => {
    const server = await startOffline();
    const code = "7f3k2a-crisp-orbit-lunar";
    const failure = async (where: object) => (await server.fails("distill_receive", { code, ...where })).code;
    expect(await failure({ host: `${NOBODY}:4000` })).toBe("host-unreachable");
    expect(await failure({ mode: "relay", relay_url: `ws://${NOBODY}:9784` })).toBe("relay-unreachable");
    expect(await failure({})).toBe("sender-not-found");
  });
});

it("holds a relay over an address that the system does not list, of a bridge without a cable", async () => {
  const namespace = new Namespace();
  const { name } = namespace;
  for (const line of [
    "link set lo up",
    "link add v0 type veth peer name v1",
    "link add br0 type bridge",
    "link set v0 master br0",
    "address add 10.9.9.1/24 dev br0",
    "link set br0 up",
    "link set v0 up",
  ]) {
    namespace.ip(...line.split(" "));
  }
  const program = fileURLToPath(new URL("../../relay/dist/index.js", import.meta.url));
  const args = [program, "--host", "10.9.9.1", "--port", "9784"];
  const relay = namespace.spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let log = "";
  relay.stdout?.on("data", (line) => {
    log += line;
  });
  await until(`the relay in ${name} listens`, () => log.includes("listening"));
  const { inside } = namespace;
  const [{ server, clock }, receiver] = await Promise.all([startTimed({ inside }), startServer({ inside })]);
  const relay_url = "ws://10.9.9.1:9784";
  const { code } = await server.share({ content: DOCUMENT, mode: "relay", relay_url });
  await clock.pass(LOOK_MS);
  // It has looked, and if it had let go of its room by that, the relay would have said so by now.
  expect((await receiver.receive({ code, mode: "relay", relay_url })).via).toBe("relay");
  expect(await server.becomes("delivered")).toMatchObject({ warnings: [] });
  expect(log).not.toContain("room-kept");
});
