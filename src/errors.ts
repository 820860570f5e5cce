/**
 * Every way in which Claude Spread can fail, as one closed table: a stable code for programs and tests, and a hint that
 * says what to do. The message of an error says what happened. Neither may contain a secret, a share's code or a peer's text;
 * a `cause` may, and is therefore never printed.
 */

const ASK = "Do not try again on your own: ask the user.";

const HINTS = {
  // What the user typed
  "invalid-input": "Correct the arguments and call again.",
  "bad-config": "Correct the environment variables that are named, then restart Claude Code.",
  "bad-code": `A code looks like 7f3k2a-crisp-orbit-lunar: six characters, then three words. ${ASK}`,
  "unknown-word": `A word of the code is misspelt. Nothing was sent, no attempt was spent. ${ASK}`,
  "weak-passphrase": "Ask the user for a longer one, or whether to leave it out: then a strong code is made.",
  "bad-room": `A room is the six letters and digits in front of the sender's code, such as 7f3k2a. ${ASK}`,
  "bad-relay-url": "A relay address looks like wss://relay.example or ws://192.168.1.5:9784.",
  "bad-host": "Write host:port, as the sender's result shows it, for example 192.168.1.5:40123.",
  "no-relay": `Pass relay_url as the user gives it, or set DISTILL_RELAY_URL. Anyone can run a relay: node relay/dist/index.js. ${ASK}`,
  "no-path": `Pass host (host:port) or relay_url, as the sender's line says behind --host or --relay. ${ASK}`,
  "no-such-share": "Call distill_status to see the shares.",
  "too-many-shares": "Stop a share with distill_stop, or wait until one has ended.",
  // What is to be shared
  empty: "Write the document first, then share it.",
  "not-text": "Only UTF-8 text without NUL can be shared. Convert the file, or describe it in the document.",
  "path-not-allowed": `Only files in the project, a temporary folder or DISTILL_HOME may be shared; DISTILL_ALLOW_PATHS widens that. ${ASK}`,
  "secret-file": "Files that hold keys or passwords are never shared. Describe what is needed instead.",
  "secrets-found": `Nothing was shared. Take them out, or share with secrets: redact, which puts placeholders in their place. ${ASK}`,
  "agent-config":
    "Files that configure agents or tools are neither sent nor kept. Put what matters of them into the document.",
  "no-repository": "Share without include_diff: there is no change that git could name.",
  "path-unreadable": "Check the path and its permissions; it must be an ordinary file.",
  "too-large": "Distill less: the limit is 1 GiB, and 5 MiB with legacy.",
  // Sessions and memory
  "no-such-session": "Call distill_sessions to see the sessions of this machine, and share by their ids.",
  "not-understood": `What came is in no form that this version knows, and nothing of it is installed. Update both ends. ${ASK}`,
  "needs-a-person":
    "Do not try to install it in another way: only the user may, by the form or in a terminal of their own.",
  "plan-changed": `Something has changed since it was looked at, and nothing was installed. Look at it again first. ${ASK}`,
  "memory-full": "MEMORY.md of this project would become too long. The user has to shorten it first.",
  // The other end
  "wrong-code": `The code or passphrase does not match. Each try counts: three wrong ones of one machine on a network, or ten in all, are the end. ${ASK}`,
  "wrong-sender": `Whoever answered did not prove that it knows the code: the wrong room or host, somebody posing as the sender, or a connection that breaks each time. It may have to be shared again. ${ASK}`,
  burned: `Ten wrong attempts ended this share. The sender has to share again, with a new code. ${ASK}`,
  "too-many-attempts": `After three wrong attempts this machine gets no more at this share: the sender has to share again. ${ASK}`,
  expired: "The share's time is over. The sender has to share again.",
  "share-ended": "The share was delivered already, or stopped. The sender has to share again.",
  busy: "Somebody else is receiving right now. Try again in a minute, while the share lives.",
  "version-mismatch": `If one end is the original Python tool, the other one needs legacy: true (--legacy), which is weaker; if neither is, leave it out, and update the older end. ${ASK}`,
  "bad-message":
    "Compare the address with the sender's: another program may listen there. If it is right, update both ends.",
  tampered: "The data was altered on the way, and nothing of it was kept. Try again, by another path if it persists.",
  "peer-aborted": "The other end gave up; its own message says why. Nothing half-received was kept.",
  "link-lost":
    "Nothing half-received was kept. Try again while the share lives; if its sender has gone, it has to share again.",
  stalled:
    "The transfer stood still for too long, and nothing half-received was kept. Try again while the share lives.",
  // The way there
  "sender-not-found": `The share has ended, or the network keeps machines apart (guest Wi-Fi, VPN, a firewall on UDP 5353). If it still lives, take the sender's line with --host, or share by relay. ${ASK}`,
  "several-senders": `Pass room: the sender was shown it. ${ASK}`,
  "room-not-found": `No such room on this relay: the share has ended or expired, its sender is off the network for now, the room is mistyped, or it is on another relay. ${ASK}`,
  "relay-unreachable":
    "Check the relay's address and the network. On the same network, the sender's line with --host works without a relay.",
  "relay-untrusted":
    "Nothing was sent. For a company's own authority, NODE_EXTRA_CA_CERTS must name its PEM file before Claude Code starts; otherwise whoever runs the relay has to renew or correct its certificate.",
  "proxy-failed":
    "Check HTTPS_PROXY (for wss://), HTTP_PROXY (for ws://) and the relay's address; NO_PROXY names hosts to reach without the proxy. Then restart Claude Code.",
  "relay-full": "The relay takes no more rooms at the moment. Try later, or use another relay.",
  "rate-limited": "The relay asks for patience. Wait a minute, then try again.",
  "relay-private": `The user has to set DISTILL_RELAY_TOKEN, beside DISTILL_RELAY_URL, before Claude Code starts. Never ask for a token in the conversation, and pass none as an argument. ${ASK}`,
  "relay-refused": "The relay does not serve this request. Ask whoever runs it, or use another relay.",
  "host-refused": `Nothing listens there: the share has ended, or host or port are mistyped. ${ASK}`,
  "host-timeout":
    "Nothing answered: on the sender's machine, a firewall must let in TCP on that port. Or share by relay.",
  "host-unreachable": "There is no way to that machine from here. Check the network, or share by relay.",
  "port-unavailable": "No port could be opened for the share. Share with mode relay.",
  "timed-out": "Ask the user whether the share still lives; if so, call again with a larger timeout_seconds.",
  cancelled: "It was cancelled, and nothing was kept.",
  // This machine
  "disk-full":
    "Free some disk space, or point DISTILL_HOME to a disk that has it; then try again while the share lives.",
  "hub-unreachable":
    "Try again once; if Claude Spread was just updated, restart Claude Code. If it persists: hub.log in DISTILL_HOME may say why; DISTILL_HUB=off does without the hub, but then shares end with Claude Code.",
  "hub-busy":
    "The hub, which keeps the shares, has its hands full, or is of another version and still holds shares. Wait for them to end, or stop them with distill_stop.",
  "home-unwritable": "DISTILL_HOME (by default ~/.claude-spread) must be a folder that you can write to.",
  internal: "This is a defect of Claude Spread; please report it with the steps that led here.",
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof HINTS;

/** Every code. Another version may have others: what comes from its hub can hold a code that is not listed here. */
export const ERROR_CODES = Object.keys(HINTS) as ErrorCode[];

export class SpreadError extends Error {
  override readonly name = "SpreadError";
  readonly code: ErrorCode;

  /** @param message one sentence of what happened, without secrets and without a peer's text. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** What to do about it. */
  get hint(): string {
    return HINTS[this.code];
  }
}

/** An error as it is shown: `code: what happened.` and what to do, one line each. */
export function errorText({ code, message, hint }: SpreadError): string {
  return `Error ${code}: ${message}.\nWhat to do: ${hint}`;
}

/** The system's short name of a failure ("ENOENT", "ECONNREFUSED"), or undefined. Node's errors carry it in `code`. */
export function systemCode(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}

/** Anything thrown, as a `SpreadError`: known ones as they are, all others as `internal` with the original as cause. */
export function toSpreadError(thrown: unknown): SpreadError {
  if (thrown instanceof SpreadError) return thrown;
  return new SpreadError("internal", "something unexpected went wrong", { cause: thrown });
}
