/** A machine without a network: a namespace of its own in which not even loopback is up. */
import { beforeEach, describe, expect, it } from "vitest";
import { Namespace, noNamespaces } from "../support/namespaces.ts";
import { startServer } from "../support/server.ts";
import { DOCUMENT } from "./texts.ts";

/** TEST-NET-1 (RFC 5737): nobody's, and out of reach where there is no network. */
const NOBODY = "192.0.2.1";

beforeEach(({ skip }) => skip(noNamespaces !== undefined, noNamespaces));

const startOffline = () => startServer({ inside: new Namespace().inside, env: { DISTILL_MDNS: "on" } });

describe("without a network", () => {
  it("a share on the LAN is made all the same, names the one address that there is, and is not announced", async () => {
    const server = await startOffline();
    const { lan, warnings } = await server.share({ content: DOCUMENT });
    expect(lan).toEqual({ port: expect.any(Number), addresses: ["127.0.0.1"] });
    expect(warnings).toEqual([expect.stringMatching(/^Not announced on this network/)]);
  });

  it("a share by relay says relay-unreachable, at once", async () => {
    const server = await startOffline();
    const args = { content: DOCUMENT, mode: "relay", relay_url: `ws://${NOBODY}:9784` };
    expect((await server.fails("distill_share", args)).text).toMatch(/^Error relay-unreachable: .*ENETUNREACH/);
  });

  it("receiving says host-unreachable, relay-unreachable, or sender-not-found, at once", async () => {
    const server = await startOffline();
    const code = "7f3k2a-crisp-orbit-lunar";
    const failure = async (where: object) => (await server.fails("distill_receive", { code, ...where })).code;
    expect(await failure({ host: `${NOBODY}:4000` })).toBe("host-unreachable");
    expect(await failure({ mode: "relay", relay_url: `ws://${NOBODY}:9784` })).toBe("relay-unreachable");
    expect(await failure({})).toBe("sender-not-found");
  });
});
