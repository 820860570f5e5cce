/**
 * Whether a connection to a relay that carries nothing at the moment still works. A dead one can look open for hours: the
 * machine has changed its network or has slept, or a box on the way has forgotten the connection.
 */
import { networkInterfaces } from "node:os";
import type { Connection } from "./relay-connection.ts";

/** How often the machine's addresses and its clock are compared with the last time, in ms. */
const CHECK_MS = 5_000;
/** Every third check probes an idle connection: something on the way may keep it open although the relay's half is gone. */
const CHECKS_PER_PROBE = 3;
/** How long a relay may take to answer a probe, in ms; less after the machine has slept, when doubt is justified. */
const ANSWER_MS = 10_000;
const ANSWER_AFTER_SLEEP_MS = 2_000;

/**
 * Terminates the connection once it is found dead.
 * @param isIdle whether nothing is being transferred. A transfer has time limits of its own, and delays a relay's pong.
 * @returns the timer, to be cleared when the connection has ended.
 */
export function checkRegularly(connection: Connection, isIdle: () => boolean): NodeJS.Timeout {
  // Not every address of a machine is listed: an unplugged bridge is not, although it can be used.
  const wasListed = isOurs(connection.localAddress);
  let checks = 0;
  let checkedAt = Date.now();
  return setInterval(() => {
    const idle = isIdle();
    const slept = Date.now() - checkedAt > 2 * CHECK_MS;
    checkedAt = Date.now();
    checks += 1;
    if (wasListed && !isOurs(connection.localAddress)) connection.terminate();
    else if (idle && slept) connection.demandLife(ANSWER_AFTER_SLEEP_MS);
    else if (idle && checks % CHECKS_PER_PROBE === 0) connection.demandLife(ANSWER_MS);
  }, CHECK_MS);
}

/** Whether an address belongs to this machine; true if that cannot be told. */
function isOurs(address: string | undefined): boolean {
  if (address === undefined) return true;
  try {
    const all = Object.values(networkInterfaces()).flatMap((list) => list?.map((it) => it.address) ?? []);
    // Without what a socket adds: the prefix of IPv4 in IPv6, and the zone of a link-local address.
    return all.length === 0 || all.includes(address.replace(/^::ffff:|%.*$/g, ""));
  } catch {
    return true;
  }
}
