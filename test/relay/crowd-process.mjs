/**
 * Sockets in a process of its own, which has descriptors of its own. A message says how many come, from how many addresses
 * (of 127.0.1.0/24, which only Linux has; else all from 127.0.0.1), and what each says; they then stay, say nothing more, and
 * leave when they are told to. The answer is how many there are.
 */
import { once } from "node:events";
import { connect } from "node:net";

/** Sockets that are being opened at once. */
const AT_ONCE = 250;
const port = Number(process.argv[2]);
const sockets = new Set();

process.on("message", async ({ count = 0, addresses, says, leave, hold = true }) => {
  for (let n = 0; n < count; n += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - n) }, (_, i) => open(n + i, addresses, says, hold)),
    );
  }
  if (leave) for (const socket of sockets) socket.resetAndDestroy();
  process.send(sockets.size);
});
process.on("disconnect", () => process.exit());

/** `#` in what it says is its number. */
async function open(n, addresses, says, hold) {
  const localAddress = addresses ? `127.0.1.${1 + (n % addresses)}` : undefined;
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  sockets.add(socket);
  socket.on("error", () => {}).once("close", () => sockets.delete(socket));
  await once(socket, "connect").catch(() => {});
  socket.resume();
  if (says) socket.write(says.replaceAll("#", n));
  if (hold) return;
  await Promise.race([once(socket, "data"), once(socket, "close")]).catch(() => {});
  socket.resetAndDestroy();
}
