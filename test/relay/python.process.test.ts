/** The relay and somebody else's client: Python's `websockets`, in rooms and in pairs, against ours. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { beforeEach, expect, it } from "vitest";
import { harness } from "./support.ts";

const { relay, client, sender, undo } = harness();

/** Debian's own, which sees Debian's packages. */
const PYTHON = "/usr/bin/python3";

const missing =
  spawnSync(PYTHON, ["-c", "import websockets"]).status === 0 ? undefined : "needs python3-websockets (Debian)";
beforeEach(({ skip }) => skip(missing !== undefined, missing));

/** Runs the body of `async def main(url)` with `say`, which prints a line. @returns what was printed, once it has ended. */
async function python(url: string, body: string): Promise<string[]> {
  const program = [
    "import asyncio, json, sys, websockets",
    "def say(what): print(what, flush=True)",
    "async def main(url):",
    ...body
      .trim()
      .split("\n")
      .map((line) => `    ${line}`),
    "asyncio.run(main(sys.argv[1]))",
  ].join("\n");
  const child = spawn(PYTHON, ["-c", program, url], { stdio: ["ignore", "pipe", "pipe"] });
  undo.push(() => child.kill("SIGKILL"));
  let [out, err] = ["", ""];
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    err += text;
  });
  const [code] = await once(child, "close");
  expect([code, err]).toEqual([0, ""]);
  return out.trim().split("\n");
}

it("a Python sender serves a Python receiver through a room, with frames of both kinds and a megabyte", async () => {
  const { url } = await relay();
  const said = await python(
    url,
    `
async with websockets.connect(url) as a, websockets.connect(url) as b:
    await a.send(json.dumps({"type": "CREATE_ROOM"}))
    room = json.loads(await a.recv())["room_id"]
    await b.send(json.dumps({"type": "JOIN_ROOM", "room_id": room}))
    say(json.loads(await b.recv())["type"])
    say(json.loads(await a.recv())["type"])
    await b.send("hello")
    say(await a.recv())
    await a.send(bytes(1000000))
    say(len(await b.recv()))
    await b.close()
    say(json.loads(await a.recv())["type"])
`,
  );
  expect(said).toEqual(["ROOM_JOINED", "PEER_JOINED", "hello", "1000000", "PEER_DISCONNECTED"]);
});

it("a Python receiver takes what a client of ours sends, and sees its clean end", async () => {
  const { url } = await relay();
  const { self, room } = await sender(url);
  const served = (async () => {
    await self.json(); // PEER_JOINED
    self.send(`to ${await self.text()}`);
    await self.close();
  })();
  const said = await python(
    url,
    `
async with websockets.connect(url) as b:
    await b.send(json.dumps({"type": "JOIN_ROOM", "room_id": "${room}"}))
    await b.recv()
    await b.send("Python")
    say(await b.recv())
    await b.wait_closed()
    say(b.close_code)
`,
  );
  await served;
  expect(said).toEqual(["to Python", "1000"]);
});

it("a Python side and one of ours are a pair", async () => {
  const { url } = await relay();
  const ours = await client(`${url}/?pair=both`);
  ours.send(Buffer.from("from ours"));
  const said = python(
    `${url}/?pair=both`,
    `
async with websockets.connect(url) as b:
    say((await b.recv()).decode())
    await b.send(b"from Python")
`,
  );
  expect((await ours.next()).data.toString()).toBe("from Python");
  expect(await said).toEqual(["from ours"]);
  expect((await ours.ended).code).toBe(1000);
});
