/** Two real servers in a company's network: its proxy and its own certificate authority lie between them and the relay. */
import { relative } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Company, PASSWORD, startCompany, whatIsMissing } from "../support/company.ts";
import type { TestServer } from "../support/server.ts";
import { DOCUMENT } from "./texts.ts";

const missing = whatIsMissing();
let company: Company;

describe("in a company's network", () => {
  beforeEach(({ skip }) => skip(missing !== undefined, missing));
  beforeAll(async () => {
    if (missing !== undefined) return;
    company = await startCompany();
    return () => company[Symbol.asyncDispose]();
  });

  /** A hand-off by `relay`. @returns what the proxy was asked for meanwhile, and the warnings of both sides. */
  async function handOver(relay: string, env: Record<string, string>) {
    const before = company.connects().length;
    const servers: TestServer[] = [];
    for (const _side of ["sender", "receiver"]) servers.push(await company.startServer(env));
    const [sender, receiver] = servers as [TestServer, TestServer];
    const offered = await sender.share({ content: DOCUMENT, mode: "relay", relay_url: relay });
    const taken = await receiver.receive({ code: offered.code, relay_url: relay });
    expect(taken).toMatchObject({ sha256: offered.sha256, via: "relay" });
    await sender.becomes("delivered");
    const shown = [JSON.stringify([offered, taken]), sender.stderr(), receiver.stderr()].join();
    expect(shown).not.toContain(PASSWORD);
    expect(shown).not.toContain(Buffer.from(`me:${PASSWORD}`).toString("base64"));
    return { connects: company.connects().slice(before), warnings: [offered.warnings, taken.warnings] };
  }

  /** Without a hub: it would only pass on what its connection to the relay says. */
  async function failure(relay: string, env: Record<string, string>) {
    const server = await company.startServer({ DISTILL_HUB: "off", ...env });
    const { text } = await server.fails("distill_share", { content: DOCUMENT, mode: "relay", relay_url: relay });
    expect(text + server.stderr()).not.toContain(PASSWORD);
    return text;
  }

  const trusting = () => ({ NODE_EXTRA_CA_CERTS: company.authority });

  it("a document goes through the proxy to a wss:// relay of its own authority, whatever is logged", async () => {
    const env = { ...trusting(), HTTPS_PROXY: company.proxy, DISTILL_LOG: "info", DEBUG: "*", NODE_DEBUG: "http,net" };
    const { connects, warnings } = await handOver(company.relay, env);
    expect(connects).toEqual([`${company.host}:443`, `${company.host}:443`]);
    expect(warnings).toEqual([[], []]);
  });

  it("a document goes through a proxy that itself is behind TLS", async () => {
    const { connects } = await handOver(company.relay, { ...trusting(), https_proxy: company.secureProxy });
    expect(connects).toHaveLength(2);
  });

  it("a document goes through the proxy to a ws:// relay, of which both sides are warned if it is far", async () => {
    const env = { http_proxy: company.proxy };
    const far = await handOver(company.far, env);
    expect(far.connects).toEqual(Array(2).fill(company.far.replace("ws://", "")));
    const warning = expect.stringContaining("is not encrypted (ws://)");
    expect(far.warnings).toEqual([[warning], [warning]]);
    expect((await handOver(company.near, env)).warnings).toEqual([[], []]);
  });

  it("a session's own way is taken by a hub that another session has started, which has none", async () => {
    const other = await company.startServer({});
    await other.share({ content: DOCUMENT, mode: "lan" });
    // As it stands in a session's environment: from where that session runs, and not the hub.
    const authority = relative(other.sandbox.project, company.authority);
    const env = { NODE_EXTRA_CA_CERTS: authority, HTTPS_PROXY: company.secureProxy };
    const sender = await company.startServer(env, other.sandbox);
    const before = company.connects().length;
    await sender.share({ content: DOCUMENT, mode: "relay", relay_url: company.relay });
    expect(company.connects().slice(before)).toEqual([`${company.host}:443`]);
    const { code } = await other.fails("distill_share", {
      content: DOCUMENT,
      mode: "relay",
      relay_url: company.relay,
    });
    expect(code).toBe("relay-untrusted");
  });

  it("a document goes by the direct way where NO_PROXY says so", async () => {
    const env = { ...trusting(), HTTPS_PROXY: company.proxy, NO_PROXY: `elsewhere.example, ${company.host}` };
    expect((await handOver(company.relay, env)).connects).toEqual([]);
  });

  it.each(["through the proxy", "by the direct way"])("relay-untrusted says what is wrong, %s", async (way) => {
    const env: Record<string, string> = way === "by the direct way" ? {} : { HTTPS_PROXY: company.proxy };
    const unknown = await failure(company.relay, env);
    expect(unknown).toMatch(/^Error relay-untrusted: the relay's certificate is not vouched for .*\([A-Z_]+\)\.\n/);
    expect(unknown).toContain("NODE_EXTRA_CA_CERTS");
    expect(await failure(company.expired, { ...env, ...trusting() })).toMatch(
      /^Error relay-untrusted: .* is not valid at this time.*\(CERT_HAS_EXPIRED\)/,
    );
    expect(await failure(company.wrongHost, { ...env, ...trusting() })).toMatch(
      /^Error relay-untrusted: .* is made for another host \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    );
  });

  it("proxy-failed says what is wrong with the proxy, or with what lies behind it", async () => {
    const by = (proxy: string, relay = company.relay) => failure(relay, { ...trusting(), HTTPS_PROXY: proxy });
    expect(await by(company.proxy.replace("me:", "you:"))).toMatch(/^Error proxy-failed: .*\(HTTP 40[17]\)/);
    expect(await by(company.proxy.replace(":3128", ":3127"))).toMatch(/^Error proxy-failed: .*\(ECONNREFUSED\)/);
    expect(await by(company.proxy, `${company.relay}:445`)).toMatch(/^Error proxy-failed: .* not reached .*\(HTTP 5/);
    const untrusted = await failure(company.relay, { HTTPS_PROXY: company.secureProxy });
    expect(untrusted).toMatch(/^Error proxy-failed: the proxy's certificate is not vouched for /);
  });

  it("a share is made on the network alone where the proxy fails, and says why", async () => {
    const server = await company.startServer({ HTTPS_PROXY: company.proxy.replace(":3128", ":3127") });
    const { warnings } = await server.share({ content: DOCUMENT, relay_url: company.relay });
    expect(warnings).toEqual([
      expect.stringMatching(/^Not on the relay: the proxy cannot be reached \(ECONNREFUSED\)/),
    ]);
  });
});
