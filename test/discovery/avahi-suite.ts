/** Together with avahi, the mDNS of most Linux machines: beside it on one machine, and with one on another machine. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { later } from "../support/later.ts";
import { cable, Namespace, noNamespaces, spawnForTest } from "../support/namespaces.ts";
import { eventually, until } from "../support/wait.ts";
import { Peer } from "./peer.ts";

const TOOLS = ["avahi-daemon", "avahi-browse", "avahi-publish", "dbus-daemon"];
const missing = TOOLS.filter((tool) => spawnSync(tool, ["--version"]).error);
const noAvahi =
  missing.length > 0 ? `needs ${missing.join(", ")} (packages avahi-daemon, avahi-utils, dbus)` : undefined;
const notHere = noNamespaces ?? noAvahi;

/** After this, in ms, a browse is made anew. */
const BROWSE_MS = 5_000;

/** A bus that lets everybody do everything: it is there for one test, in a folder of this user alone. */
const busConfig = (address: string) => `<busconfig>
  <type>system</type><listen>${address}</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>`;

/** A machine's avahi, on a bus of its own, so that it meets no other avahi of this computer. */
class Avahi {
  readonly #machine: Namespace;
  readonly #env: NodeJS.ProcessEnv;

  static async start(machine: Namespace): Promise<Avahi> {
    const folder = await mkdtemp(join(tmpdir(), "spread-avahi-"));
    later(() => rm(folder, { recursive: true, force: true }));
    const [config, address] = [join(folder, "bus.conf"), `unix:path=${join(folder, "bus")}`];
    await writeFile(config, busConfig(address));
    const bus = spawnForTest("dbus-daemon", ["--nofork", "--print-address", `--config-file=${config}`]);
    if (bus.stdout) await once(bus.stdout, "data");

    const avahi = new Avahi(machine, address);
    // Its process id file has one place; `ip netns exec` gives it a view of the file system in which /run can be its own.
    const own = "mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && exec avahi-daemon --no-drop-root --no-chroot";
    const daemon = avahi.#spawn("sh", ["-c", own]);
    let said = "";
    daemon.stderr?.on("data", (line) => {
      said += line;
    });
    await until("avahi is there", () => said.includes("Server startup complete"));
    return avahi;
  }

  private constructor(machine: Namespace, bus: string) {
    this.#machine = machine;
    this.#env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: bus };
  }

  /**
   * What it sees of our service by IPv4, which is all that we speak. May miss one: now and then avahi-browse waits forever for
   * a service that is gone, and is ended.
   * @returns `instance address port`.
   */
  async browse(): Promise<string[]> {
    const browse = this.#spawn("avahi-browse", ["-rpt", "_claude-spread._tcp"]);
    const { stdout } = browse;
    const ending = setTimeout(() => browse.kill(), BROWSE_MS);
    browse.once("close", () => clearTimeout(ending));
    const lines = stdout ? (await text(stdout)).split("\n").map((line) => line.split(";")) : [];
    const resolved = lines.filter(([kind, , family]) => kind === "=" && family === "IPv4");
    return resolved.map((line) => `${line[3]} ${line[7]} ${line[8]}`).sort();
  }

  async publish(instance: string, port: number): Promise<void> {
    const { stderr } = this.#spawn("avahi-publish", ["-s", instance, "_claude-spread._tcp", String(port)]);
    if (stderr) await once(stderr, "data"); // Established under name …
  }

  #spawn(command: string, args: readonly string[]) {
    return this.#machine.spawn(command, args, { env: this.#env });
  }
}

export function testOtherMachine(): void {
  it("finds what avahi on another machine publishes, and is found by it until it is gone", async ({ skip }) => {
    skip(notHere !== undefined, notHere);
    const [here, there] = [new Namespace(), new Namespace()];
    await cable(here, there, 73);
    const [peer, avahi] = await Promise.all([Peer.start(here), Avahi.start(there)]);

    await peer.advertise("claude-spread", "7f3k2a", 40_123);
    await eventually(() => avahi.browse()).toEqual(["claude-spread-7f3k2a 10.73.0.1 40123"]);
    await peer.goodbye();
    await eventually(() => avahi.browse()).toEqual([]);

    await avahi.publish("claude-spread-8g4m3b", 40_124);
    const found = await peer.look("claude-spread", { count: 1 });
    expect(found).toMatchObject([{ room: "8g4m3b", port: 40_124, addresses: ["10.73.0.2"] }]);
  });
}

export function testSameMachine(): void {
  it("finds what avahi on the same machine publishes, is found by it, and another machine finds both", async ({
    skip,
  }) => {
    skip(notHere !== undefined, notHere);
    const [here, there] = [new Namespace(), new Namespace()];
    await cable(here, there, 73);
    const [peer, third, avahi] = await Promise.all([Peer.start(here), Peer.start(there), Avahi.start(here)]);

    await peer.advertise("claude-spread", "7f3k2a", 40_123);
    await avahi.publish("claude-spread-8g4m3b", 40_124);
    const both = ["claude-spread-7f3k2a 10.73.0.1 40123", "claude-spread-8g4m3b 10.73.0.1 40124"];
    await eventually(() => avahi.browse()).toEqual(both);
    for (const looking of [peer, third]) {
      const found = await looking.look("claude-spread", { count: 2 });
      expect(found.map((it) => `claude-spread-${it.room} ${it.addresses[0]} ${it.port}`).sort()).toEqual(both);
    }
  });
}
