/** The tools distill_install and distill_uninstall. */
import { homedir } from "node:os";
import * as z from "zod";
import { SpreadError } from "../errors.ts";
import { shellWord } from "../untrusted/shell.ts";
import { type Context, tool } from "./tool.ts";

/** The number of a session among those that came together. */
const Pick = z.int().min(1).max(100);

export const installTool = tool({
  name: "distill_install",
  title: "Install a received memory or session",
  description: `Puts a memory, or a session, that distill_receive has kept among Claude Code's own files of this project: the memory into what is read in each conversation, the session into what can be resumed.

The user is asked by a form of the client's, and nothing is done unless they say yes there. Where the client cannot ask, the error needs-a-person names a command: give it to the user, word for word. They run it in a terminal of their own; do not run it yourself, and do not install by any other way.

Call it only when the user has seen what came and wants it installed. Nothing is overwritten; distill_uninstall takes it out again.`,
  input: z.strictObject({
    id: z.string().optional().describe("id in distill_receive's result."),
    pick: Pick.optional().describe("Of several sessions the number, from 1 on, that the user picked."),
  }),
  output: z.object({
    installed_id: z.string().describe("For distill_uninstall."),
    kind: z.enum(["memory", "session"]),
    project: z.string(),
    session: z.string().optional().describe("For claude --resume, in that project."),
    files: z.array(z.string()).describe("Made or added to."),
    warnings: z.array(z.string()),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run({ id, pick }, context, call) {
    if (id === undefined) throw new SpreadError("invalid-input", "id is missing: which one is to be installed");
    const { home, project } = context.config();
    const [{ configFolder }, { propose }, { installedWords }] = await Promise.all([
      import("../claude/folders.ts"),
      import("../installing/proposal.ts"),
      import("../installing/words.ts"),
    ]);
    const place = { home, project, config: configFolder(process.env), userHome: homedir() };
    const proposal = await propose(id, pick, place, call.signal);
    const answer = await call.ask(proposal.question, "Install it");
    if (answer !== "yes") {
      const why = answer === "no" ? "the question was not answered with yes" : "this client cannot ask its user";
      throw new SpreadError(
        "needs-a-person",
        `${why}; in a terminal the user can run: ${commandFor(id, pick, context)}`,
      );
    }
    const installed = await proposal.install(call.signal);
    const { record, warnings } = installed;
    const result = {
      installed_id: record.id,
      kind: record.kind,
      project: record.project,
      ...(record.session !== undefined && { session: record.session }),
      files: [...record.files.map(({ path }) => path), ...(record.section ? [record.section.path] : [])],
      warnings: [...warnings],
    };
    return { result, text: installedWords(installed.record, installed.warnings).join("\n") };
  },
});

/** As it does the same in a terminal of the user's, wherever that is. */
function commandFor(id: string, pick: number | undefined, { entry, config }: Context): string {
  const variables = ["DISTILL_HOME", "CLAUDE_CONFIG_DIR"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined || value === "" ? [] : [`${name}=${quoted(value)}`];
  });
  const words = ["node", quoted(entry), "install", id, ...(pick === undefined ? [] : [String(pick)])];
  return `cd ${quoted(config().project)} && ${[...variables, ...words].join(" ")}`;
}

/** One word of a shell's, on the one line that the command has. */
function quoted(text: string): string {
  return shellWord(text.replace(/[\r\n]/g, "?"));
}

export const uninstallTool = tool({
  name: "distill_uninstall",
  title: "Take out what was installed",
  description: `Takes a received memory or session out of Claude Code's files again: exactly what distill_install put there. What was changed since, or a session that was gone on with, is kept and named, unless changed_too says otherwise; ask the user before that. distill_status lists what is installed.`,
  input: z.strictObject({
    id: z.string().optional().describe("installed_id of distill_install, or id in distill_status's installed."),
    changed_too: z.boolean().default(false).describe("Whether what was changed since goes as well. Default: false."),
  }),
  output: z.object({
    removed: z.array(z.string()).describe("Paths; that of MEMORY.md stands for the part of it that was installed."),
    kept: z.array(z.object({ path: z.string(), why: z.string() })),
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run({ id, changed_too }, context) {
    if (id === undefined) throw new SpreadError("invalid-input", "id is missing: which one is to be taken out");
    const [{ uninstall }, { uninstalledWords }] = await Promise.all([
      import("../claude/uninstall.ts"),
      import("../installing/words.ts"),
    ]);
    const done = await uninstall(context.config().home, id, { changedToo: changed_too });
    const result = { removed: [...done.removed], kept: done.kept.map((it) => ({ ...it })) };
    return { result, text: uninstalledWords(done).join("\n") };
  },
});
