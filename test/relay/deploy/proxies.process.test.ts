/** The nginx file that ships, under the real nginx; Caddy's turn is in proxies.long.test.ts. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DEFAULTS } from "../../../relay/src/config/settings.ts";
import { harness } from "../support.ts";
import { missingFor, NGINX, testProxy } from "./proxies-suite.ts";
import { freePort, shipped, startNginx } from "./support.ts";

const { undo } = harness();

testProxy(NGINX);

it("nginx serves what certbot puts down for its authority, by http", async ({ skip }) => {
  const missing = missingFor(NGINX);
  skip(missing !== undefined, missing);
  const proxy = await startNginx(undo, await freePort());
  mkdirSync(join(proxy.webroot, ".well-known/acme-challenge"), { recursive: true });
  writeFileSync(join(proxy.webroot, ".well-known/acme-challenge/token"), "answer");
  const response = await fetch(`http://127.0.0.1:${proxy.plainPort}/.well-known/acme-challenge/token`);
  expect(await response.text()).toBe("answer");
});

it("nginx's and Kubernetes' timeouts are longer than every wait of the relay", () => {
  const { pingMs, stalledMs, idlePairMs, flushMs } = DEFAULTS;
  // An idle pair is closed at most a quarter later than it should be (relay/README.md).
  const longestMs = Math.max(2 * pingMs, 1.25 * stalledMs, 1.25 * idlePairMs, flushMs);
  const nginxSeconds = [...shipped("nginx.conf").matchAll(/(?:proxy_read|proxy_send| send)_timeout (\d+)s;/g)];
  const clusterSeconds = [...shipped("kubernetes.yml").matchAll(/proxy-(?:read|send)-timeout: "?(\d+)/g)];
  expect([nginxSeconds.length, clusterSeconds.length]).toEqual([3, 4]);
  for (const [, seconds] of [...nginxSeconds, ...clusterSeconds])
    expect(Number(seconds) * 1000).toBeGreaterThan(longestMs);
});
