/** The tunnel door with programs that are not ours: the real y-websocket server behind it, its real provider before it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { type AddressInfo, connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { until } from "../support/wait.ts";
import { harness } from "./support.ts";

const AGENT = fileURLToPath(new URL("../../relay/dist/agent.js", import.meta.url));
const Y_SERVER = join(
  dirname(createRequire(import.meta.url).resolve("@y/websocket-server/package.json")),
  "src/server.js",
);

const { relay, undo } = harness();

function run(file: string, args: string[], env: Record<string, string> = {}): void {
  const child = spawn(process.execPath, [file, ...args], { env: { PATH: process.env.PATH, ...env }, stdio: "ignore" });
  undo.push(() => child.kill("SIGKILL"));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** One editor of a document, as a program would be that knows the relay only. */
function editor(url: string, name: string) {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`${url}/client`, name, doc, {
    params: { room: "notes" },
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    // Else two editors of one process talk to each other without any server.
    disableBc: true,
  });
  undo.push(() => provider.destroy());
  return { provider, text: doc.getText("text") };
}

test("two documents converge, and others of the same server stay apart", async () => {
  const { url } = await relay({ doors: ["tunnel"] });
  const port = await freePort();
  run(Y_SERVER, [], { HOST: "127.0.0.1", PORT: String(port) });
  await until("the server listens", () => answers(port));
  run(AGENT, ["--relay", url, "--room", "notes", "--port", String(port)]);

  const [one, two, elsewhere] = [editor(url, "doc"), editor(url, "doc"), editor(url, "another")];
  await until("all are in step", () => [one, two, elsewhere].every(({ provider }) => provider.synced));
  for (let i = 0; i < 200; i++) {
    one.text.insert(0, `a${i} `);
    two.text.insert(two.text.length, `b${i} `);
  }
  const isWhole = (text: string) => text.includes("a199 ") && text.includes("b199 ");
  await until("both have all", () => isWhole(one.text.toString()) && isWhole(two.text.toString()));
  await until("both have the same", () => one.text.toString() === two.text.toString());
  expect(one.text.toString().match(/[ab]\d+ /g)).toHaveLength(400);
  expect(elsewhere.text.length).toBe(0);
});
