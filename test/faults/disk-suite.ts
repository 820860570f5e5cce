/** A disk that is full, and an inbox that cannot be written to, before a transfer and in the middle of it; and no disk to share from. */
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { relayProcess } from "../mcp/wires.ts";
import { makeSandbox, type Offered, startServer, type TestServer } from "../support/server.ts";
import { eventually } from "../support/wait.ts";
import { attempt, documentIn, inboxOf } from "./people.ts";
import { type Carrier, DOCUMENT_BYTES, wireThatStops } from "./steps.ts";

const MIB = 1024 * 1024;
const noSmallDisk =
  process.getuid?.() !== 0 || process.platform !== "linux" ? "needs root on Linux, to make a small disk" : undefined;

let sender: TestServer;

/** In each file, before its tests. */
export function startSender(): void {
  beforeAll(async () => {
    sender = await startServer({ lasting: true });
  });
}

/** A server whose home is a disk of its own, as it and its hub see it. */
async function onSmallDisk(bytes: number): Promise<TestServer> {
  const sandbox = await makeSandbox();
  await mkdir(sandbox.home, { mode: 0o700 });
  const script = `mount -t tmpfs -o mode=700,size=${bytes} none "$DISTILL_HOME" && exec "$@"`;
  return startServer({ sandbox, inside: ["unshare", "--mount", "sh", "-c", script, "sh"] });
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

const shareOf = async ({ share_id }: Offered) => (await sender.shares()).find((it) => it.share_id === share_id);

/** A share for two, and a receiver in the middle of it. */
async function midway(carrier: Carrier, receiver: TestServer) {
  const relay = carrier === "relay" ? await relayProcess() : undefined;
  const path = await documentIn(sender, DOCUMENT_BYTES);
  const share = await sender.share({ path, mode: carrier, receivers: 2, ...(relay && { relay_url: relay.url }) });
  const port = relay?.port ?? share.lan?.port ?? 0;
  const wire = await wireThatStops(port, carrier, "in the middle of content");
  const call = attempt(receiver, share, carrier, wire.port);
  await wire.reached();
  return { share, port, wire, call };
}

const offered = async (bytes: number): Promise<{ share: Offered; port: number }> => {
  const share = await sender.share({ path: await documentIn(sender, bytes), mode: "lan" });
  return { share, port: share.lan?.port ?? 0 };
};

export function testFullBefore(): void {
  it("says so before the transfer, when the disk is full, and the share has lost nothing by it", async ({ skip }) => {
    skip(noSmallDisk !== undefined, noSmallDisk);
    const receiver = await onSmallDisk(6 * MIB);
    const first = await offered(1000);
    const roomAgain = await fill(diskOf(receiver)); // before anything was ever kept there
    expect(await attempt(receiver, first.share, "lan", first.port).ended).toBe("disk-full");
    expect(await shareOf(first.share)).toMatchObject({ state: "waiting", delivered: 0, unconfirmed: 0 });
    await roomAgain();
    const large = await offered(3 * MIB);
    expect(await attempt(receiver, large.share, "lan", large.port).ended).toBe("disk-full");
    // Its sender hears of it a moment later.
    await eventually(() => shareOf(large.share)).toMatchObject({ state: "waiting", delivered: 0, unconfirmed: 0 });
    const other = await offered(2 * MIB);
    for (const { share, port } of [first, other]) {
      expect(await attempt(receiver, share, "lan", port).ended).toBe("received");
    }
    expect(await inboxOf(diskOf(receiver))).toEqual([first.share.sha256, other.share.sha256].sort());
  });
}

export function testFullMidway(carrier: Carrier): void {
  it(`tells both when the disk is full in the middle of a transfer by ${carrier}, and leaves nothing half`, async ({
    skip,
  }) => {
    skip(noSmallDisk !== undefined, noSmallDisk);
    const receiver = await onSmallDisk(8 * MIB);
    const { share, port, wire, call } = await midway(carrier, receiver);
    const roomAgain = await fill(diskOf(receiver));
    wire.release();
    expect(await call.ended).toBe("disk-full");
    expect([await left(diskOf(receiver), "staging"), await left(diskOf(receiver), "inbox")]).toEqual([[], []]);
    expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, last_failure: "peer-aborted" });
    await roomAgain();
    expect(await attempt(receiver, share, carrier, port).ended).toBe("received");
    expect(await inboxOf(diskOf(receiver))).toEqual([share.sha256]);
  });
}

export function testFullSender(): void {
  it("refuses a large share with a full disk, and makes a small one, which it delivers", async ({ skip }) => {
    skip(noSmallDisk !== undefined, noSmallDisk);
    const full = await onSmallDisk(MIB);
    const path = await documentIn(full, 3 * MIB);
    expect((await full.fails("distill_share", { path, mode: "lan" })).code).toBe("disk-full");
    expect(await left(diskOf(full), "spool")).toEqual([]);
    const small = await full.share({ content: "# Small\n\nAnd in memory.\n", mode: "lan" });
    await fill(diskOf(full));
    expect(await attempt(sender, small, "lan", small.lan?.port ?? 0).ended).toBe("received");
    expect(await inboxOf(sender.home)).toEqual([small.sha256]);
    expect(await full.becomes("delivered")).toMatchObject({ delivered: 1 });
  });
}

const forbid = async ({ home }: TestServer, folder: string) => {
  await mkdir(join(home, folder), { recursive: true, mode: 0o700 });
  await chmod(join(home, folder), 0o500);
  return () => chmod(join(home, folder), 0o700);
};

const noPermissions = process.platform === "win32" ? "POSIX permissions are not Windows'" : undefined;

export function testUnwritableBefore(): void {
  it("says so before the transfer, when its inbox or staging cannot be written to, and the share waits on", async ({
    skip,
  }) => {
    skip(noPermissions !== undefined, noPermissions);
    const receiver = await startServer({ unprivileged: true });
    const first = await offered(1000);
    expect(await attempt(receiver, first.share, "lan", first.port).ended).toBe("received"); // the home is its own
    for (const folder of ["inbox", "staging"]) {
      const { share, port } = await offered(1000);
      const allow = await forbid(receiver, folder);
      expect(await attempt(receiver, share, "lan", port).ended, folder).toBe("home-unwritable");
      expect(await shareOf(share)).toMatchObject({ state: "waiting", delivered: 0, unconfirmed: 0 });
      await allow();
      expect(await attempt(receiver, share, "lan", port).ended, folder).toBe("received");
    }
  });
}

export function testUnwritableMidway(carrier: Carrier): void {
  it(`tells both when its inbox cannot be written to any more in the middle of a transfer by ${carrier}`, async ({
    skip,
  }) => {
    skip(noPermissions !== undefined, noPermissions);
    const receiver = await startServer({ unprivileged: true });
    const { share, port, wire, call } = await midway(carrier, receiver);
    const allow = await forbid(receiver, "inbox");
    wire.release();
    expect(await call.ended).toBe("home-unwritable");
    expect([await receiver.kept("staging"), await receiver.kept("inbox")]).toEqual([[], []]);
    expect(await sender.becomes("waiting")).toMatchObject({ delivered: 0, last_failure: "peer-aborted" });
    await allow();
    expect(await attempt(receiver, share, carrier, port).ended).toBe("received");
    expect(await inboxOf(receiver.home)).toEqual([share.sha256]);
  });
}
