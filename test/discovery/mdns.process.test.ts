/** Discovery on networks that are there for the test alone: one machine, two, several, and one without any. */
import { beforeEach, describe, expect, it } from "vitest";
import { makeClock } from "../support/clock.ts";
import { aloneNamespace, cable, Namespace, noNamespaces } from "../support/namespaces.ts";
import { until } from "../support/wait.ts";
import { dnsName, query, record, response, senderRecords, TYPE } from "./datagram.ts";
import { Peer } from "./peer.ts";

beforeEach(({ skip }) => skip(noNamespaces !== undefined, noNamespaces));

/** How often an advertisement looks whether the machine has changed its network, in ms. */
const REFRESH_MS = 5_000;

/** What a sender of this room says of itself. */
const said = (room: string) => response(senderRecords(`claude-spread-${room}`, 40_123));

describe("on one machine that has nothing but loopback", () => {
  it("another process finds a share, under 127.0.0.1", async () => {
    const machine = aloneNamespace();
    const [sender, receiver] = await Promise.all([Peer.start(machine), Peer.start(machine)]);
    expect(await sender.advertise("claude-spread", "7f3k2a", 40_123)).toBe("claude-spread-7f3k2a");
    const found = await receiver.look("claude-spread", { count: 1 });
    expect(found).toMatchObject([{ room: "7f3k2a", port: 40_123, addresses: ["127.0.0.1"] }]);
  });

  it("finds a share that is advertised after the look began, and one of the same process", async () => {
    const peer = await Peer.start(aloneNamespace());
    const looking = peer.look("claude-spread", { count: 1 });
    await peer.advertise("claude-spread", "7f3k2a", 40_123);
    expect(await looking).toMatchObject([{ room: "7f3k2a", port: 40_123 }]);
  });

  it("tells each sender once, however often it answers", async () => {
    const [first, second, last] = [said("7f3k2a"), said("8g4m3b"), said("9h5n4c")];
    const machine = aloneNamespace();
    const [sender, receiver] = await Promise.all([Peer.start(machine), Peer.start(machine)]);
    await sender.answer([first, second, first], [second, first], [first, second, last]);
    const found = await receiver.look("claude-spread", { count: 3 });
    expect(found.map(({ room }) => room)).toEqual(["7f3k2a", "8g4m3b", "9h5n4c"]);
  });

  it("does not mix the two services", async () => {
    const machine = aloneNamespace();
    const [sender, receiver] = await Promise.all([Peer.start(machine), Peer.start(machine)]);
    const legacy = (room: string) => response(senderRecords(`claude-distill-${room}`, 40_123, [], "_claude-distill"));
    await sender.answer([legacy("8g4m3b"), said("7f3k2a"), legacy("9h5n4c")]);
    expect(await receiver.look("claude-spread", { count: 1 })).toMatchObject([{ room: "7f3k2a" }]);
    const found = await receiver.look("claude-distill", { count: 2 });
    expect(found.map(({ room }) => room)).toEqual(["8g4m3b", "9h5n4c"]);
  });

  it("is not found any more after its goodbye, and the process ends by itself", async () => {
    const machine = aloneNamespace();
    const [sender, receiver] = await Promise.all([Peer.start(machine), Peer.start(machine)]);
    await sender.advertise("claude-spread", "7f3k2a", 40_123);
    expect(await receiver.look("claude-spread", { count: 1 })).toHaveLength(1);
    await sender.goodbye();
    await sender.goodbye(); // of what has gone
    const before = await sender.questions();
    const looking = receiver.look("claude-spread", { count: 1 });
    await until("it was asked for in vain", async () => (await sender.questions()) >= before + 3);
    await sender.advertise("claude-spread", "8g4m3b", 40_124);
    expect(await looking).toMatchObject([{ room: "8g4m3b" }]);
    await sender.goodbye();
    expect(await Promise.all([sender.leave(), receiver.leave()])).toEqual([0, 0]);
  });
});

describe("between machines", () => {
  it("is found across a cable, and can be dialled", async () => {
    const [here, there] = [new Namespace(), new Namespace()];
    await cable(here, there, 71);
    const [sender, receiver] = await Promise.all([Peer.start(here), Peer.start(there)]);
    const port = await sender.listen();
    await sender.advertise("claude-spread", "7f3k2a", port);
    const found = await receiver.look("claude-spread", { count: 1 });
    expect(found).toMatchObject([{ room: "7f3k2a", port, addresses: ["10.71.0.1"] }]);
    expect(await receiver.dial("10.71.0.1", port)).toBe(true);
  });

  it("is found on both of its networks, with the right address first", async () => {
    const [left, middle, right] = [new Namespace(), new Namespace(), new Namespace()];
    await cable(middle, left, 71);
    await cable(middle, right, 72);
    const sender = await Peer.start(middle);
    const port = await sender.listen();
    await sender.advertise("claude-spread", "7f3k2a", port);
    for (const [machine, address] of [
      [left, "10.71.0.1"],
      [right, "10.72.0.1"],
    ] as const) {
      const receiver = await Peer.start(machine);
      const found = await receiver.look("claude-spread", { count: 1 });
      expect(found[0]?.addresses[0]).toBe(address);
      expect(await receiver.dial(address, port)).toBe(true);
    }
  });

  it("sees senders of both of its networks", async () => {
    const [left, middle, right] = [new Namespace(), new Namespace(), new Namespace()];
    await cable(middle, left, 71);
    await cable(middle, right, 72);
    const [one, two, receiver] = await Promise.all([Peer.start(left), Peer.start(right), Peer.start(middle)]);
    await one.advertise("claude-spread", "7f3k2a", 40_123);
    await two.advertise("claude-spread", "8g4m3b", 40_124);
    const found = await receiver.look("claude-spread", { count: 2 });
    const seen = found.map(({ room, addresses }) => `${room} ${addresses[0]}`).sort();
    expect(seen).toEqual(["7f3k2a 10.71.0.2", "8g4m3b 10.72.0.2"]);
  });

  it("is found again after the sender's network was away, and another has come", async () => {
    const [here, there, later] = [aloneNamespace(), new Namespace(), new Namespace()];
    const lan = await cable(here, there, 71);
    const clock = await makeClock();
    const [sender, receiver] = await Promise.all([Peer.start(here, clock), Peer.start(there)]);
    await sender.advertise("claude-spread", "7f3k2a", 40_123);
    expect(await receiver.look("claude-spread", { count: 1 })).toHaveLength(1);
    here.ip("link", "del", lan);
    await cable(here, later, 72);
    await clock.pass(REFRESH_MS);
    const another = await Peer.start(later);
    const found = await another.look("claude-spread", { count: 1 });
    expect(found[0]?.addresses[0]).toBe("10.72.0.1");
  });

  it("a look outlives its network, and finds who comes on the next one", async () => {
    const [here, there, later] = [aloneNamespace(), new Namespace(), new Namespace()];
    const lan = await cable(here, there, 71);
    const [receiver, first, second] = await Promise.all([here, there, later].map((it) => Peer.start(it)));
    await first?.advertise("claude-spread", "7f3k2a", 40_123);
    const looking = receiver?.look("claude-spread", { count: 2 });
    await until("the first is seen", async () => (await receiver?.seen()) === 1);
    here.ip("link", "del", lan);
    await cable(here, later, 72);
    await second?.advertise("claude-spread", "8g4m3b", 40_124);
    expect((await looking)?.[1]).toMatchObject({ room: "8g4m3b", addresses: ["10.72.0.2"] });
  });
});

describe("where mDNS is impossible", () => {
  it("without any interface: nothing is advertised, and a look ends by itself", async () => {
    const peer = await Peer.start(new Namespace());
    expect(await peer.advertise("claude-spread", "7f3k2a", 40_123)).toBeUndefined();
    expect(await peer.look("claude-spread")).toEqual([]);
    expect(await peer.leave()).toBe(0);
  });

  it("with port 5353 held by another program for itself: the same", async () => {
    const machine = aloneNamespace();
    const [holder, peer] = await Promise.all([Peer.start(machine), Peer.start(machine)]);
    await holder.hold();
    expect(await peer.advertise("claude-spread", "7f3k2a", 40_123)).toBeUndefined();
    expect(await peer.look("claude-spread")).toEqual([]);
    expect(await peer.leave()).toBe(0);
  });
});

describe("what strangers say", () => {
  async function hostile(datagrams: readonly Buffer[]): Promise<Peer> {
    const machine = aloneNamespace();
    const [stranger, receiver] = await Promise.all([Peer.start(machine), Peer.start(machine)]);
    await stranger.answer(datagrams);
    return receiver;
  }

  it("names that are none of ours, and port 0, are passed over", async () => {
    const names = [
      "claude-spread-7F3K2A",
      "claude-spread-7f3k2",
      "claude-spread-7f3k2aa",
      "claude-distill-7f3k2a",
      "claude-spread-7f3k2a.x",
      "claude-spread-7f3k2a\n",
      "claude-spread-../../a",
      "claude-spread-\u001b[31m",
      "__proto__",
    ];
    const receiver = await hostile([
      ...names.map((name) => response(senderRecords(name, 40_123))),
      response(senderRecords("claude-spread-8g4m3b", 0)),
      response(senderRecords("claude-spread-9h5n4c", 40_123)),
    ]);
    const found = await receiver.look("claude-spread", { count: 1 });
    expect(found.map(({ room }) => room)).toEqual(["9h5n4c"]);
  });

  it("addresses of no use to dial are dropped, and no more than 8 are kept", async () => {
    const useless = [
      [127, 0, 0, 1],
      [0, 0, 0, 0],
      [224, 0, 0, 251],
      [255, 255, 255, 255],
      [0xfe, 0x80, ...Array(13).fill(0), 1],
      [...Array(15).fill(0), 1],
      [...Array(10).fill(0), 0xff, 0xff, 127, 0, 0, 1],
      [0xff, 0x02, ...Array(13).fill(0), 0xfb],
    ];
    const good = [[0xfd, ...Array(14).fill(0), 5], ...Array.from({ length: 20 }, (_, i) => [10, 0, 0, i + 1])];
    const receiver = await hostile([response(senderRecords("claude-spread-7f3k2a", 40_123, [...useless, ...good]))]);
    const found = await receiver.look("claude-spread", { count: 1 });
    const listed = Array.from({ length: 6 }, (_, i) => `10.0.0.${i + 1}`);
    expect(found[0]?.addresses.filter((it) => it.includes(":"))).toEqual(["fd00::5"]);
    expect(found[0]?.addresses.filter((it) => !it.includes(":"))).toEqual([expect.any(String), ...listed]);
  });

  it("a second sender under the name of the first is heard as well", async () => {
    const [first, second] = [40_123, 40_124].map((port) => response(senderRecords("claude-spread-7f3k2a", port)));
    const receiver = await hostile([first, second].filter((it) => it !== undefined));
    const found = await receiver.look("claude-spread", { count: 2 });
    expect(found.map(({ port }) => port)).toEqual([40_123, 40_124]);
  });

  it("a flood of 200 senders ends a look after 64, and does not hide the one whose room is known", async () => {
    const room = (i: number) => `r${String(i).padStart(5, "0")}`;
    const flood = Array.from({ length: 200 }, (_, i) => response(senderRecords(`claude-spread-${room(i)}`, 40_123)));
    const receiver = await hostile(flood);
    expect(await receiver.look("claude-spread")).toHaveLength(64);
    const found = await receiver.look("claude-spread", { count: 1, room: room(199) });
    expect(found.map((it) => it.room)).toEqual([room(199)]);
  });

  it("a datagram of many records costs no more than in proportion to them", async () => {
    const type = dnsName("_claude-spread", "_tcp", "local");
    const pointer = Buffer.from([0xc0, 12]); // to the first name of the packet
    const costOf = async (count: number) => {
      const records = [type, ...Array(count - 1).fill(pointer)].map((owner) => record(owner, TYPE.PTR, pointer));
      const receiver = await hostile([response(records), said("7f3k2a")]);
      const costs: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        costs.push(await receiver.costOf(() => receiver.look("claude-spread", { count: 1 })));
      }
      return Math.min(...costs);
    };
    // If each record were compared with each, as bonjour-service does, it would be four times as much.
    expect(await costOf(4_500)).toBeLessThan(3 * (await costOf(2_250)));
  });

  it("64 questions for one thing in a datagram are answered once", async () => {
    const machine = aloneNamespace();
    const [stranger, sender] = await Promise.all([Peer.start(machine), Peer.start(machine)]);
    await sender.advertise("claude-spread", "7f3k2a", 40_123);
    const question = query(dnsName("_claude-spread", "_tcp", "local"), Array(64).fill(TYPE.PTR));
    const fence = query(dnsName("claude-spread-7f3k2a", "_claude-spread", "_tcp", "local"), [TYPE.SRV]);
    expect(await stranger.countAnswers(question, fence)).toBe(1);
  });

  it("garbage is passed over", async () => {
    const whole = response(senderRecords("claude-spread-8g4m3b", 40_123, [[10, 0, 0, 1]]));
    const cut = Array.from(whole, (_, length) => whole.subarray(0, length));
    const wrong = Array.from(whole, (byte, at) => {
      const copy = Buffer.from(whole);
      copy[at] = byte ^ 0xff;
      return copy;
    });
    const receiver = await hostile([...cut, ...wrong, response(senderRecords("claude-spread-7f3k2a", 40_123))]);
    await receiver.advertise("claude-spread", "9h5n4c", 40_125);
    const found = await receiver.look("claude-spread", { count: 1, room: "7f3k2a" });
    expect(found).toMatchObject([{ room: "7f3k2a", port: 40_123 }]);
  });
});
