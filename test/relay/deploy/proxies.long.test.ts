import { CADDY, NGINX, testProxy, testSilence } from "./proxies-suite.ts";

testProxy(CADDY);
for (const kind of [NGINX, CADDY]) testSilence(kind);
