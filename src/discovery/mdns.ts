/**
 * Senders on the LAN, by mDNS: shares are advertised and looked for here. Whatever arrives is data of strangers, used only to
 * know where to dial. A failure of mDNS means "no LAN" and nothing worse: no function here throws, and no error may surface
 * later. Codes, keys and links are not known here.
 */
import { randomBytes } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { Bonjour, Service as BonjourService, Browser } from "bonjour-service";

/** The two DNS-SD services: shares of version 2, and those of version 1 (legacy), which the original tools find. */
export type ServiceType = "claude-spread" | "claude-distill";

export interface Advertisement {
  /** The name that others see: service and room. */
  readonly instance: string;
  /** Says goodbye, so that the share is no longer found. Idempotent, never throws, takes at most GOODBYE_MS. */
  close(): Promise<void>;
}

/** What a sender has announced. */
export interface Announcement {
  readonly room: string;
  readonly port: number;
  /** Where to dial: the address that the answer came from, then those that it lists. At most MAX_ADDRESSES. */
  readonly addresses: readonly string[];
}

/** How long opening an interface may take, in ms: it is one bind and one datagram, so a healthy machine needs less. */
const OPEN_MS = 500;
/** How long a goodbye may take, in ms: the whole server has 300 to end. */
const GOODBYE_MS = 100;
/** How often an advertisement checks whether the machine has changed its network, in ms. */
const REFRESH_MS = 5_000;
/** Interfaces used at once. Virtual machines and containers can add many, none of which is the LAN. */
const MAX_INTERFACES = 16;

/** Pauses between the questions of a look, in ms: short ones at first, since Wi-Fi loses a multicast now and then. */
const ASK_PAUSES_MS = [120, 250, 500];
const ASK_PAUSE_MS = 1_000;
/** Distinct announcements of one search: a bound on what strangers can make us keep and dial. */
const MAX_ANNOUNCEMENTS = 64;
/** Addresses of one announcement: a laptop has a few, IPv6 included. */
const MAX_ADDRESSES = 8;
/**
 * Entries read of each section of a packet. A sender's answer has a dozen; bonjour-service compares every pair of them, so one
 * datagram of 63 KB would block the process for six seconds.
 */
const MAX_RECORDS = 64;

/** Addresses that lead nowhere, back to this machine, or to a network link that only the sender knows. */
const UNDIALABLE = new BlockList();
UNDIALABLE.addSubnet("0.0.0.0", 8);
UNDIALABLE.addSubnet("127.0.0.0", 8);
UNDIALABLE.addSubnet("224.0.0.0", 3); // multicast, reserved, broadcast
UNDIALABLE.addSubnet("::", 127, "ipv6"); // unspecified and loopback
UNDIALABLE.addSubnet("fe80::", 10, "ipv6");
UNDIALABLE.addSubnet("ff00::", 8, "ipv6");

/**
 * Advertises until it is closed, on every network that the machine joins.
 * @returns undefined if mDNS is impossible (no interface, port 5353 held, no permission): the receiver needs host:port.
 */
export async function advertise(service: ServiceType, room: string, port: number): Promise<Advertisement | undefined> {
  const name = `${service}-${room}`;
  // Not the machine's name, which would tell whose it is; and unique, so that no probing is needed.
  const host = `${randomBytes(8).toString("hex")}.local`;
  const lan = new Lan((bonjour) => {
    bonjour.publish({ name, type: service, port, host, probe: false });
  });
  await lan.refresh();
  if (lan.ways.length === 0) return undefined;
  const refreshing = setInterval(() => void lan.refresh(), REFRESH_MS).unref();
  return {
    instance: name,
    close: () => {
      clearInterval(refreshing);
      return lan.close();
    },
  };
}

/**
 * Yields senders as they are seen, each (room, port, source address) once, until the signal aborts. Ends early if mDNS is
 * impossible, and after MAX_ANNOUNCEMENTS.
 * @param room the only room wanted, if it is known: announcements of other rooms then do not count.
 */
export async function* look(service: ServiceType, signal: AbortSignal, room?: string): AsyncGenerator<Announcement> {
  const lan = new Lan(() => {});
  const seen = new Set<string>();
  const untold: Announcement[] = [];
  let browsers: Browser[] = [];
  let asking: NodeJS.Timeout | undefined;
  let over = false;
  let wake = () => {};

  const hear = (found: BonjourService) => {
    const announcement = readAnnouncement(service, found);
    if (!announcement || (room !== undefined && announcement.room !== room)) return;
    const key = `${announcement.room} ${announcement.port} ${announcement.addresses[0]}`;
    if (over || seen.has(key)) return;
    seen.add(key);
    untold.push(announcement);
    if (seen.size === MAX_ANNOUNCEMENTS) stop();
    wake();
  };
  const ask = async (round: number) => {
    await lan.refresh();
    // A network may go away for a while later; one that is missing at the start will not come in time.
    if (round === 0 && lan.ways.length === 0) stop();
    if (over) return;
    for (const browser of browsers) browser.stop();
    // A new browser each time, so that whatever a flood has put into the old one is dropped.
    browsers = lan.ways.map((bonjour) => browse(bonjour, service, hear));
    asking = setTimeout(() => void ask(round + 1).catch(stop), ASK_PAUSES_MS[round] ?? ASK_PAUSE_MS);
  };
  const stop = () => {
    over = true;
    clearTimeout(asking);
    for (const browser of browsers) browser.stop();
    void lan.close();
    wake();
  };

  if (signal.aborted) return;
  signal.addEventListener("abort", stop);
  try {
    void ask(0).catch(stop);
    while (!signal.aborted) {
      const next = untold.shift();
      if (next) {
        yield next;
      } else if (over) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
    await lan.close();
  }
}

interface Packet extends Record<"answers" | "additionals", unknown[]> {
  readonly questions: { readonly type: string; readonly name: string }[];
}

/** The socket inside bonjour-service (multicast-dns), which its types hide. */
interface Mdns {
  /** Without a listener, an error ends the process. */
  on(event: "error", listener: () => void): void;
  /** What came, before anybody else has read it. */
  on(event: "packet", listener: (packet: Packet) => void): void;
  query(questions: [], sent: (error?: Error | null) => void): void;
}

/** mDNS on the machine's interfaces: one instance for each, kept up to date as they come and go. */
class Lan {
  readonly #use: (bonjour: Bonjour) => void;
  readonly #ways = new Map<string, Bonjour>();
  #refreshing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;

  /** @param use called with each working interface as it appears. */
  constructor(use: (bonjour: Bonjour) => void) {
    this.#use = use;
  }

  get ways(): Bonjour[] {
    return [...this.#ways.values()];
  }

  /** Opens interfaces that are new or did not work before, and drops those that have gone. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Goodbye on all interfaces. */
  close(): Promise<void> {
    this.#closed = true;
    this.#closing ??= Promise.all(this.ways.map(leave)).then(() => this.#ways.clear());
    return this.#closing;
  }

  async #refresh(): Promise<void> {
    const addresses = lanAddresses();
    for (const [address, bonjour] of this.#ways) {
      if (!addresses.includes(address)) this.#drop(address, bonjour);
    }
    await Promise.all(addresses.filter((address) => !this.#ways.has(address)).map((address) => this.#open(address)));
  }

  async #open(address: string): Promise<void> {
    let bonjour: Bonjour | undefined;
    try {
      const { default: Bonjour } = await import("bonjour-service");
      if (this.#closed) return;
      // `interface` chooses where it sends; without `bind` it would receive no multicast. Without the callback, an answer that
      // cannot be sent would throw.
      const options = { interface: address, bind: "0.0.0.0" } as ConstructorParameters<typeof Bonjour>[0];
      const opened = new Bonjour(options, () => {});
      bonjour = opened;
      const { mdns } = (opened as unknown as { server: { mdns: Mdns } }).server;
      let failed = false;
      mdns.on("error", () => {
        failed = true;
        this.#drop(address, opened);
      });
      mdns.on("packet", ({ questions, answers, additionals }) => {
        for (const section of [questions, answers, additionals]) section.splice(MAX_RECORDS);
        dropRepeated(questions);
      });
      const works = await canSend(mdns);
      if (works && !failed && !this.#closed) {
        this.#use(opened);
        this.#ways.set(address, opened);
        return;
      }
    } catch {
      // No LAN by this interface.
    }
    bonjour?.destroy();
  }

  #drop(address: string, bonjour: Bonjour): void {
    if (this.#ways.get(address) === bonjour) this.#ways.delete(address);
    bonjour.destroy();
  }
}

/** bonjour-service multicasts one answer for each question: 64 repeated in one packet would make 37 times its bytes. */
function dropRepeated(questions: Packet["questions"]): void {
  const asked = new Map(questions.map((question) => [`${question.type} ${question.name.toLowerCase()}`, question]));
  questions.splice(0, questions.length, ...asked.values());
}

/** Whether the port could be bound and a datagram can be sent: an empty question, which nobody answers. */
function canSend(mdns: Mdns): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), OPEN_MS);
    mdns.query([], (error) => {
      clearTimeout(timer);
      resolve(!error);
    });
  });
}

/** Only `unpublishAll` sends a goodbye; `destroy` does not. */
function leave(bonjour: Bonjour): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      bonjour.destroy();
      resolve();
    };
    const timer = setTimeout(end, GOODBYE_MS);
    try {
      bonjour.unpublishAll(end);
    } catch {
      end();
    }
  });
}

/** One IPv4 address of each interface; loopback only if there is nothing else. */
function lanAddresses(): string[] {
  try {
    const firsts = Object.values(networkInterfaces()).flatMap((list) => list?.find((it) => it.family === "IPv4") ?? []);
    const outer = firsts.filter((it) => !it.internal);
    return (outer.length > 0 ? outer : firsts).slice(0, MAX_INTERFACES).map((it) => it.address);
  } catch {
    return [];
  }
}

/** Asks once, and reports every answer from then on. */
function browse(bonjour: Bonjour, service: ServiceType, hear: (found: BonjourService) => void): Browser {
  const browser = bonjour.find({ type: service }, (found) => {
    // Forgotten at once: the list would grow with every name that a stranger invents, and hide a second sender that
    // uses the name of the first.
    browser.services.length = 0;
    hear(found);
  });
  return browser;
}

/** @returns undefined for anything that is not a sender of ours. */
function readAnnouncement(
  service: ServiceType,
  { fqdn, port, referer, addresses }: BonjourService,
): Announcement | undefined {
  const suffix = `._${service}._tcp.local`;
  if (!fqdn.startsWith(`${service}-`) || !fqdn.endsWith(suffix)) return undefined;
  const room = fqdn.slice(service.length + 1, -suffix.length);
  if (!/^[a-z0-9]{6}$/.test(room) || !referer || !isIP(referer.address) || !(port >= 1 && port <= 65_535)) {
    return undefined;
  }
  const listed = (addresses ?? []).filter(isDialable);
  return { room, port, addresses: [...new Set([referer.address, ...listed])].slice(0, MAX_ADDRESSES) };
}

function isDialable(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !UNDIALABLE.check(address, family === 6 ? "ipv6" : "ipv4");
}
