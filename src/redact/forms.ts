/**
 * How the tokens of a service are written in tokens.ts: forms in which `~` and a letter stand for a class of characters. The
 * literals at which a text is searched are taken from the forms themselves.
 */
import { LEFT, type Rule } from "./rule.ts";

/**
 * Tokens of a service by what they begin with: the literals at which to look are taken from the forms. In a form, `~` and a
 * letter stand for a class: ~a letters and digits, ~w the same with - and _, ~h hex, ~l small letters and digits, ~u capitals
 * and digits, ~b base64.
 */
export function tokens(id: string, finds: string, ...forms: readonly string[]): Rule {
  const source = forms.join("|").replace(/~([awhlub])/g, (_, letter: string) => CLASSES[letter] ?? "");
  const starts = [...new Set(forms.flatMap(beginnings))];
  // Without a separator in it, a mark of a few letters stands in base64 by chance.
  const isWeak = starts.some((start) => start.length <= 6 && !/[_.~$!-]/.test(start));
  // A long one with a separator in it may stand behind a name: `fix-ghp_…`.
  const isStrong = starts.every((start) => start.length >= 4 && /[_.~$!-]/.test(start));
  const left = isStrong ? LEFT.replace("[A-Za-z0-9_-]", "[A-Za-z0-9]") : LEFT;
  return { id, finds, starts, pattern: new RegExp(`${left}(?:${source})(?![A-Za-z0-9])`, "dy"), isWeak };
}

const CLASSES: Readonly<Record<string, string>> = {
  a: "[A-Za-z0-9]",
  w: "[\\w-]",
  h: "[a-f0-9]",
  l: "[a-z0-9]",
  u: "[A-Z0-9]",
  b: "[\\w+/=-]",
};

/** The literals with which a form begins: up to the first class or repetition, for each choice that stands in it. */
function beginnings(form: string): string[] {
  const literal = /^(?:[\w!/-](?![{?*+])|\\[.$|*])*/.exec(form)?.[0] ?? "";
  const rest = form.slice(literal.length);
  const here = literal.replace(/\\/g, "");
  const choice = /^\(\?:([\w|.\\-]*)\)(?![{?*+])/.exec(rest);
  if (choice === null) return [here];
  return (choice[1] ?? "").split("|").flatMap((one) => beginnings(`${literal}${one}${rest.slice(choice[0].length)}`));
}
