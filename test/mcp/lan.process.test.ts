/** Finding each other on a network, by mDNS: servers on machines of their own, joined by a cable. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Peer } from "../discovery/peer.ts";
import { startTimed } from "../faults/people.ts";
import type { Clock } from "../support/clock.ts";
import { cable, Namespace, noNamespaces } from "../support/namespaces.ts";
import { endHub, startServer, type TestServer } from "../support/server.ts";
import { eventually, until } from "../support/wait.ts";
import { DOCUMENT, sha256, wrong } from "./texts.ts";
import { relayProcess } from "./wires.ts";

beforeEach(({ skip }) => skip(noNamespaces !== undefined, noNamespaces));

const MDNS = { DISTILL_MDNS: "on" };
/** How long a sender is looked for on a network, in ms. */
const LOOK_MS = 8_000;

/** Two machines with a cable between them, 10.41.0.1 and 10.41.0.2, and a server on each. */
let here: Namespace;
let there: Namespace;
let sender: TestServer;
let receiver: TestServer;
let receiversTime: Clock;

beforeAll(async () => {
  if (noNamespaces !== undefined) return;
  const lasting = true;
  [here, there] = [new Namespace(lasting), new Namespace(lasting)];
  for (const machine of [here, there]) machine.ip("link", "set", "lo", "up");
  await cable(here, there, 41);
  [sender, { server: receiver, clock: receiversTime }] = await Promise.all([
    startServer({ lasting, env: MDNS, inside: here.inside }),
    startTimed({ lasting, env: MDNS, inside: there.inside }),
  ]);
});

/** On the sender's machine, where the receiver can reach it. */
async function startRelay() {
  const { port, kill } = await relayProcess({ inside: here.inside, host: "0.0.0.0" });
  return { relay_url: `ws://10.41.0.1:${port}`, kill };
}

const offer = (args: object = {}) => sender.share({ content: DOCUMENT, ...args });

/** Looks for a sender in vain. The look is over as soon as it has asked a few times. @returns what it is told. */
async function failure(args: Record<string, unknown>): Promise<string> {
  const listener = await Peer.start(here);
  await listener.questions("10.41.0.1");
  const failing = receiver.fails("distill_receive", args);
  failing.catch(() => {}); // told below
  await until("it has asked", async () => (await listener.questions("10.41.0.1")) >= 3);
  await receiversTime.pass(LOOK_MS);
  return (await failing).code;
}

describe("on one network", () => {
  it("a code is all that the receiver needs", async () => {
    const share = await offer();
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
    const other = await startServer({ env: MDNS, inside: here.inside });
    const passphrase = "what we agreed on";
    const share = await offer({ passphrase, receivers: 2 });
    expect((await receiver.receive({ passphrase })).via).toBe("lan");
    const second = await other.share({ content: DOCUMENT, passphrase: "of two other people" });
    const asked = await receiver.fails("distill_receive", { passphrase });
    expect(asked.code).toBe("several-senders");
    for (const { room } of [share, second]) expect(asked.text).toContain(room);
    expect((await receiver.receive({ passphrase, room: share.room })).sha256).toBe(share.sha256);
    expect((await other.status()).failed_attempts).toBe(0);
  });

  it("a wrong code costs one attempt, and a share that was stopped is not found any more", async () => {
    const share = await offer();
    expect((await receiver.fails("distill_receive", { code: wrong(share.code) })).code).toBe("wrong-code");
    expect((await sender.status()).failed_attempts).toBe(1);
    await sender.call("distill_stop", { all: true });
    expect(await failure({ code: share.code })).toBe("sender-not-found");
  });

  it("a hub that ends takes its share's name back, though a visitor sits there and says nothing", async () => {
    const stranger = await Peer.start(there);
    await stranger.watch("10.41.0.2");
    const { lan } = await offer();
    await eventually(async () => (await stranger.watched()).up).toEqual([lan?.instance]);
    await stranger.stay("10.41.0.1", lan?.port ?? 0);
    await endHub(sender.home);
    await eventually(async () => (await stranger.watched()).down).toEqual([lan?.instance]);
  });

  it("a name whose server is gone says so, whatever other addresses it lists", async () => {
    await cable(here, new Namespace(), 43); // an address that the receiver cannot reach
    const left = await Peer.start(here);
    await left.advertise("claude-spread", "7f3k2a", 9);
    // Its look may be over before it has dialled.
    await eventually(() => failure({ code: "7f3k2a-crisp-orbit-lunar" })).toBe("host-refused");
  });

  it("a legacy share is found under the old name, and by legacy alone", async () => {
    const { lan, room, passphrase } = await offer({ legacy: true });
    expect(lan?.instance).toBe(`claude-distill-${room}`);
    expect(await failure({ passphrase, room })).toBe("sender-not-found");
    expect((await receiver.receive({ passphrase, room, legacy: true })).via).toBe("lan");
  });
});

describe("with a relay as well", () => {
  it("the network does not wait for the relay, and the relay is the way where mDNS is off", async () => {
    const { relay_url, kill } = await startRelay();
    const deaf = await startServer({ sandbox: receiver.sandbox, inside: there.inside });
    const { code } = await offer({ relay_url, receivers: 2 });
    kill("SIGSTOP"); // else it is a matter of milliseconds which of them is there first
    expect((await receiver.receive({ code, relay_url })).via).toBe("lan");
    kill("SIGCONT");
    expect((await deaf.receive({ code, relay_url })).via).toBe("relay");
    await sender.becomes("delivered");
  });

  it("an impostor who answers to the room's name does not keep anybody from it", async () => {
    const { relay_url } = await startRelay();
    const impostor = await Peer.start(here);
    const { code, room } = await offer({ mode: "relay", relay_url });
    const port = await impostor.listen(); // takes connections, and hangs up
    await impostor.advertise("claude-spread", room, port);
    expect((await receiver.receive({ code, relay_url })).via).toBe("relay");
    expect((await sender.becomes("delivered")).failed_attempts).toBe(0);
  });
});
