/**
 * Names that a sender gives to files that are kept beside the document: made safe for every system, and told apart from
 * those under which some program would obey a file. Nothing here touches a disk.
 */

import { cleanLine, wholeCharacters } from "./clean.ts";
import { foldLetters } from "./folding.ts";

/** Of UTF-8. Every file system takes 143 and more. */
export const MAX_FILE_NAME_BYTES = 120;

/** What is looked at of a name or a path, in UTF-16 units: no system has longer ones. */
const MAX_NAME_CHARS = 4096;
/** A longer end of a name is no ending that a program goes by, in bytes. */
const MAX_ENDING_BYTES = 16;
const NAMELESS = "file";

/**
 * What has no place in a name. Letters, marks and digits of every language and emoji have one, and the signs that mean
 * nothing to a file system or to a shell in which the name may be typed.
 */
const NOT_FOR_NAMES = /[^\p{L}\p{M}\p{Nd}\p{Extended_Pictographic}\p{Emoji_Modifier} ._+,=@()[\]-]|\p{Cn}/gu;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/** What Windows takes for a device, with any ending. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?= *(?:\.|$))/i;

/** The name made safe: one visible file of its folder on every system, and no option of a command. Never empty. */
export function cleanFileName(name: string): string {
  const line = cleanLine(name.slice(0, wholeCharacters(name, MAX_NAME_CHARS)), MAX_NAME_CHARS);
  const visible = line.replace(INVISIBLE, "").replace(/ +/g, " ");
  return trimmed(visible.normalize("NFC").replace(NOT_FOR_NAMES, "_"), MAX_FILE_NAME_BYTES);
}

/** For a file whose own name configures something: no hand-off writes that, wherever it lies. */
const NEUTRAL_NAME = "attachment.txt";

interface KeptName {
  readonly name: string;
  /** Its own name is one that agents or tools obey, and is not used. */
  readonly renamed: boolean;
}

/**
 * The names of one delivery: none configures an agent or a tool, and no two are the same file on any system, whatever it
 * makes of case and Unicode forms.
 */
export class FileNames {
  readonly #taken = new Set<string>();

  /** @returns the name made safe, with a number if another one had it before. */
  take(sent: string): KeptName {
    // Both are judged: cleaning can turn a harmless name into one that is obeyed ("-CLAUDE.md"), and the other way round.
    const clean = this.#numbered(cleanFileName(sent));
    const renamed = isToolConfiguration(sent) || isToolConfiguration(clean);
    const name = renamed ? this.#numbered(NEUTRAL_NAME) : clean;
    this.#taken.add(sameFile(name));
    return { name, renamed };
  }

  #numbered(clean: string): string {
    const { stem, ending } = split(clean);
    let free = clean;
    for (let n = 2; this.#taken.has(sameFile(free)); n += 1) {
      const tail = ` ${n}${ending}`;
      free = trimmed(stem, MAX_FILE_NAME_BYTES - Buffer.byteLength(tail)) + tail;
    }
    return free;
  }
}

/** At most `max` bytes, the ending kept, without what may not be first or last in a name. */
function trimmed(name: string, max: number): string {
  const bare = name.replace(/^[ .~-]+/, "").replace(/[ .]+$/, "");
  if (bare === "") return NAMELESS;
  const short = shortened(bare, max);
  // Only now: a name can become a device's by being shortened.
  return DEVICE.test(short) ? shortened(`_${short}`, max) : short;
}

function shortened(name: string, max: number): string {
  if (Buffer.byteLength(name) <= max) return name;
  const { stem, ending } = split(name);
  const room = max - Buffer.byteLength(ending);
  let kept = "";
  let bytes = 0;
  for (const { segment } of new Intl.Segmenter("und").segment(stem)) {
    bytes += Buffer.byteLength(segment);
    if (bytes > room) break;
    kept += segment;
  }
  // One "character" of piled-up marks can be longer than a name.
  const cut = kept.replace(/[ .]+$/, "");
  return (cut === "" ? NAMELESS : cut) + ending;
}

function split(name: string): { stem: string; ending: string } {
  const ending = /(?<=.)\.[^. ]+$/u.exec(name)?.[0] ?? "";
  if (Buffer.byteLength(ending) > MAX_ENDING_BYTES) return { stem: name, ending: "" };
  return { stem: name.slice(0, name.length - ending.length), ending };
}

/** The same for two names that some system takes for one. */
function sameFile(name: string): string {
  // Upper case first: "ß" and "ss", "ſ" and "s" have only that in common.
  return name.normalize("NFKD").toUpperCase().toLowerCase().normalize("NFKD").replace(INVISIBLE, "");
}

/** Folders of which everything belongs to a tool. */
const TOOL_FOLDERS = `
  .claude .claude-plugin .codex .gemini .qwen .cursor .windsurf .codeium .continue .roo .cline .clinerules
  .kiro .amazonq .aider .junie .opencode .goose .git .githooks .hg .svn .jj .husky .lefthook .vscode
  .vscode-insiders .idea .zed .fleet .devcontainer .direnv .ssh .gnupg .aws .kube .docker .config .local
  .bashrc.d .zshrc.d .oh-my-zsh .vim .nvim .emacs.d .cargo .gradle .m2 .bundle cron.d cron.daily cron.hourly
  cron.weekly cron.monthly init.d profile.d sudoers.d launchagents launchdaemons autostart
`;

/** Files that a tool reads by their name. */
const TOOL_FILES = `
  claude.md claude.local.md agents.md agent.md agents.override.md gemini.md qwen.md warp.md crush.md iflow.md
  replit.md codex.md amazonq.md qodo.md openhands.md kilocode.md skill.md
  opencode.json opencode.jsonc crush.json .rules .roomodes roomodes .kilocodemodes kilocodemodes
  .openhands_instructions openhands_instructions conftest.py
  copilot-instructions.md .claude.json claude_desktop_config.json managed-settings.json managed-mcp.json
  settings.local.json .mcp.json mcp.json .cursorrules .cursorignore .windsurfrules .roorules .goosehints
  .aider.conf.yml .aiderignore .gitattributes .gitmodules .gitconfig .git-credentials .hgrc .lfsconfig .envrc
  .npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs .pnpmrc .pypirc .netrc _netrc .curlrc .wgetrc .condarc .gemrc
  .bunfig.toml bunfig.toml pip.conf pip.ini .bashrc .bash_profile .bash_login .bash_logout .bash_aliases
  .profile .zshrc .zshenv .zprofile .zlogin .zlogout .kshrc .mkshrc .cshrc .tcshrc .login .logout .shrc
  .xonshrc config.fish .inputrc .xinitrc .xprofile .xsession .xsessionrc .pam_environment profile.ps1
  microsoft.powershell_profile.ps1 .vimrc .gvimrc .exrc .nvimrc .emacs .gdbinit .lldbinit .pythonrc .irbrc
  .pryrc .rprofile .renviron .screenrc .tmux.conf .editrc authorized_keys authorized_keys2 crontab .crontab
  sudoers autorun.inf desktop.ini .htaccess sitecustomize.py usercustomize.py .pre-commit-config.yaml
  .pre-commit-config.yml lefthook.yml lefthook.yaml .lefthook.yml .devcontainer.json .dir-locals.el
  .tool-versions .mise.toml mise.toml applypatch-msg pre-applypatch post-applypatch pre-commit
  pre-merge-commit prepare-commit-msg commit-msg post-commit pre-rebase post-checkout post-merge pre-push
  pre-receive update post-receive post-update reference-transaction push-to-checkout pre-auto-gc post-rewrite
  fsmonitor-watchman
`;

const TOOL_ENDINGS = [
  ".agent.md",
  ".instructions.md",
  ".prompt.md",
  ".chatmode.md",
  ".mdc",
  ".code-workspace",
  ".sublime-project",
];

const TOOL_NAMES: ReadonlySet<string> = new Set(`${TOOL_FOLDERS}${TOOL_FILES}`.trim().split(/\s+/));
/** What DOS makes of such a name where it keeps short ones: the first letters, without the dots. */
const SHORT_NAMES = [...TOOL_NAMES].map((name) =>
  name
    .replace(/^\.+/, "")
    .replace(/\.[^.]*$/, "")
    .replace(/[^a-z0-9_-]/g, ""),
);

/**
 * Whether a name, or one part of a path, is configuration of an agent or a tool, which a hand-off never writes: however it
 * is spelt, if any system or reader could take it for one.
 */
export function isToolConfiguration(path: string): boolean {
  if (path.length > MAX_NAME_CHARS) return true;
  // Separators of other systems, and what looks like them; ":" begins a stream of the same file on NTFS.
  const parts = path.normalize("NFKC").split(/[/\\\u2044\u2215\u29f5\u29f8\u2571\u2572]/);
  return parts.some((part) =>
    part
      .split(":")
      .some((it) =>
        [canonical(it), canonical(disguised(it))].some((name) => isToolName(name) || resemblesToolName(name)),
      ),
  );
}

/** Whether it is such a name but for characters that are not ASCII, as many of them at most as ASCII letters: `CL𐊠UDE.md`. */
function resemblesToolName(name: string): boolean {
  const characters = [...name];
  const foreign = characters.filter((it) => it > "\x7f").length;
  if (foreign === 0 || foreign > characters.filter((it) => /[a-z]/.test(it)).length) return false;
  return [...TOOL_NAMES].some(
    (tool) => tool.length === characters.length && characters.every((it, at) => it > "\x7f" || it === tool[at]),
  );
}

/** As HFS+, NTFS and readers take a name: no invisible characters, no case, no dots or spaces at its end. */
function canonical(name: string): string {
  return sameFile(name)
    .replace(/[\p{Cc}\p{Cf}]/gu, "")
    .replace(/^[\s]+|[\s.]+$/g, "");
}

/** With Latin letters for those of other alphabets that look the same. */
function disguised(name: string): string {
  return foldLetters(name).replace(/[\u2024\u3002\ua4f8\u0660\u06d4]/g, ".");
}

function isToolName(name: string): boolean {
  if (TOOL_NAMES.has(name) || TOOL_ENDINGS.some((ending) => name.endsWith(ending))) return true;
  const short = /^([a-z0-9_-]{2,6})~\d{1,6}(?:\.[a-z0-9]{0,3})?$/.exec(name)?.[1];
  if (short === undefined) return false;
  // Two letters and four hex digits where many names begin alike, and else the first letters.
  const hashed = /^(..)[0-9a-f]{4}$/.exec(short)?.[1];
  return SHORT_NAMES.some((it) => it.startsWith(short) || (hashed !== undefined && it.startsWith(hashed)));
}
