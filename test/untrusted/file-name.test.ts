import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cleanFileName, FileNames, isToolConfiguration, MAX_FILE_NAME_BYTES } from "../../src/untrusted/file-name.ts";
import { scratch } from "../support/scratch.ts";

describe("cleanFileName", () => {
  test.each([
    ["an ordinary name", "notes (final) v1.2.md", "notes (final) v1.2.md"],
    ["letters of all languages", "Größe 引き継ぎ отчёт مرحبا.txt", "Größe 引き継ぎ отчёт مرحبا.txt"],
    ["decomposed letters", "e\u0301.md", "é.md"],
    ["emoji", "🚀 launch.md", "🚀 launch.md"],
    ["separators", "a/b\\c:d.txt", "a_b_c_d.txt"],
    ["separators of other scripts", "a／b＼c∕d⧸e：f", "a_b_c_d_e_f"],
    ["a way up", "../../etc/passwd", "_.._etc_passwd"],
    ["only dots", "..", "file"],
    ["a hidden file", ".bashrc", "bashrc"],
    ["an option", "-rf", "rf"],
    ["a home folder", "~/.ssh/id_rsa", "__.ssh_id_rsa"],
    ["dots and spaces at the end", "x.txt . . ", "x.txt"],
    ["line ends and tabs", "a\r\nb\tc", "a b c"],
    ["controls, escapes and hidden characters", "a\0b\x1b[31mc\u202etxt.exe\u200b\u2066\ufeff", "abctxt.exe"],
    ["tags and selectors", "a\u{e0041}b\ufe0f\u00ad", "ab"],
    ["what a shell obeys", "$(id)`id`;&|<>*?\"'!#%{}^.md", "_(id)_id________________.md"],
    ["a device", "CON", "_CON"],
    ["a device with an ending", "nul.tar.gz", "_nul.tar.gz"],
    ["a device with a space before its ending", "aux .txt", "_aux .txt"],
    ["a port", "com7.log", "_com7.log"],
    ["a port with a superscript", "COM¹", "COM_"],
    ["no device", "console.log", "console.log"],
    ["nothing", "", "file"],
    ["nothing visible", "\u200b\u202e", "file"],
    ["half a surrogate pair", "a\ud83d.md", "a_.md"],
    ["what is not assigned, and private use", "a\u0378\ue000b", "a_b"],
  ])("%s", (_, name, clean) => {
    expect(cleanFileName(name)).toBe(clean);
  });

  test("keeps the ending of a name that is too long, and cuts between characters as readers see them", () => {
    expect(cleanFileName(`${"x".repeat(200)}.md`)).toBe(`${"x".repeat(117)}.md`);
    expect(cleanFileName(`${"é".repeat(100)}.md`)).toBe(`${"é".repeat(58)}.md`);
    expect(cleanFileName(`x.${"y".repeat(200)}`)).toBe(`x.${"y".repeat(118)}`);
    expect(cleanFileName("引".repeat(100))).toBe("引".repeat(40));
    expect(cleanFileName(`a${"\u0301".repeat(300)}.md`)).toBe("file.md");
  });

  const names = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.string({ unit: "grapheme", maxLength: 80 }),
    fc
      .array(
        fc.constantFrom(
          "CON",
          "nul",
          ".",
          " ",
          "..",
          "/",
          "\\",
          "~1",
          ":",
          "é",
          "e\u0301",
          "\u202e",
          "-",
          "🚀",
          "\u200d",
          "x".repeat(50),
          "ª",
          "ß",
        ),
      )
      .map((it) => it.join("")),
  );

  test("whatever it is given, the name is safe everywhere, and stays as it is when it is cleaned again", () => {
    fc.assert(
      fc.property(names, (name) => {
        const clean = cleanFileName(name);
        expect(Buffer.byteLength(clean)).toBeLessThanOrEqual(MAX_FILE_NAME_BYTES);
        expect(clean).toMatch(/^[^ .~-]/);
        expect(clean).toMatch(/[^ .]$/);
        expect(clean).not.toMatch(/[/\\:*?"<>|$`;&'!\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
        expect(clean).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d) *(?:\.|$)/i);
        expect(clean.normalize("NFC")).toBe(clean);
        expect(cleanFileName(clean)).toBe(clean);
      }),
      { numRuns: 3000 },
    );
  });

  test("each of a hundred such names is one file of its folder", async () => {
    await using folder = await scratch();
    const inside = join(folder.path, "inside");
    await mkdir(inside);
    const taken = new FileNames();
    const all = fc.sample(names, { numRuns: 100, seed: 7 }).map((it) => taken.take(it).name);
    for (const name of all) await writeFile(join(inside, name), "", { flag: "wx" });
    expect((await readdir(inside)).sort()).toEqual([...all].sort());
    expect(await readdir(folder.path)).toEqual(["inside"]);
  });
});

describe("FileNames", () => {
  test("gives no name twice, whatever a system makes of case and forms", () => {
    const names = new FileNames();
    expect(
      ["notes.md", "Notes.MD", "notes.md", "straße", "STRASSE", "ﬁle", "file", "K", "k", "a b", "a\u00a0b"].map(
        (it) => names.take(it).name,
      ),
    ).toEqual([
      "notes.md",
      "Notes 2.MD",
      "notes 3.md",
      "straße",
      "STRASSE 2",
      "ﬁle",
      "file 2",
      "K",
      "k 2",
      "a b",
      "a b 2",
    ]);
  });

  test("a number fits in, also behind a name of the full length, and beside one that has it already", () => {
    const names = new FileNames();
    const long = `${"x".repeat(200)}.md`;
    expect([names.take(long).name, names.take(long).name]).toEqual([
      `${"x".repeat(117)}.md`,
      `${"x".repeat(115)} 2.md`,
    ]);
    expect(["a 2.md", "a.md", "a.md"].map((it) => names.take(it).name)).toEqual(["a 2.md", "a.md", "a 3.md"]);
  });

  test("all are different, safe and short for any names", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom("a", "A", "ß", "s", "é", "e\u0301", ".", " ", "/") }), {
          maxLength: 20,
        }),
        (all) => {
          const names = new FileNames();
          const given = all.map((it) => names.take(it).name);
          expect(new Set(given.map((it) => it.normalize("NFKD").toUpperCase())).size).toBe(given.length);
          for (const name of given) expect(cleanFileName(name)).toBe(name);
        },
      ),
    );
  });
});

describe("what is kept is never tool configuration:", () => {
  test.each([
    "-CLAUDE.md",
    "--AGENTS.md",
    "..GEMINI.md",
    "- .mcp.json",
    ":netrc",
    "/netrc",
    "-desktop.ini",
    "-mcp.json",
    " -.-crontab",
    "CLAUDE.md.",
    "\u200bCLAUDE.md",
    "C\u0301LAUDE.md".normalize("NFC").replace("Ć", "C"),
    "pre-commit ",
    "?netrc",
  ])("%j gets another name", (sent) => {
    expect(new FileNames().take(sent)).toEqual({ name: "attachment.txt", renamed: true });
  });

  /** Names that are obeyed, and what may be put around, between and behind their letters. */
  const nearly = fc
    .tuple(
      fc.constantFrom("CLAUDE.md", "AGENTS.md", "_netrc", ".netrc", "mcp.json", "desktop.ini", "crontab", "pre-commit"),
      fc.array(fc.tuple(fc.nat(12), fc.constantFrom(..."-~. :/\\?*_\u200b\u00ad\ufe0f\u0301\u202e\ud83d\t\nß"))),
      fc.constantFrom("", " ".repeat(150), "x".repeat(150), ".md", " 2"),
    )
    .map(([name, put, tail]) => {
      const spelt = Array.from(name);
      for (const [at, it] of put) spelt.splice(at, 0, it);
      return spelt.join("") + tail;
    });

  test("for every string, also once it has a number", () => {
    fc.assert(
      fc.property(
        fc.oneof(nearly, fc.string({ unit: "binary", maxLength: 300 }), fc.string({ unit: "grapheme" })),
        (sent) => {
          const names = new FileNames();
          for (let time = 0; time < 2; time += 1) {
            const { name } = names.take(sent);
            expect(isToolConfiguration(name)).toBe(false);
            expect(cleanFileName(name)).toBe(name);
          }
        },
      ),
      { numRuns: 5000 },
    );
  });

  test("a name that is a device's only once it is shortened is none in the end", () => {
    expect(cleanFileName(`aux a${"\u0301".repeat(300)}.md`)).toBe("_aux.md");
  });
});

describe("isToolConfiguration", () => {
  const NAMES = [
    ".claude",
    ".mcp.json",
    "CLAUDE.md",
    "CLAUDE.local.md",
    "AGENTS.md",
    "GEMINI.md",
    ".cursorrules",
    ".cursor",
    ".windsurfrules",
    "copilot-instructions.md",
    ".git",
    ".gitattributes",
    ".gitmodules",
    ".githooks",
    ".husky",
    ".vscode",
    ".idea",
    ".envrc",
    ".npmrc",
    ".bashrc",
    ".zshrc",
    ".profile",
    ".ssh",
    "authorized_keys",
    "crontab",
    "pre-commit",
    "post-checkout",
    ".gitconfig",
    ".claude.json",
  ];

  test.each(NAMES)("%s is, however it is spelt", (name) => {
    const wide = name.replace(/[!-~]/g, (it) => String.fromCodePoint(it.charCodeAt(0) + 0xfee0));
    const spellings = [
      name,
      name.toUpperCase(),
      name.toLowerCase(),
      wide,
      `${name.slice(0, 3)}\u200c${name.slice(3)}`,
      `\u200e${name}\ufeff`,
      `${name}\u2060`,
      `${name}.`,
      `${name}. .`,
      `${name} `,
      ` ${name}`,
      `${name}::$DATA`,
      `${name}::$INDEX_ALLOCATION`,
      `${name}:stream`,
      `a/b/${name}`,
      `a\\${name}\\c`,
      `${name}/x`,
      `a／${name}`,
      `./${name}`,
      `../${name}/../x`,
      name.replace("a", "а").replace("e", "е").replace("o", "о"),
      name.replace("s", "ſ"),
      name.normalize("NFD"),
    ];
    expect(spellings.filter((it) => !isToolConfiguration(it))).toEqual([]);
  });

  test.each([
    "GIT~1",
    "git~1/config",
    "CLAUDE~1",
    "CLAUDE~1.LOC",
    "MCP~1.JSO",
    "CURSOR~2",
    "VSCODE~1",
    "GI7EBA~1",
    "GITATT~1",
    "ba12cd~1",
    "x.instructions.md",
    ".github/copilot-instructions.md",
    "rules/always.mdc",
    "my.code-workspace",
    ".config/fish/config.fish",
    "x".repeat(5000),
    "ﬀ/.git",
    ".ɢɪᴛ",
    "Ａgents.md",
    "plan.agent.md",
    "opencode.json",
    "CRUSH.md",
    "ϹLAUDE.md",
    "ꮯLAUDE.md",
    "ᑕLAUDE.md",
    "CL𐊠UDE.md",
    "CLAUDE.mᗪ",
  ])("%s is, too", (path) => {
    expect(isToolConfiguration(path)).toBe(true);
  });

  test.each([
    "README.md",
    "notes.md",
    "claude.txt",
    "my-claude.md.txt",
    "docs/agents/overview.md",
    "src/git.ts",
    "gitignore",
    ".gitignore",
    ".gitkeep",
    "settings.json",
    "package.json",
    "profile.png",
    "hooks/useUser.ts",
    "src/hooks/index.ts",
    "ssh-notes.md",
    "backup~1.tar",
    "fix.patch",
    "session.jsonl",
    "MEMORY.md",
    "café.md",
    "отчёт.md",
    "引き継ぎ.md",
    "ありがと.md",
    "Größe.md",
    "a:b",
    "",
    "...",
    "vscode.md",
    "cursor.png",
    "diff~",
    "notes~1.txt",
  ])("%j is not", (path) => {
    expect(isToolConfiguration(path)).toBe(false);
  });

  test("for any junk that systems ignore around and within a name", () => {
    const ignorable = fc.constantFrom(
      "\u200c",
      "\u200d",
      "\u200e",
      "\u200f",
      "\u202a",
      "\u2060",
      "\ufeff",
      "\u00ad",
      "\ufe0f",
      "\u{e0100}",
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...NAMES),
        fc.array(fc.tuple(fc.nat(30), ignorable)),
        fc.nat(),
        (name, put, flips) => {
          const spelt = Array.from(name, (it, at) => ((flips >> at) & 1 ? it.toUpperCase() : it));
          for (const [at, it] of put) spelt.splice(at, 0, it);
          expect(isToolConfiguration(`x/${spelt.join("")}`)).toBe(true);
        },
      ),
    );
  });
});
