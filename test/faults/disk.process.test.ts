/** A disk that is full, and an inbox that cannot be written to, before a transfer and in the middle of it; and no disk to share from. */
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { relayProcess } from "../mcp/wires.ts";
import { makeWorld, type Offered, startServer, type TestServer } from "../support/server.ts";
import { attempt, documentIn, inboxOf } from "./people.ts";
import { type Carrier, DOCUMENT_BYTES, wireThatStops } from "./steps.ts";

const notRoot = process.getuid?.() !== 0 || process.platform !== "linux";
const MIB = 1024 * 1024;

/** A server whose home is a disk of its own, as it and its hub see it. */
async function onSmallDisk(bytes: number): Promise<TestServer> {
  const world = await makeWorld();
  await mkdir(world.home, { mode: 0o700 });
  const script = `mount -t tmpfs -o mode=700,size=${bytes} none "$DISTILL_HOME" && exec "$@"`;
  return startServer({ world, inside: ["unshare", "--mount", "sh", "-c", script, "sh"] });
}

/** That disk, seen from here. */
const diskOf = ({ pid, home }: TestServer) => `/proc/${pid}/root${home}`;

/** Fills it up. @returns what makes room again. */
async function fill(disk: string): Promise<() => Promise<void>> {
  const filler = join(disk, "filler");
  for (const size of [MIB, 4096]) {
    const piece = Buffer.alloc(size);
    for (let full = false; !full; ) {
      await writeFile(filler, piece, { flag: "a" }).catch(() => {
        full = true;
      });
    }
  }
  return () => rm(filler);
}

const left = (disk: string, folder: string) => readdir(join(disk, folder)).catch(() => []);

/** A share for two, and a receiver in the middle of it. */
async function midway(carrier: Carrier, receiver: TestServer) {
  const relay = carrier === "relay" ? await relayProcess() : undefined;
  const sender = await startServer();
  const path = await documentIn(sender, DOCUMENT_BYTES);
  const share = await sender.share({ path, mode: carrier, receivers: 2, ...(relay && { relay_url: relay.url }) });
  const port = relay?.port ?? share.lan?.port ?? 0;
  const wire = await wireThatStops(port, carrier, "in the middle of content");
  const call = attempt(receiver, share, carrier, wire.port);
  await wire.reached();
  return { sender, share, port, wire, call };
}

const offered = async (bytes: number): Promise<{ sender: TestServer; share: Offered; port: number }> => {
  const sender = await startServer();
  const share = await sender.share({ path: await documentIn(sender, bytes), mode: "lan" });
  return { sender, share, port: share.lan?.port ?? 0 };
};

describe.skipIf(notRoot)("a full disk (needs root on Linux, to make a small one):", () => {
  it("before the transfer: the receiver is told so, and the share has lost nothing by it", async () => {
    const receiver = await onSmallDisk(6 * MIB);
    const { sender, share, port } = await offered(3 * MIB);
    expect(await attempt(receiver, share, "lan", port).ended).toBe("disk-full");
    expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 0, unconfirmed: 0 });
    const other = await offered(2 * MIB);
    expect(await attempt(receiver, other.share, "lan", other.port).ended).toBe("received");
    expect(await inboxOf(diskOf(receiver))).toEqual([other.share.sha256]);
    expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 0, unconfirmed: 0 });
  });

  it("before anything was ever kept: the same, and with room it is received", async () => {
    const receiver = await onSmallDisk(6 * MIB);
    const { sender, share, port } = await offered(1000);
    const roomAgain = await fill(diskOf(receiver));
    expect(await attempt(receiver, share, "lan", port).ended).toBe("disk-full");
    expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 0, unconfirmed: 0 });
    await roomAgain();
    expect(await attempt(receiver, share, "lan", port).ended).toBe("received");
    expect(await inboxOf(diskOf(receiver))).toEqual([share.sha256]);
  });

  it.each(["lan", "relay"] as const)(
    "in the middle of the transfer, by %s: both are told so, nothing half is left, and with room it is received",
    async (carrier) => {
      const receiver = await onSmallDisk(8 * MIB);
      const { sender, share, port, wire, call } = await midway(carrier, receiver);
      const roomAgain = await fill(diskOf(receiver));
      wire.release();
      expect(await call.ended).toBe("disk-full");
      expect([await left(diskOf(receiver), "staging"), await left(diskOf(receiver), "inbox")]).toEqual([[], []]);
      expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, last_failure: "peer-aborted" });
      await roomAgain();
      expect(await attempt(receiver, share, carrier, port).ended).toBe("received");
      expect(await inboxOf(diskOf(receiver))).toEqual([share.sha256]);
    },
  );

  it("of a sender: a large share is refused, a small one is made, and delivered with the disk full", async () => {
    const sender = await onSmallDisk(MIB);
    const path = await documentIn(sender, 3 * MIB);
    expect((await sender.fails("distill_share", { path, mode: "lan" })).code).toBe("disk-full");
    expect(await left(diskOf(sender), "spool")).toEqual([]);
    const small = await sender.share({ content: "# Small\n\nAnd in memory.\n", mode: "lan" });
    await fill(diskOf(sender));
    const receiver = await startServer();
    expect(await attempt(receiver, small, "lan", small.lan?.port ?? 0).ended).toBe("received");
    expect(await inboxOf(receiver.home)).toEqual([small.sha256]);
    expect(await sender.becomes("delivered")).toMatchObject({ delivered: 1 });
  });
});

describe("an inbox that cannot be written to:", () => {
  const forbid = async ({ home }: TestServer, folder: string) => {
    await mkdir(join(home, folder), { recursive: true, mode: 0o700 });
    await chmod(join(home, folder), 0o500);
    return () => chmod(join(home, folder), 0o700);
  };

  it.each(["inbox", "staging"])(
    "before the transfer (%s): the receiver is told so, and the share waits on",
    async (folder) => {
      const receiver = await startServer({ unprivileged: true });
      const first = await offered(1000);
      expect(await attempt(receiver, first.share, "lan", first.port).ended).toBe("received"); // the home is its own
      const { sender, share, port } = await offered(1000);
      const allow = await forbid(receiver, folder);
      expect(await attempt(receiver, share, "lan", port).ended).toBe("home-unwritable");
      expect(await sender.status()).toMatchObject({ state: "waiting", delivered: 0, unconfirmed: 0 });
      await allow();
      expect(await attempt(receiver, share, "lan", port).ended).toBe("received");
    },
  );

  it.each(["lan", "relay"] as const)(
    "in the middle of the transfer, by %s: both are told so, and nothing is left",
    async (carrier) => {
      const receiver = await startServer({ unprivileged: true });
      const { sender, share, port, wire, call } = await midway(carrier, receiver);
      const allow = await forbid(receiver, "inbox");
      wire.release();
      expect(await call.ended).toBe("home-unwritable");
      expect([await receiver.kept("staging"), await receiver.kept("inbox")]).toEqual([[], []]);
      expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, last_failure: "peer-aborted" });
      await allow();
      expect(await attempt(receiver, share, carrier, port).ended).toBe("received");
      expect(await inboxOf(receiver.home)).toEqual([share.sha256]);
    },
  );
});
