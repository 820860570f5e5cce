/** There is one hub, whoever starts at once and whatever was left behind; and nobody else can be it. src/hub/README.md */
import { chmod, chown, lstat, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { machine } from "../../src/home/folders.ts";
import { claimSocket, findSocket } from "../../src/hub/socket.ts";
import { later } from "../support/later.ts";
import { home as newHome } from "../support/shares.ts";

const NOBODY = 65_534;

function aServer(): Server {
  const server = createServer((socket) => socket.on("error", () => {}));
  later(() => new Promise((resolve) => server.close(resolve)));
  return server;
}

const sockets = async (home: string) => (await readdir(join(home, "hub"))).sort();
const numbered = (n: number) => `${machine}.${n}`;

/** A socket that nobody listens at any more, as a process leaves it that was killed. */
async function deadSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.dying`, resolve));
  await rename(`${path}.dying`, path);
  await new Promise((resolve) => server.close(resolve));
}

describe("one, for sure", () => {
  it("of twenty candidates at once one becomes the hub, and the others leave nothing", async () => {
    const home = await newHome();
    const won = await Promise.all(Array.from({ length: 20 }, () => claimSocket(aServer(), home)));
    const [hub, ...more] = won.filter((address) => address !== undefined);
    expect(more).toEqual([]);
    expect(await findSocket(home)).toBe(hub);
    expect(await sockets(home)).toEqual([hub?.split("/").at(-1)]);
  });

  it("while it lives nobody else becomes it; when it has ended somebody does, by a higher number", async () => {
    const home = await newHome();
    const first = aServer();
    expect(await claimSocket(first, home)).toBe(join(home, "hub", numbered(1)));
    expect(await claimSocket(aServer(), home)).toBeUndefined();
    await new Promise((resolve) => first.close(resolve));
    expect(await sockets(home)).toEqual([numbered(1)]); // so that the number never falls
    expect(await claimSocket(aServer(), home)).toBe(join(home, "hub", numbered(2)));
    expect(await sockets(home)).toEqual([numbered(2)]);
  });

  it.each([
    ["a socket of a hub that was killed", (path: string) => deadSocket(path)],
    ["an ordinary file", (path: string) => writeFile(path, "x")],
    ["a link to nothing", (path: string) => symlink("/nowhere", path)],
    ["a folder", (path: string) => mkdir(path)],
  ])("%s in its place is passed over", async (_what, leave) => {
    const home = await newHome();
    await mkdir(join(home, "hub"), { mode: 0o700 });
    await leave(join(home, "hub", numbered(7)));
    expect(await claimSocket(aServer(), home)).toBe(join(home, "hub", numbered(8)));
  });

  it("sockets of candidates that were killed are removed, and what is not ours is left", async () => {
    const home = await newHome();
    await mkdir(join(home, "hub"), { mode: 0o700 });
    await deadSocket(join(home, "hub", `${machine}.new-00000000`));
    await writeFile(join(home, "hub", "notes"), "x");
    await deadSocket(join(home, "hub", "00000000.3")); // of another machine, whose processes cannot be asked from here
    const living = aServer();
    await new Promise<void>((resolve) => living.listen(join(home, "hub", `${machine}.new-11111111`), resolve));
    await claimSocket(aServer(), home);
    expect(await sockets(home)).toEqual(["00000000.3", numbered(1), `${machine}.new-11111111`, "notes"].sort());
  });

  it("of twenty candidates one becomes the hub, again and again, as hubs end beneath them", async () => {
    const home = await newHome();
    for (let round = 1; round <= 10; round += 1) {
      const servers = Array.from({ length: 20 }, aServer);
      const won = await Promise.all(servers.map((server) => claimSocket(server, home)));
      expect(won.filter((address) => address !== undefined)).toEqual([join(home, "hub", numbered(round))]);
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    }
  });
});

describe("the folder", () => {
  it("is the user's alone", async () => {
    const home = await newHome();
    await claimSocket(aServer(), home);
    expect((await lstat(join(home, "hub"))).mode & 0o777).toBe(0o700);
  });

  it("of a home with a long path lies in /tmp, by user and home, and is as private", async () => {
    const home = join(await newHome(), "x".repeat(90));
    const address = (await claimSocket(aServer(), home)) ?? "";
    const folder = join(address, "..");
    later(() => rm(folder, { recursive: true }));
    expect(folder).toMatch(new RegExp(`^/tmp/claude-spread-${process.geteuid?.()}-[0-9a-f]{16}$`));
    expect((await lstat(folder)).mode & 0o777).toBe(0o700);
    expect(await findSocket(home)).toBe(address);
  });

  const others: [string, (folder: string, elsewhere: string) => Promise<unknown>][] = [
    ["that others may enter", (folder) => mkdir(folder).then(() => chmod(folder, 0o711))],
    ["that others may write to", (folder) => mkdir(folder).then(() => chmod(folder, 0o770))],
    ["that is a link", (folder, elsewhere) => symlink(elsewhere, folder)],
  ];
  it.each(others)("%s is refused by the hub and by its clients", async (_what, make) => {
    const home = await newHome();
    await make(join(home, "hub"), await newHome());
    await expect(claimSocket(aServer(), home)).rejects.toMatchObject({ code: "hub-unreachable" });
    await expect(findSocket(home)).rejects.toMatchObject({ code: "hub-unreachable" });
  });

  it("of another user is refused by both, also in /tmp", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "needs root, to be two users");
    const home = join(await newHome(), "x".repeat(90));
    const folder = join((await claimSocket(aServer(), home)) ?? "", "..");
    later(() => rm(folder, { recursive: true }));
    await chown(folder, NOBODY, NOBODY);
    await expect(claimSocket(aServer(), home)).rejects.toMatchObject({ code: "hub-unreachable" });
    await expect(findSocket(home)).rejects.toMatchObject({ code: "hub-unreachable" });
  });

  it("is not made by who only looks for a hub", async () => {
    const home = await newHome();
    expect(await findSocket(home)).toBeUndefined();
    expect(await findSocket(join(home, "none"))).toBeUndefined();
    expect(await readdir(home)).toEqual([]);
  });
});
