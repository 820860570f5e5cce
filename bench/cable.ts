/** A network cable for processes on loopback. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** More than is said on a connection before content, a relay's words included. */
const BEFORE_CONTENT_BYTES = 2 * 1024;

/** A cable to a port of this machine, which can be pulled, and tells when content comes again. */
export class Cable implements AsyncDisposable {
  readonly #server = createServer((near) => this.#join(near));
  readonly #sockets = new Set<Socket>();
  readonly #target: number;
  #content = () => {};

  constructor(target: number) {
    this.#target = target;
  }

  async open(port = 0): Promise<number> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when a connection that is made from here on has carried content. */
  content(): Promise<void> {
    return new Promise((resolve) => {
      this.#content = resolve;
    });
  }

  async pull(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pull();
  }

  #join(near: Socket): void {
    const far = connect(this.#target, "127.0.0.1");
    let bytes = 0;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    far.on("data", (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > BEFORE_CONTENT_BYTES) this.#content();
    });
  }
}
