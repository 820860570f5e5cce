/**
 * One hop of the floor that the tunnel is compared with, as a process of its own: the least that can be done for bytes that
 * come in on one TCP connection and go out on another. Never something to deploy.
 *
 *     node hop.js <port>        listens on any port of 127.0.0.1, and connects everybody who comes to that one
 */
import { connect, createServer } from "node:net";

const port = Number(process.argv[2]);
const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ port, host: "127.0.0.1", noDelay: true });
  near.pipe(far).pipe(near);
  for (const socket of [near, far]) socket.on("error", () => {});
  near.on("close", () => far.destroy());
  far.on("close", () => near.destroy());
});
server.listen(0, "127.0.0.1");
