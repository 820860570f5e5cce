/** Three machines of a test: namespaces, joined by cables whose interfaces can be slow, lossy or silent. For root alone. */
import { spawnSync } from "node:child_process";
import type { RelayOptions } from "../../relay/src/relay.ts";
import { relayProcess } from "../mcp/wires.ts";
import { cable, Namespace } from "../support/namespaces.ts";
import { startServer } from "../support/server.ts";

/** Runs a command on a machine. */
function run(machine: Namespace, ...command: readonly string[]): void {
  const [first = "", ...rest] = [...machine.inside, ...command];
  const { status, stderr } = spawnSync(first, rest, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}

export const throttle = (machine: Namespace, device: string, rate: string) =>
  run(machine, "tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", rate, "burst", "32kb", "latency", "400ms");

export const throttleNoMore = (machine: Namespace, device: string) =>
  run(machine, "tc", "qdisc", "del", "dev", device, "root");

/** Drops what comes in by an interface: all of it, or some percent, by chance. */
export function drop(machine: Namespace, device: string, percent = 100): void {
  const some = percent < 100 ? `numgen random mod 100 < ${percent}` : "";
  const chain = "add chain netdev faults in { type filter hook ingress device";
  run(
    machine,
    "nft",
    `add table netdev faults; ${chain} ${device} priority 0; }; add rule netdev faults in ${some} drop`,
  );
}
export const dropNoMore = (machine: Namespace) => run(machine, "nft", "delete table netdev faults");

/** What a kernel keeps of one connection at most, each way, in bytes. Without it, tens of MB that were sent may be with nobody. */
const KERNEL_BUFFER_BYTES = 1_048_576;

function limitKernelBuffers(machine: Namespace): void {
  for (const buffer of ["tcp_rmem", "tcp_wmem"]) {
    run(machine, "sh", "-c", `echo 4096 65536 ${KERNEL_BUFFER_BYTES} > /proc/sys/net/ipv4/${buffer}`);
  }
}

export const noNft = spawnSync("nft", ["--version"]).error ? "needs nft (package nftables)" : undefined;

/**
 * The sender at 10.41.0.1, the receiver at 10.41.0.2, and further off a relay, which both of them reach by cables of their own:
 * 10.42.0.2 for the sender, 10.43.0.2 for the receiver.
 * @param settings of the relay, if they are others than people run it with.
 * @param node flags of the Node that the relay runs in.
 */
export async function threeMachines(settings?: RelayOptions, node: readonly string[] = []) {
  const [here, there, far] = [new Namespace(), new Namespace(), new Namespace()];
  for (const machine of [here, there, far]) {
    machine.ip("link", "set", "lo", "up");
    limitKernelBuffers(machine);
  }
  const lan = await cable(here, there, 41);
  const hereToRelay = await cable(here, far, 42);
  const thereToRelay = await cable(there, far, 43);
  const { port } = await relayProcess({ inside: far.inside, host: "0.0.0.0", node, ...(settings && { settings }) });
  const on = (machine: Namespace, relay: string) =>
    startServer({
      env: { DISTILL_MDNS: "on", DISTILL_RELAY_URL: `ws://${relay}:${port}` },
      inside: machine.inside,
    });
  const [sender, receiver] = await Promise.all([on(here, "10.42.0.2"), on(there, "10.43.0.2")]);
  /** One more server where the sender is. */
  const another = () => on(here, "10.42.0.2");
  return { here, there, far, lan, hereToRelay, thereToRelay, sender, receiver, another };
}
