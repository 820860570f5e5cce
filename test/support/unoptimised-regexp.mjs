/**
 * Preloaded: V8 stops optimising regular expressions in a process that has many of them, and then a greedy loop over millions
 * of characters overflows its stack. A test cannot wait for that: it is so from the start.
 */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--no-regexp-optimization");
