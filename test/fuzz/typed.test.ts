/** What people type: codes, rooms, passphrases, addresses, and the variables of the client. */

import { isIP } from "node:net";
import { delimiter, isAbsolute } from "node:path";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import fc from "fast-check";
import { describe, expect } from "vitest";
import {
  addressGroup,
  formatHost,
  formatRelayUrl,
  isLoopback,
  parseHost,
  parseRelayUrl,
  staysNear,
  wireCautions,
} from "../../src/address.ts";
import { type Config, readConfig } from "../../src/config.ts";
import type { SpreadError } from "../../src/errors.ts";
import { checkLegacyPassphrase } from "../../src/legacy/passphrase.ts";
import { relayFor } from "../../src/mcp/relay.ts";
import { checkPassphrase, formatCode, parseCode, parseRoom } from "../../src/share/code.ts";
import { type Outcome, outcomeOf, wordings } from "./judge.ts";
import { anyText, mutantTexts } from "./mutate.ts";
import { fuzz } from "./runner.ts";

/** Refused by one of these, in words of our own. @returns the value of what was not. */
function accepted<T>(outcome: Outcome, codes: readonly string[], hear: (message: string) => void): T | undefined {
  if ("value" in outcome) return outcome.value as T;
  expect(codes).toContain(outcome.code);
  hear(`${outcome.code}: ${outcome.message}`);
  return undefined;
}

const CODES = [
  "7f3k2a-crisp-orbit-lunar",
  " 7F3K2A Crisp – Orbit, lunar.\n",
  "“abcdef-zoo-zoo-zoo”",
  "7f3k2a-crips-otbir-lunaar",
  "7f3k2a-crisp-orbit",
  `${"a".repeat(250)}-b`,
];

describe("a code", () => {
  const word = fc.oneof(fc.constantFrom(...wordlist.slice(0, 50)), mutantTexts(["crisp", "lunar"]));
  const built = fc
    .tuple(mutantTexts(["7f3k2a"]), word, word, word, fc.constantFrom("-", " ", "_", "--", "\u2013", "\0", "\u200b"))
    .map(([room, a, b, c, between]) => [room, a, b, c].join(between));
  const inputs = fc.oneof(mutantTexts(CODES), built);
  const hear = wordings(4);

  fuzz(
    "that is read is a room and three words of the list; of what is misspelt only the list's words are shown",
    {
      inputs,
      known: CODES,
    },
    (typed) => {
      const code = accepted<ReturnType<typeof parseCode>>(
        outcomeOf(() => parseCode(typed)),
        ["bad-code", "unknown-word"],
        (said) => {
          const [plain = "", near] = said.split("; the nearest words are: ");
          for (const it of near?.split(", ") ?? []) expect(wordlist).toContain(it);
          hear(plain);
        },
      );
      if (!code) return;
      expect(code.room).toMatch(/^[a-z0-9]{6}$/);
      expect(code.secret.split("-").filter((it) => wordlist.includes(it))).toHaveLength(3);
      // What was typed, without what is around and between, is what was read.
      expect(typed.toLowerCase().match(/[\p{L}\p{N}]+/gu)).toEqual([code.room, ...code.secret.split("-")]);
      expect(parseCode(formatCode(code))).toEqual(code);
    },
  );

  const hearRoom = wordings(1);
  fuzz(
    "'s room alone is read if it is six letters and digits",
    { inputs: mutantTexts(["7f3k2a", " 7F3K2A\n"]) },
    (typed) => {
      const room = accepted<string>(
        outcomeOf(() => parseRoom(typed)),
        ["bad-room"],
        hearRoom,
      );
      const right = /^[a-z0-9]{6}$/.test(typed.trim().toLowerCase());
      expect(room).toBe(right ? typed.trim().toLowerCase() : undefined);
    },
  );

  const hearSecret = wordings(4);
  const secrets = fc.oneof(anyText, mutantTexts(["correct horse", "x".repeat(1024), "ü".repeat(12), "   \n   "]));
  fuzz(
    "may be a passphrase of 6 to 1024 characters, and is warned of without being shown",
    { inputs: secrets },
    (typed) => {
      const chars = Array.from(typed.normalize("NFC")).length;
      const right = chars >= 6 && chars <= 1024 && typed.trim() !== "";
      for (const check of [checkPassphrase, checkLegacyPassphrase]) {
        const outcome = outcomeOf(() => check(typed) ?? "");
        const warning = accepted<string>(outcome, ["weak-passphrase", "invalid-input"], hearSecret);
        expect(warning !== undefined).toBe(right);
        if (warning) hearSecret(warning);
      }
    },
  );
});

const RELAYS = [
  "wss://relay.example",
  " ws://192.168.1.5:9784/path ",
  "ws://[::1]:9784",
  "wss://joe:hush@relay.example",
  "ws://0x7f.1:80/",
  "https://relay.example?x#y",
  "ws:relay.example",
  "wss://bücher.example/ä",
  "ws://127.0.0.1.",
  "ws://[fe80::1%25eth0]/",
];
const HOSTS = [
  "192.168.1.5:40123",
  "[fe80::1%eth0]:1",
  "name.local:65535",
  "[::ffff:1.2.3.4]:08",
  "a_b-c:99999",
  " h:1\n",
];

describe("an address", () => {
  const hear = wordings(7);
  fuzz(
    "of a relay is ws:// or wss:// with a host and without secrets, and is shown as it can be typed again",
    {
      inputs: mutantTexts(RELAYS),
      known: RELAYS,
    },
    (typed) => {
      const url = accepted<URL>(
        outcomeOf(() => parseRelayUrl(typed)),
        ["bad-relay-url"],
        hear,
      );
      if (!url) return;
      expect(url.protocol).toMatch(/^wss?:$/);
      expect(url.hostname).not.toBe("");
      expect([url.username, url.password, url.search, url.hash]).toEqual(["", "", "", ""]);
      expect(formatRelayUrl(url)).toMatch(/^wss?:\/\/[\x21-\x7e]+$/);
      expect(parseRelayUrl(formatRelayUrl(url)).href).toBe(url.href);
      if (isLoopback(url)) expect(staysNear(url)).toBe(true);
      expect(wireCautions(url).length).toBe(url.protocol === "ws:" && !staysNear(url) ? 1 : 0);
    },
  );

  const hearHost = wordings(1);
  fuzz(
    "of a sender is a host and a port, and is shown as it can be typed again",
    {
      inputs: mutantTexts(HOSTS),
      known: HOSTS,
    },
    (typed) => {
      const found = accepted<{ host: string; port: number }>(
        outcomeOf(() => parseHost(typed)),
        ["bad-host"],
        hearHost,
      );
      if (!found) return;
      expect(Number.isInteger(found.port) && found.port >= 1 && found.port <= 65_535).toBe(true);
      expect(found.host).toMatch(/^[\w.%:-]+$/);
      expect(found.host.includes(":")).toBe(isIP(found.host) === 6);
      expect(parseHost(formatHost(found.host, found.port))).toEqual(found);
    },
  );

  fuzz("counts as its /64 however it is spelled", { inputs: fc.ipV6() }, (address) => {
    const shortest = new URL(`http://[${address}]/`).hostname.slice(1, -1);
    expect(addressGroup(address)).toBe(addressGroup(shortest));
    expect(addressGroup(`${address}%eth0`)).toBe(addressGroup(address.toUpperCase()));
    expect(addressGroup(address)).toMatch(/^(?:[0-9a-f]{1,4}:){4}:\/64$/);
  });
});

describe("the environment", () => {
  const value = mutantTexts([
    ...RELAYS,
    "/home/me",
    "relative",
    "on",
    "off",
    "info",
    "loud",
    `/a${delimiter}/b`,
    "",
    " ",
  ]);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how an unset variable arrives
  const any = fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant("${DISTILL_HOME}") });
  const NAMES = ["HOME", "RELAY_URL", "RELAY_TOKEN", "MDNS", "HUB", "LOG", "ALLOW_PATHS"].map(
    (name) => `DISTILL_${name}`,
  );
  const inputs = fc.record({
    env: fc.dictionary(fc.constantFrom(...NAMES, "CLAUDE_PROJECT_DIR"), any, { maxKeys: 4, noNullPrototype: true }),
    named: fc.option(mutantTexts(RELAYS), { nil: undefined }),
  });

  const hear = wordings(13);
  fuzz(
    "is read whole, or each wrong variable named and none shown; a relay that is named gets no other one's token",
    {
      inputs,
    },
    ({ env, named }) => {
      const config = accepted<Config>(
        outcomeOf(() => readConfig(env)),
        ["bad-config"],
        (said) => {
          for (const problem of said.replace(/^bad-config: /, "").split("; ")) hear(problem);
        },
      );
      if (!config) return;
      expect([config.home, config.project, ...config.roots].every((it) => isAbsolute(it))).toBe(true);
      expect(config.relay?.token ?? "token").toMatch(/^[!-~]+$/);
      expect(Object.keys(config).sort()).toEqual(["home", "hub", "log", "mdns", "project", "relay", "roots"]);
      try {
        const access = relayFor(named, config);
        const same = access && parseRelayUrl(access.url).href === config.relay?.url.href;
        if (!same) expect(access?.token).toBe(undefined);
      } catch (thrown) {
        expect((thrown as SpreadError).code).toBe("bad-relay-url");
      }
    },
  );
});
