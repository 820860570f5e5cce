/**
 * Log lines, to stderr and nowhere else: stdout belongs to MCP. A line is made of words of ours and stable codes, and
 * never holds a secret, a code, content, a path, or anything that a peer said.
 */

export const LOG_LEVELS = ["silent", "error", "info"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Logger {
  error(line: string): void;
  info(line: string): void;
}

export const silent: Logger = { error: () => {}, info: () => {} };

/** @param level what is worth a line: nothing, failures of ours, or each step as well. */
export function stderrLogger(level: LogLevel): Logger {
  const write = (kind: string) => (line: string) => {
    process.stderr.write(`claude-spread ${new Date().toISOString()} ${kind} ${line}\n`);
  };
  return {
    error: level === "silent" ? () => {} : write("error"),
    info: level === "info" ? write("info") : () => {},
  };
}
