/** The LAN and the relay, raced: which one is taken, and what happens when that one comes to nothing. Real sockets. */

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { startRelay } from "../../relay/src/relay.ts";
import { newSigner } from "../../src/crypto/signature.ts";
import { SpreadError, toSpreadError } from "../../src/errors.ts";
import { admitReceiver } from "../../src/protocol/handshake.ts";
import type { Gate } from "../../src/protocol/visit.ts";
import { type Route, race } from "../../src/share/race.ts";
import { receive, type Step } from "../../src/share/receiver.ts";
import type { Share, ShareRequest } from "../../src/share/sender.ts";
import { version2 } from "../../src/share/version2.ts";
import { type Link, USUAL_BOUNDS } from "../../src/transport/link.ts";
import { listenTcp } from "../../src/transport/tcp.ts";
import { later } from "../support/later.ts";
import { movableClock } from "../support/movable-clock.ts";
import { forever, home, lanOf, share as offered, receiveRequest, relayAccess, relayOf } from "../support/shares.ts";
import { settled, until } from "../support/wait.ts";

const share = async (options: Partial<ShareRequest> = {}) => offered({ relay: await relayAccess(), ...options });

/** A host on which something listens that takes connections, and does with them what it likes. */
async function host(onConnection: (socket: Socket) => void = () => {}): Promise<{ host: string; port: number }> {
  const server = createServer();
  server.on("connection", onConnection);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  later(() => server.close());
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

/** A sender on the LAN that serves the room, but is another one. */
async function impostor(secret: string, room: string, gate: Gate) {
  const listener = await listenTcp((link) => {
    void admitReceiver(link, { secret, room, gate, signer: newSigner() })
      .then((stream) => stream.say({ type: "DELIVERED", transfer: "00".repeat(16) }))
      .catch(() => {})
      .finally(() => link.close());
  });
  later(() => listener.close());
  return { host: "127.0.0.1", port: listener.port };
}

/** How long a receiver waits for the proof of whoever takes its connection on the LAN. */
const LAN_PROOF_MS = 5_000;

const bothOf = (it: Share): Route => ({ lan: lanOf(it), relay: relayOf(it) });

async function take(it: Share, route: Route, { secret = it.secret, timeoutMs = 600_000, steps = [] as Step[] } = {}) {
  return receive(await receiveRequest(it, route, { secret, timeoutMs }), (step) => steps.push(step), forever());
}
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => new Error("it worked"),
    (error: unknown) => toSpreadError(error),
  );

describe("with both ways open", () => {
  it("the LAN wins, by its head start", async () => {
    const it = await share();
    const steps: Step[] = [];
    expect((await take(it, bothOf(it), { steps })).via).toMatchObject({ by: "lan" });
    expect(steps.filter(({ at }) => at === "proving")).toHaveLength(1);
  });

  it("HELLO is said on one of them only, and both are let go at the end", async () => {
    let hellos = 0;
    let lanLeft = false;
    const lan = await listenTcp((link) => {
      void link
        .receive()
        .then(() => {
          hellos += 1; // and no answer: the receiver sits on this link
          return link.receive();
        })
        .catch(() => {})
        .finally(() => {
          lanLeft = true;
          return link.close();
        });
    });
    later(() => lan.close());
    const heard: string[] = [];
    const relay = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    later(() => relay.close());
    relay.on("connection", (ws) => {
      ws.on("message", (data) => {
        const { type, room_id } = JSON.parse(data.toString());
        heard.push(type);
        if (type === "JOIN_ROOM") ws.send(JSON.stringify({ type: "ROOM_JOINED", room_id }));
      });
    });
    await once(relay, "listening");
    const url = new URL(`ws://127.0.0.1:${(relay.address() as AddressInfo).port}`);
    const route = { lan: { host: "127.0.0.1", port: lan.port }, relay: { access: { url }, room: "7f3k2a" } };
    const life = new AbortController();
    const request = {
      secret: "crisp-orbit-lunar",
      room: "7f3k2a",
      route,
      protocol: version2,
      home: await home(),
      timeoutMs: 60_000,
    };
    const ended = failure(receive(request, () => {}, life.signal));
    await until("the LAN has a HELLO, and the relay is joined", () => hellos === 1 && heard.length > 0);
    await settled(() => heard.length);
    life.abort();
    expect(await ended).toMatchObject({ code: "cancelled" });
    await until("both are left", () => lanLeft && relay.clients.size === 0);
    expect([hellos, heard]).toEqual([1, ["JOIN_ROOM"]]);
  });

  it("a wrong code costs one attempt, though both ways lead to the sender", async () => {
    const it = await share();
    expect(await failure(take(it, bothOf(it), { secret: "wrong-wrong-wrong" }))).toMatchObject({ code: "wrong-code" });
    expect(it.gate.counts.failedAttempts).toBe(1);
  });
});

describe("the relay is taken", () => {
  it("when nobody listens on the LAN", async () => {
    const it = await share();
    const gone = await share({ mode: "lan" });
    const dead = lanOf(gone);
    await gone.stop();
    expect((await take(it, { lan: dead, relay: relayOf(it) })).via.by).toBe("relay");
  });

  it("when the host on the LAN accepts and says nothing", async () => {
    const it = await share();
    movableClock();
    const lan = await host((socket) => socket.once("data", () => vi.advanceTimersByTimeAsync(LAN_PROOF_MS)));
    expect((await take(it, { lan, relay: relayOf(it) })).via.by).toBe("relay");
  });

  it("when the host on the LAN talks something else, or hangs up", async () => {
    const it = await share({ receivers: 2 });
    const web = await host((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect((await take(it, { lan: web, relay: relayOf(it) })).via.by).toBe("relay");
    const rude = await host((socket) => socket.destroy());
    expect((await take(it, { lan: rude, relay: relayOf(it) })).via.by).toBe("relay");
  });

  it("when the sender on the LAN takes any proof for good, and has none of its own", async () => {
    const it = await share();
    const lan = await impostor("guess-guess-guess", it.room, {
      refusal: () => undefined,
      judge: () => ({ proven: true }),
    });
    expect((await take(it, { lan, relay: relayOf(it) })).via.by).toBe("relay");
    expect(it.gate.counts.failedAttempts).toBe(0);
  });

  it.each(["proof_failed", "burned", "used_up", "expired"] as const)(
    "when an impostor on the LAN claims %s",
    async (reason) => {
      const it = await share();
      const lan = await impostor("guess-guess-guess", it.room, {
        refusal: () => undefined,
        judge: () => ({ proven: false, reason }),
      });
      expect((await take(it, { lan, relay: relayOf(it) })).via.by).toBe("relay");
      expect(it.gate.counts).toMatchObject({ failedAttempts: 0, delivered: 1 });
    },
  );

  it("when the sender on the LAN is of another room", async () => {
    const it = await share();
    const other = await share({ mode: "lan" });
    expect((await take(it, { lan: lanOf(other), relay: relayOf(it) })).via.by).toBe("relay");
    expect(other.gate.counts.failedAttempts).toBe(0);
  });
});

describe("the LAN is taken", () => {
  it("when the relay has no such room, or is not there", async () => {
    const it = await share({ mode: "lan", receivers: 2 });
    const relay = await startRelay({ host: "127.0.0.1", port: 0 });
    later(() => relay.stop());
    const route = { lan: lanOf(it), relay: { access: { url: new URL(relay.url) }, room: it.room } };
    expect((await take(it, route)).via.by).toBe("lan");
    await relay.stop();
    expect((await take(it, route)).via.by).toBe("lan");
  });
});

describe("when both fail", () => {
  it("both are named, and the one that says more gives the advice", async () => {
    const it = await share({ mode: "relay" });
    const gone = await share({ mode: "lan" });
    const route = { lan: lanOf(gone), relay: relayOf(it) };
    await Promise.all([gone.stop(), it.stop()]);
    expect(await failure(take(it, route))).toMatchObject({
      code: "host-refused",
      message: expect.stringContaining("; and the relay has no such room"),
    });
  });

  it("a wrong code on one way is all that is told, though nobody is on the other", async () => {
    const it = await share({ mode: "relay" });
    const gone = await share({ mode: "lan" });
    const route = { lan: lanOf(gone), relay: relayOf(it) };
    await gone.stop();
    expect(await failure(take(it, route, { secret: "wrong-wrong-wrong" }))).toMatchObject({
      code: "wrong-code",
      message: "the sender refused the code or passphrase",
    });
  });

  it("a sender on one way that cannot prove itself says more than nobody on the other", async () => {
    const it = await share({ mode: "relay" });
    const other = await share({ mode: "lan" });
    const route = { lan: lanOf(other), relay: relayOf(it) };
    await it.stop();
    expect(await failure(take(it, route))).toMatchObject({ code: "wrong-sender" });
  });

  it("it takes no longer than the time that it was given, where each would wait longer", async () => {
    const it = await share({ mode: "relay" });
    let reached = 0;
    const [mute, silentRelay] = [await host(() => (reached += 1)), await host(() => (reached += 1))];
    const route = {
      lan: mute,
      relay: { access: { url: new URL(`ws://127.0.0.1:${silentRelay.port}`) }, room: it.room },
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
    later(() => vi.useRealTimers());
    const taking = failure(take(it, route, { timeoutMs: 2000 }));
    await until("the LAN is being asked", () => reached >= 1);
    await vi.advanceTimersByTimeAsync(1000); // its head start is over
    await until("both are being asked", () => reached >= 2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await taking).toBeInstanceOf(SpreadError);
  });
});

describe("a race that is left", () => {
  const version = { service: "claude-spread", bounds: USUAL_BOUNDS } as const;

  it("cuts what is still on its way, and leaves the link that it gave", async () => {
    const it = await share({ mode: "lan" });
    const asked: Socket[] = [];
    const silentRelay = await host((socket) => asked.push(socket.resume()));
    const pending = { access: { url: new URL(`ws://127.0.0.1:${silentRelay.port}`) }, room: it.room };
    let given: Link | undefined;
    for await (const candidate of race({ lan: lanOf(it), relay: pending }, version, forever())) {
      if (candidate instanceof SpreadError) throw candidate;
      later(() => candidate.link.close());
      expect(candidate).toMatchObject({ path: { by: "lan" }, last: false });
      await until("the relay is being asked", () => asked.length === 1);
      given = candidate.link;
      break;
    }
    await until("the relay is left", () => asked[0]?.closed === true);
    expect(given?.open).toBe(true);
  });

  it("before it began does not look around, which would take 8 s", async () => {
    vi.useFakeTimers(); // and nobody moves them on
    later(() => vi.useRealTimers());
    const left = race({ lan: { room: "7f3k2a" }, relay: undefined }, version, AbortSignal.abort());
    expect((await left.next()).value).toMatchObject({ code: "cancelled" });
  });
});
