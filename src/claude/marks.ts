/**
 * The tags with which the client speaks to its model: what is inside them is the client's word, or its user's. No received
 * text may hold one, so each that does is named anew on its way in: `<command-name>` becomes `<received-command-name>`. The
 * words inside stay, and a conversation reads as before.
 */
import { TagFinder, type TagName } from "../untrusted/tags.ts";

/**
 * All that 2.1.197 and 2.1.332 put around words of their own, and of commands, hooks, other sessions and agents: most are in
 * the list by which 2.1.332 itself takes them out of what it fetches. Tags that any page may have, such as `<summary>`, are
 * none of these: they mean something to a model only inside one that is.
 */
const CLIENT_TAGS: readonly (string | TagName)[] = [
  // The client's own voice
  { name: "system-reminder", anyhow: true },
  "autonomous-loop",
  "autonomous-loop-dynamic",
  "fork-boilerplate",
  "new-diagnostics",
  "sandbox_violations",
  "tick",
  "total_tokens",
  "user-memory-input",
  // What the user did in it
  "bash-exit-code",
  "bash-input",
  "bash-stderr",
  "bash-stdout",
  "browser_instruction",
  "command-args",
  "command-contents",
  "command-message",
  "command-name",
  "ide_opened_file",
  "ide_selection",
  "local-command-caveat",
  "local-command-stderr",
  "local-command-stdout",
  "skill-format",
  // Hooks and tools
  "function_results",
  "interrupted-output",
  "mcp-polling-update",
  "mcp-resource-update",
  "mcp-server-note",
  "persisted-output",
  "post-tool-use-hook",
  "tool_use_error",
  "truncated-output",
  "user-prompt-submit-hook",
  // Other sessions, agents, and what comes from outside
  "agent-message",
  "artifact-file-content",
  "artifact-origin-notes",
  "artifact-stored-declaration",
  "artifact-type-instructions",
  { name: "channel", attribute: "source" },
  "coordinator-relay",
  "coordinator-task",
  "cowritten-artifact-html",
  "cross-session-message",
  "fetched-web-content",
  "non-user-message",
  "previous-conversation",
  "remote-review",
  "remote-review-progress",
  "slack-ping",
  "slack-tag-message",
  "subagent_hand_back",
  "task-notification",
  "teammate-message",
  "untrusted-widget-state",
];

const finder = new TagFinder(CLIENT_TAGS.map((tag) => (typeof tag === "string" ? { name: tag } : tag)));

/** The text with other names in place of the client's; what it says otherwise stays as it is. */
export function disarm(text: string): string {
  const out: string[] = [];
  let done = 0;
  for (const { start, end, name } of finder.find(text)) {
    out.push(text.slice(done, start), receivedName(name));
    done = end;
  }
  return out.length === 0 ? text : out.join("") + text.slice(done);
}

function receivedName(name: string): string {
  if (name === "channel") return "received-channel source";
  return `received-${name.replace(/^system-/, "")}`;
}
