/** Finding each other on a network, by mDNS: servers on machines of their own, joined by a cable. */
import { beforeEach, describe, expect, it } from "vitest";
import { Peer } from "../discovery/peer.ts";
import { startTimed } from "../faults/people.ts";
import { cable, Namespace, noNamespaces } from "../support/namespaces.ts";
import { endHub, type Options, startServer, type TestServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import { DOCUMENT, sha256, wrong } from "./texts.ts";
import { relayProcess } from "./wires.ts";

beforeEach(({ skip }) => skip(noNamespaces !== undefined, noNamespaces));

const MDNS = { DISTILL_MDNS: "on" };

/** Two machines and the cable between them. The relay is on the sender's, and the receiver can reach it. */
async function network() {
  const [here, there] = [new Namespace(), new Namespace()];
  for (const machine of [here, there]) machine.ip("link", "set", "lo", "up");
  await cable(here, there, 41);
  const on = (machine: Namespace, options: Options = {}) =>
    startServer({ ...options, env: { ...MDNS, ...options.env }, inside: machine.inside });
  return { here, there, on };
}

const relayOn = async (machine: Namespace) => {
  const { port, kill } = await relayProcess({ inside: machine.inside, host: "0.0.0.0" });
  return { url: `ws://10.41.0.1:${port}`, kill };
};

/** How long a sender is looked for on a network, in ms. */
const LOOK_MS = 8_000;

/** A receiver whose look on its network ends as soon as it has asked a few times. */
async function hastyReceiver(here: Namespace, there: Namespace) {
  const [{ server, clock }, listener] = await Promise.all([
    startTimed({ inside: there.inside, env: MDNS }),
    Peer.start(here),
  ]);
  const fails = async (args: Record<string, unknown>) => {
    const before = await listener.questions("10.41.0.1");
    const failing = server.fails("distill_receive", args);
    failing.catch(() => {}); // told below
    await until("it has asked", async () => (await listener.questions("10.41.0.1")) >= before + 3);
    await clock.pass(LOOK_MS);
    return (await failing).code;
  };
  return { server, fails };
}

const offer = (sender: TestServer, args: object = {}) => sender.share({ content: DOCUMENT, ...args });

describe("on one network", () => {
  it("a code is all that the receiver needs", async () => {
    const { here, there, on } = await network();
    const [sender, receiver] = await Promise.all([on(here), on(there)]);
    const share = await offer(sender);
    expect(share.lan).toEqual({
      instance: `claude-spread-${share.room}`,
      port: expect.any(Number),
      addresses: ["10.41.0.1", ...(share.lan?.addresses.slice(1) ?? [])],
    });
    expect(share.tell_receiver).toContain(`\n/distill-receive ${share.code}\n`);
    expect(share.warnings).toEqual([]);
    const taken = await receiver.receive({ code: share.code });
    expect(taken).toMatchObject({ via: "lan", sha256: sha256(DOCUMENT) });
    await sender.becomes("delivered");
  });

  it("a passphrase is, while one sender is there; of several, the room says which", async () => {
    const { here, there, on } = await network();
    const [sender, other, receiver] = await Promise.all([on(here), on(here), on(there)]);
    const passphrase = "what we agreed on";
    const share = await offer(sender, { passphrase, receivers: 2 });
    expect((await receiver.receive({ passphrase })).via).toBe("lan");
    const second = await offer(other, { passphrase: "of two other people" });
    const asked = await receiver.fails("distill_receive", { passphrase });
    expect(asked.code).toBe("several-senders");
    for (const { room } of [share, second]) expect(asked.text).toContain(room);
    expect((await receiver.receive({ passphrase, room: share.room })).sha256).toBe(share.sha256);
    expect((await other.status()).failed_attempts).toBe(0);
  });

  it("a wrong code costs one attempt, and a share that was stopped is not found any more", async () => {
    const { here, there, on } = await network();
    const [sender, receiver] = await Promise.all([on(here), hastyReceiver(here, there)]);
    const share = await offer(sender);
    expect((await receiver.server.fails("distill_receive", { code: wrong(share.code) })).code).toBe("wrong-code");
    expect((await sender.status()).failed_attempts).toBe(1);
    await sender.call("distill_stop", { all: true });
    expect(await receiver.fails({ code: share.code })).toBe("sender-not-found");
  });

  it("a hub that ends takes its share's name back, though a visitor sits there and says nothing", async () => {
    const { here, there, on } = await network();
    const [sender, stranger] = await Promise.all([on(here), Peer.start(there)]);
    await stranger.watch("10.41.0.2");
    const { lan } = await offer(sender);
    await eventually(async () => (await stranger.watched()).up).toEqual([lan?.instance]);
    await stranger.stay("10.41.0.1", lan?.port ?? 0);
    await endHub(sender.home);
    await eventually(async () => (await stranger.watched()).down).toEqual([lan?.instance]);
  });

  it("a name whose server is gone says so, whatever other addresses it lists", async () => {
    const { here, there } = await network();
    await cable(here, new Namespace(), 43); // an address that the receiver cannot reach
    const [left, receiver] = await Promise.all([Peer.start(here), hastyReceiver(here, there)]);
    await left.advertise("claude-spread", "7f3k2a", 9);
    // Its look may be over before it has dialled.
    await eventually(() => receiver.fails({ code: "7f3k2a-crisp-orbit-lunar" })).toBe("host-refused");
  });

  it("a legacy share is found under the old name, and by legacy alone", async () => {
    const { here, there, on } = await network();
    const [sender, receiver] = await Promise.all([on(here), hastyReceiver(here, there)]);
    const { lan, room, passphrase } = await offer(sender, { legacy: true });
    expect(lan?.instance).toBe(`claude-distill-${room}`);
    expect(await receiver.fails({ passphrase, room })).toBe("sender-not-found");
    expect((await receiver.server.receive({ passphrase, room, legacy: true })).via).toBe("lan");
  });
});

describe("with a relay as well", () => {
  it("the network does not wait for the relay, and the relay is the way where mDNS is off", async () => {
    const { here, there, on } = await network();
    const relay = await relayOn(here);
    const env = { DISTILL_RELAY_URL: relay.url };
    const [sender, receiver, deaf] = await Promise.all([
      on(here, { env }),
      on(there, { env }),
      on(there, { env: { ...env, DISTILL_MDNS: "off" } }),
    ]);
    const { code } = await offer(sender, { receivers: 2 });
    relay.kill("SIGSTOP"); // else it is a matter of milliseconds which of them is there first
    expect((await receiver.receive({ code })).via).toBe("lan");
    relay.kill("SIGCONT");
    expect((await deaf.receive({ code })).via).toBe("relay");
    await sender.becomes("delivered");
  });

  it("an impostor who answers to the room's name does not keep anybody from it", async () => {
    const { here, there, on } = await network();
    const env = { DISTILL_RELAY_URL: (await relayOn(here)).url };
    const [sender, receiver, impostor] = await Promise.all([on(here, { env }), on(there, { env }), Peer.start(here)]);
    const { code, room } = await offer(sender, { mode: "relay" });
    const port = await impostor.listen(); // takes connections, and hangs up
    await impostor.advertise("claude-spread", room, port);
    expect((await receiver.receive({ code })).via).toBe("relay");
    expect((await sender.becomes("delivered")).failed_attempts).toBe(0);
  });
});
