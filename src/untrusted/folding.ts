/**
 * Text as it looks, for comparing: one spelling for all the ways in which Unicode and HTML can write the same word.
 * Nothing that was folded is ever shown or kept.
 */

/** Letters that pass for Latin ones in pairs, the look-alike first: capitals for what the capital looks like. */
const IN_MIXED_WORDS =
  "аaеeоoрpсcуyхxѕsіiјjһhԁdԛqԝwьbвbнhкkмmтtпnгrӏlґrАaВbЕeЅsІiЈjКkМmНhОoРpСcТtУyХxҮyҺhԌgԜwӀi" +
  "αaοoεeιiκkρpτtυuχxηnβbγyμmνvςcσoωwΑaΒbΕeΖzΗhΙiΚkΜmΝnΟoΡpΤtΥyΧxϲcϳj" +
  "օoոnհhցgսuռnզqԁdեtՕoՍuՏsԼl";

/** The same where no language needs the letter for a word that we look for. */
const EVERYWHERE =
  "ɑaɡgɢgʜhɪiɴnᴀaʙbᴄcᴅdᴇeꜰfᴊjᴋkʟlᴍmᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢzøoØođdĐdðdħhĦhłlŁlƒfɓbɗdɛeƖiɩiıi" +
  "ꓮaꓐbꓚcꓓdꓰeꓝfꓖgꓧhꓲiꓙjꓗkꓡlꓟmꓠnꓳoꓑpꓣrꓢsꓔtꓴuꓦvꓪwꓫxꓬyꓜz" +
  "ᎪaᏴbᏟcᎠdᎬeᏀgᎻhᎥiᎫjᏦkᏞlᎷmᏢpᏚsᎢtᏙvᎳwᏃz";

/** Alphabets in squares and circles, by their first letter: Unicode gives them no other spelling. */
const ENCLOSED = [0x1f150, 0x1f170, 0x1f1e6];

/** The named entities that write what our patterns look for. `&#10;` is a space here: folding keeps the number of lines. */
const ENTITIES: Readonly<Record<string, string>> = {
  ...{ lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", colon: ":", sol: "/", bsol: "\\", period: ".", lowbar: "_" },
  ...{
    lpar: "(",
    rpar: ")",
    lsqb: "[",
    rsqb: "]",
    lbrack: "[",
    rbrack: "]",
    num: "#",
    excl: "!",
    equals: "=",
    vert: "|",
  },
  ...{
    nbsp: " ",
    ensp: " ",
    emsp: " ",
    thinsp: " ",
    tab: "",
    newline: "",
    shy: "",
    zwj: "",
    zwnj: "",
    lrm: "",
    rlm: "",
  },
  ...{ fflig: "ff", ffilig: "ffi", ffllig: "ffl", filig: "fi", fllig: "fl", planckh: "h", planck: "h", imath: "i" },
  ...{ alpha: "α", beta: "β", epsilon: "ε", epsi: "ε", eta: "Η", iota: "ι", nu: "Ν", omicron: "ο", rho: "ρ", tau: "τ" },
  ...{ acy: "а", vcy: "В", iecy: "е", iukcy: "і", ncy: "Н", ocy: "о", rcy: "р", tcy: "т", dscy: "ѕ" },
  ...{ hyphen: "-", dash: "-", ndash: "-", mdash: "-", horbar: "-", minus: "-", grave: "`", dollar: "$", commat: "@" },
};
const ENTITY = /&(?:#([0-9]{1,9})|#[xX]([0-9a-fA-F]{1,8})|([a-zA-Z]{2,8}));?/g;

const ENTITY_HERE = new RegExp(ENTITY.source, "y");
/** Letters with a mark, and other styles of letters: HTML names them by the letter itself. */
const STYLED_LETTER =
  /&([a-zA-Z])(?:acute|grave|circ|uml|tilde|caron|cedil|ring|slash|macr|dot|breve|ogon|opf|scr|fr|strok|dblac);?/y;

/** Tags that no reader sees between two letters or words, with spaces. One with attributes may matter, and stays. */
const INLINE_TAGS = /(?:<\/?(?:b|i|u|s|em|strong|code|kbd|sup|sub|mark|small|span|wbr)\s?\/?> ?)+/gi;

const NOT_ASCII = /[^\0-\x7f]/;
/** From a character that is not ASCII to the end of its word. */
const NOT_ASCII_ON = /[^\0-\x7f][a-zA-Z\x80-\uffff]*/g;
const MARKS = /[\p{M}\p{Default_Ignorable_Code_Point}]+/gu;
const HYPHENS = /[\p{Pd}\u2212\u02d7\u2043]/gu;

/** Folds a text of any length. It has as many lines as before, and each is what it was. */
export function fold(text: string): string {
  const written = text.includes("&") ? text.replace(ENTITY, decodeEntity) : text;
  const bare = written.includes("<") ? written.replace(INLINE_TAGS, betweenWords) : written;
  return foldLetters(bare).toLowerCase();
}

/** Folds the letters of a pattern, so that it meets what `fold` makes; `\S` and its like stay. */
export function foldLetters(text: string): string {
  if (!NOT_ASCII.test(text)) return text;
  const out: string[] = [];
  let done = 0;
  for (const { index, 0: rest } of text.matchAll(NOT_ASCII_ON)) {
    // With the letters before it: a mark belongs to one of them, and a disguise shows beside them.
    let start = index;
    while (start > done && /[a-zA-Z]/.test(text.charAt(start - 1))) start -= 1;
    const end = index + rest.length;
    out.push(text.slice(done, start), foldWord(text.slice(start, end)));
    done = end;
  }
  return out.join("") + text.slice(done);
}

/** What is left of tags: the one space that is on either side of them. */
function betweenWords(tags: string, at: number, text: string): string {
  return tags.endsWith(" ") && text.charAt(at - 1) !== " " ? " " : "";
}

function foldWord(word: string): string {
  tables ??= makeTables();
  const { always, mixed, letters } = tables;
  const plain = word.normalize("NFKD").replace(MARKS, "").replace(HYPHENS, "-").replace(always.found, always.put);
  // Beside Latin letters, and nowhere else, another alphabet's letter is a disguise.
  return plain.replace(letters, (it) => (/[a-zA-Z]/.test(it) ? it.replace(mixed.found, mixed.put) : it));
}

/** Characters that pass for a Latin letter, each with that letter in lower case. */
export function lookalikes(): readonly (readonly [like: string, letter: string])[] {
  return [...pairsOf(IN_MIXED_WORDS), ...pairsOf(EVERYWHERE), ...enclosed()];
}

interface LetterReplacement {
  readonly found: RegExp;
  readonly put: (like: string) => string;
}

/** Made at the first use, which a start need not wait for. */
let tables:
  | { readonly always: LetterReplacement; readonly mixed: LetterReplacement; readonly letters: RegExp }
  | undefined;

function makeTables(): NonNullable<typeof tables> {
  const replacement = (pairs: readonly (readonly [string, string])[]): LetterReplacement => {
    const map = new Map(pairs);
    return { found: new RegExp(`[${[...map.keys()].join("")}]`, "gu"), put: (like) => map.get(like) ?? like };
  };
  const doubtful = pairsOf(IN_MIXED_WORDS);
  return {
    always: replacement([...pairsOf(EVERYWHERE), ...enclosed()]),
    mixed: replacement(doubtful),
    letters: new RegExp(`[a-zA-Z${doubtful.map(([like]) => like).join("")}]+`, "g"),
  };
}

function pairsOf(text: string): (readonly [string, string])[] {
  return (text.match(/../gu) ?? []).map((pair) => [pair.slice(0, -1), pair.slice(-1)]);
}

function enclosed(): (readonly [string, string])[] {
  const letters = Array.from("abcdefghijklmnopqrstuvwxyz");
  return ENCLOSED.flatMap((first) => letters.map((it, at) => [String.fromCodePoint(first + at), it] as const));
}

/** What an HTML entity writes, and where it ends; undefined if none that is known begins there. */
export function entityAt(text: string, at: number): { readonly text: string; readonly end: number } | undefined {
  for (const pattern of [STYLED_LETTER, ENTITY_HERE]) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) continue;
    const [entity, first, hex, name] = found;
    const written = pattern === STYLED_LETTER ? (first ?? "") : decodeEntity(entity, first, hex, name);
    if (written !== entity) return { text: written, end: at + entity.length };
  }
  return undefined;
}

function decodeEntity(entity: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? entity;
  const point = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? "", 16);
  if (point < 0x20) return " ";
  return point > 0x10_ffff || (point >= 0xd800 && point <= 0xdfff) ? entity : String.fromCodePoint(point);
}
