/** The numbers that more than one room must agree on. A number with one user stands on top of its file. */

/** The largest document that is shared or received, in bytes. A peer that offers more is refused before any content. */
export const MAX_SHARE_BYTES = 1024 ** 3;

/** Of how many files a hand-off can be, its document among them: few enough for one message to list them all. */
export const MAX_PARTS = 32;

/** How many files may be attached: beside them there are the document, its structured form, and a patch. */
export const MAX_ATTACHMENTS = MAX_PARTS - 3;

/** Plaintext bytes of a sealed content frame: few enough to hold many, so many that 18 bytes of overhead are nothing. */
export const CHUNK_BYTES = 64 * 1024;

/** The largest frame that a link carries, in bytes: a full sealed chunk, with room for any message of the protocol. */
export const MAX_FRAME_BYTES = CHUNK_BYTES + 1024;

/** An error code of any version, in characters: the longest of ours has 17. */
export const MAX_CODE_CHARS = 64;

/** A title, in UTF-16 units, once cleaned. Longer ones are cut. */
export const MAX_TITLE_CHARS = 200;

/** How long a transfer may stand still, in ms, before it is given up: a laptop's Wi-Fi changing cells takes less. */
export const STALL_MS = 60_000;

/**
 * How long a receiver waits for a chunk, in ms. It is the less patient end: it can come back over another
 * link, and loses no more by that than the chunk that was under way.
 */
export const QUIET_MS = 20_000;

/**
 * How long a connection may be silent, in ms, before the system asks the other end's whether it is still there: once a second,
 * and ten times in vain end it. So who vanished without a word is missed after 15 s, however long one would wait for him.
 */
export const KEEP_ALIVE_MS = 5_000;

/**
 * How long a sender waits for each message of a handshake, and a receiver for a relay's answer, in ms: machines answer at
 * once, so this is the network's share. A receiver waits for its sender as long as its user lets it: it may have to queue.
 */
export const HANDSHAKE_MS = 15_000;

/** The same of a sender while other visitors wait for their turn, in ms: a network that needs longer comes again. */
export const CONTENDED_HANDSHAKE_MS = 5_000;

/** How long a clean close may take, in ms, before the link is cut. */
export const CLOSE_MS = 2_000;

/** The most receivers of one share, and how long it may live, in ms. */
export const MAX_RECEIVERS = 100;
export const MAX_LIFETIME_MS = 24 * 60 * 60_000;
