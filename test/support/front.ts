/** A proxy before a relay that trusts it: whoever comes by it comes from the address that it says. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { later } from "./later.ts";

export interface Front {
  readonly url: URL;
  /** Bytes that the relay has said to those who came. */
  readonly heardBytes: number;
}

export async function frontOf(relayPort: number, address: string): Promise<Front> {
  const sockets = new Set<Socket>();
  let heardBytes = 0;
  const server = createServer((near) => {
    const far = connect(relayPort, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {}).on("close", () => other.destroy());
    }
    far.on("data", (bytes) => {
      heardBytes += bytes.length;
    });
    far.pipe(near);
    near.once("data", (request: Buffer) => {
      far.write(request.toString("latin1").replace("\r\n", `\r\nX-Forwarded-For: ${address}\r\n`), "latin1");
      near.pipe(far);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  later(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`),
    get heardBytes() {
      return heardBytes;
    },
  };
}
