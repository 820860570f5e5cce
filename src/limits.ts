/** Numbers that several rooms must agree on. A number with one user is at the top of that user's file. */

/** The largest document, in bytes. A peer that offers more is refused before any content. */
export const MAX_SHARE_BYTES = 1024 ** 3;

/** Files of one hand-off, its document included: few enough for one message to list them all. */
export const MAX_PARTS = 32;

/** Files that may be attached: the document, its structured form and a patch come on top. */
export const MAX_ATTACHMENTS = MAX_PARTS - 3;

/** Plaintext bytes of a sealed content frame: few enough to hold many frames, and so many that 18 bytes more do not matter. */
export const CHUNK_BYTES = 64 * 1024;

/** The largest frame of a link, in bytes: a full sealed chunk, and room for any message of the protocol. */
export const MAX_FRAME_BYTES = CHUNK_BYTES + 1024;

/** An error code of any version, in characters: the longest of ours has 17. */
export const MAX_CODE_CHARS = 64;

/** The longest title, in UTF-16 units, after cleaning. Longer ones are cut. */
export const MAX_TITLE_CHARS = 200;

/** How long a transfer may stand still before it is given up, in ms: a laptop that roams between Wi-Fi cells takes less. */
export const STALL_MS = 60_000;

/**
 * How long a receiver waits for a chunk, in ms. It is the less patient end, since it can come back over another link and then
 * loses only the chunk that was under way.
 */
export const QUIET_MS = 20_000;

/**
 * How long a connection may be silent, in ms, before the operating system probes it: once a second, and ten unanswered probes
 * end it. A peer that vanished is therefore noticed after 15 s, however long it would be waited for.
 */
export const KEEP_ALIVE_MS = 5_000;

/**
 * How long a sender waits for each message of a handshake, and a receiver for a relay's answer, in ms: machines answer at
 * once, so this is for the network. A receiver waits for its sender as long as its user allows: it may have to queue.
 */
export const HANDSHAKE_MS = 15_000;

/** The same for a sender while other visitors wait for their turn, in ms: a visitor on a slower network comes again. */
export const CONTENDED_HANDSHAKE_MS = 5_000;

/** How long a clean close may take, in ms, before the link is cut. */
export const CLOSE_MS = 2_000;

/** The most receivers of one share. */
export const MAX_RECEIVERS = 100;
/** The longest life of a share, in ms. */
export const MAX_LIFETIME_MS = 24 * 60 * 60_000;
