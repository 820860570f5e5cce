/**
 * Transcripts of each form in which a conversation goes on elsewhere than behind its last line, and what of them the
 * client hands its model when it resumes: seen of 2.1.197 and 2.1.332, which the long tests ask again.
 */
import { assistant, attachment, boundary, call, result, user, uuid } from "./transcripts.ts";

interface Form {
  readonly lines: readonly object[];
  /** The texts, calls and results that the model is handed, in their order. */
  readonly handed: readonly string[];
}

/** Two turns that were summed up (0 to 3), two that may have been kept (4 and 5). */
const BEFORE = [
  user(0, "old prompt"),
  assistant(1, "old answer"),
  user(2, "older prompt"),
  assistant(3, "older answer"),
  user(4, "kept prompt"),
  assistant(5, "kept answer"),
];
const summary = (n: number, fields: object = {}) =>
  user(n, `summary ${n}`, { isCompactSummary: true, isVisibleInTranscriptOnly: true, ...fields });
const after = (n: number) => ({ parentUuid: uuid(n) });

const list = (anchor: number, ...kept: number[]) => ({
  preservedMessages: { anchorUuid: uuid(anchor), uuids: kept.map(uuid), allUuids: kept.map(uuid) },
});
const segment = (anchor: number, head: number, tail: number) => ({
  preservedSegment: { anchorUuid: uuid(anchor), headUuid: uuid(head), tailUuid: uuid(tail) },
});
const NEW = [user(8, "new prompt", after(5)), assistant(9, "new answer")];
const KEPT = ["summary 7", "kept prompt", "kept answer"];
const WITH_NEW = [...KEPT, "new prompt", "new answer"];
const WHOLE = ["old prompt", "old answer", "older prompt", "older answer", "kept prompt", "kept answer"];

export const FORMS: { readonly [name: string]: Form } = {
  "kept, by list and segment, and gone on with behind what was kept": {
    lines: [...BEFORE, boundary(6, { trigger: "auto", ...list(7, 4, 5), ...segment(7, 4, 5) }), summary(7), ...NEW],
    handed: WITH_NEW,
  },
  "kept, and nothing said since": {
    lines: [...BEFORE, boundary(6, { ...list(7, 4, 5), ...segment(7, 4, 5) }), summary(7)],
    handed: KEPT,
  },
  "kept, and gone on with behind the summary": {
    lines: [...BEFORE, boundary(6, list(7, 4, 5)), summary(7), user(8, "new prompt"), assistant(9, "new answer")],
    handed: WITH_NEW,
  },
  "kept, by segment alone": {
    lines: [...BEFORE, boundary(6, segment(7, 4, 5)), summary(7), ...NEW],
    handed: WITH_NEW,
  },
  "kept, by list alone, and not all that lay between": {
    lines: [...BEFORE, boundary(6, list(7, 2, 5)), summary(7), ...NEW],
    handed: ["summary 7", "older prompt", "kept answer", "new prompt", "new answer"],
  },
  "kept in front of the summary": {
    lines: [...BEFORE, boundary(6, list(6, 0, 1)), summary(7), user(8, "new prompt"), assistant(9, "new answer")],
    handed: ["old prompt", "old answer", "summary 7", "new prompt", "new answer"],
  },
  "an empty list": {
    lines: [...BEFORE, boundary(6, list(7)), summary(7), user(8, "new prompt"), assistant(9, "new answer")],
    handed: ["summary 7", "new prompt", "new answer"],
  },
  "a list with a message that is missing": {
    lines: [...BEFORE, boundary(6, list(7, 4, 99)), summary(7), ...NEW],
    handed: [...WHOLE, "new prompt", "new answer"],
  },
  "a segment that does not lead from its end to its beginning": {
    lines: [...BEFORE, boundary(6, segment(7, 9, 5)), summary(7), user(8, "new prompt"), assistant(9, "new answer")],
    handed: ["summary 7", "new prompt", "new answer"],
  },
  "nothing kept": {
    lines: [...BEFORE, boundary(6), summary(7), user(8, "new prompt"), assistant(9, "new answer")],
    handed: ["summary 7", "new prompt", "new answer"],
  },
  "nothing kept, and a logical parent": {
    lines: [...BEFORE, boundary(6, { trigger: "manual" }, { logicalParentUuid: uuid(5) }), summary(7)],
    handed: ["summary 7"],
  },
  "kept, then compacted again, and kept again": {
    lines: [
      ...BEFORE,
      boundary(6, list(7, 4, 5)),
      summary(7),
      ...NEW,
      boundary(10, list(11, 9)),
      summary(11),
      user(12, "newest prompt", after(9)),
    ],
    handed: ["summary 11", "new answer", "newest prompt"],
  },
  "kept, then compacted again, and nothing kept": {
    lines: [...BEFORE, boundary(6, list(7, 4, 5)), summary(7), ...NEW, boundary(10), summary(11)],
    handed: ["summary 11"],
  },
  "nothing kept, then compacted again, and kept": {
    lines: [
      ...BEFORE,
      boundary(6),
      summary(7),
      user(8, "new prompt"),
      assistant(9, "new answer"),
      boundary(10, { ...list(11, 8, 9), ...segment(11, 8, 9) }),
      summary(11),
      user(12, "newest prompt", after(9)),
    ],
    handed: ["summary 11", "new prompt", "new answer", "newest prompt"],
  },
  "kept, and gone on with behind what was summed up": {
    lines: [
      ...BEFORE,
      boundary(6, list(7, 4, 5)),
      summary(7),
      user(8, "new prompt", after(2)),
      assistant(9, "new answer"),
    ],
    handed: WITH_NEW,
  },
  "kept, with lines of the client's between boundary, summary and what was said since": {
    lines: [
      ...BEFORE,
      boundary(6, list(7, 4, 5)),
      { ...attachment(20, { type: "date", date: "2026-11-20" }), ...after(6) },
      summary(7, after(20)),
      { ...attachment(21, { type: "date", date: "2026-11-20" }), ...after(7) },
      { ...attachment(22, { type: "queued_command", prompt: "typed meanwhile" }), ...after(21) },
      assistant(8, "new answer", after(22)),
    ],
    handed: [...KEPT, "typed meanwhile", "new answer"],
  },
  "kept calls that were made at once, and their results": {
    lines: [
      user(0, "old prompt"),
      assistant(1, [call("toolu_a")], { message: { id: "msg_a", role: "assistant", content: [call("toolu_a")] } }),
      assistant(2, [call("toolu_b")], { message: { id: "msg_a", role: "assistant", content: [call("toolu_b")] } }),
      user(3, [result("toolu_a", "first")], after(1)),
      user(4, [result("toolu_b", "second")], after(2)),
      boundary(6, list(7, 1, 2, 3, 4)),
      summary(7),
      assistant(8, "new answer", after(4)),
    ],
    handed: [
      "summary 7",
      "call toolu_a",
      "call toolu_b",
      "result toolu_a first",
      "result toolu_b second",
      "new answer",
    ],
  },
  "kept, with a progress line among what was kept": {
    lines: [
      ...BEFORE.slice(0, 5),
      { type: "progress", uuid: uuid(20), parentUuid: uuid(4), timestamp: "2026-11-20T08:00:04.500Z" },
      assistant(5, "kept answer", after(20)),
      boundary(6, segment(7, 4, 5)),
      summary(7),
      ...NEW,
    ],
    handed: WITH_NEW,
  },
  "a sub-agent's lines among the others": {
    lines: [
      user(0, "prompt"),
      user(10, "of the sub-agent", { isSidechain: true, parentUuid: null }),
      assistant(11, "its answer", { isSidechain: true }),
      assistant(1, "answer"),
      user(12, "of the sub-agent", { isSidechain: true, ...after(11) }),
    ],
    handed: ["prompt", "answer"],
  },
  "gone back, and gone on with from there": {
    lines: [...BEFORE, user(8, "new prompt", after(1)), assistant(9, "new answer")],
    handed: ["old prompt", "old answer", "new prompt", "new answer"],
  },
  "gone back, and not gone on with": {
    lines: [...BEFORE, { type: "last-prompt", lastPrompt: "old prompt", leafUuid: uuid(1), explicit: true }],
    handed: ["old prompt", "old answer"],
  },
  "ended where it is": {
    lines: [...BEFORE, { type: "last-prompt", lastPrompt: "kept prompt", leafUuid: uuid(5) }],
    handed: WHOLE,
  },
  "a line whose parent is missing, seconds after another": {
    lines: [...BEFORE.slice(0, 4), user(4, "kept prompt", after(99)), BEFORE[5] ?? {}],
    handed: WHOLE,
  },
  "a line whose parent is missing, hours after the others": {
    lines: [user(0, "old prompt"), assistant(1, "old answer"), user(4000, "new prompt", after(99))],
    handed: ["new prompt"],
  },
  "a line that was written twice": {
    lines: [user(0, "prompt"), assistant(1, "begun"), assistant(1, "done"), user(2, "new prompt")],
    handed: ["prompt", "done", "new prompt"],
  },
  "prompts that were typed meanwhile, as texts and as lists, the last of all lines too": {
    lines: [
      user(0, "prompt"),
      assistant(1, [call("toolu_a")]),
      user(2, [result("toolu_a", "ok")]),
      attachment(3, { type: "queued_command", prompt: [{ type: "text", text: "a list" }], commandMode: "prompt" }),
      assistant(4, "answer"),
      { ...attachment(5, { type: "queued_command", prompt: "a text", commandMode: "prompt" }), ...after(4) },
      { ...attachment(6, { type: "queued_command", prompt: [{ type: "text", text: "the last" }] }), ...after(4) },
    ],
    handed: ["prompt", "call toolu_a", "result toolu_a ok", "a list", "answer", "a text", "the last"],
  },
  "a prompt that was typed meanwhile, behind a progress line and the last of all": {
    lines: [
      user(0, "prompt"),
      assistant(1, "answer"),
      attachment(2, { type: "date", date: "2026-11-20" }),
      { type: "progress", uuid: uuid(20), parentUuid: uuid(2), timestamp: "2026-11-20T08:00:02.500Z" },
      { ...attachment(3, { type: "queued_command", prompt: "the last" }), ...after(20) },
    ],
    handed: ["prompt", "answer", "the last"],
  },
  "a result that the client has shortened for one of its requests": {
    lines: [
      user(0, "prompt"),
      assistant(1, [call("toolu_a")]),
      user(2, [result("toolu_a", "long ".repeat(1000))]),
      assistant(3, "answer"),
      {
        type: "content-replacement",
        replacements: [{ kind: "tool-result", toolUseId: "toolu_a", replacement: "shortened" }],
      },
    ],
    handed: ["prompt", "call toolu_a", `result toolu_a ${"long ".repeat(1000)}`, "answer"],
  },
  "what a command of the client's has printed": {
    lines: [
      user(0, "prompt"),
      assistant(1, "answer"),
      user(2, "<command-name>/cost</command-name>"),
      {
        ...boundary(3),
        subtype: "local_command",
        content: "<local-command-stdout>3 $</local-command-stdout>",
        ...after(2),
      },
      user(4, "new prompt", after(3)),
    ],
    handed: [
      "prompt",
      "answer",
      "<command-name>/cost</command-name>",
      "<local-command-stdout>3 $</local-command-stdout>",
      "new prompt",
    ],
  },
};
