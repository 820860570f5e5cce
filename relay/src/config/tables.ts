/** The list of settings as people read it: `--help`, and the tables of relay/README.md and relay/deploy/.env.example. */
import { FIXED_SETTINGS, OPERATOR_SETTINGS } from "./operators.ts";
import { DEFAULTS, type Settings, type TrustedProxies } from "./settings.ts";

/** Where a table begins and ends in a page: what is between such a line and the next is drawn from the list. */
const BEGINNING = "drawn from the list of settings";
const END = "end of what is drawn";

interface Named {
  readonly setting: keyof Settings;
  readonly unit?: string;
  readonly scale?: number;
  readonly standard?: string;
}

/** With its unit, as an operator would write the number: `60 seconds`. */
export function defaultInWords(named: Named): string {
  const { unit = "" } = named;
  return typeof DEFAULTS[named.setting] === "number" && unit !== ""
    ? `${bareDefault(named)} ${unit}`
    : bareDefault(named);
}

/** As an operator would write it. */
function bareDefault({ setting, scale = 1, standard }: Named): string {
  const value = DEFAULTS[setting];
  return standard ?? (typeof value === "number" ? String(value / scale) : inWords(value));
}

function inWords(value: string | readonly string[] | TrustedProxies | undefined): string {
  if (typeof value === "string") return value || "none";
  return Array.isArray(value) && value.length > 0 ? value.join(",") : "none";
}

export function usage(): string {
  const rows = OPERATOR_SETTINGS.map((it) => {
    const flag = it.flag === undefined ? "" : `--${it.flag}`;
    return `  ${flag.padEnd(30)} ${it.env.padEnd(34)} ${it.what} [${defaultInWords(it)}]`;
  });
  const head = `  ${"flag".padEnd(30)} environment`;
  const first = ["usage: node relay/dist/index.js [flags]", "       node relay/dist/index.js healthcheck [url]"];
  return [...first, "", head, ...rows, ""].join("\n");
}

/** Words such as `none` and `all` are no values, and not in code. */
const inCode = (value: string) => (["none", "all"].includes(value) ? value : `\`${value}\``);

/** Of a table in Markdown. */
const row = (...cells: string[]) => `|${cells.map((cell) => (cell === "" ? " " : ` ${cell} `)).join("|")}|`;

function settingsTable(): string[] {
  const rows = OPERATOR_SETTINGS.map((it) => {
    const flag = it.flag === undefined ? "" : inCode(`--${it.flag}`);
    const what = it.more === undefined ? it.what : `${it.what}; ${it.more}`;
    return row(inCode(it.env), flag, it.unit ?? "", inCode(bareDefault(it)), what);
  });
  return ["| environment | flag | unit | default | |", "|---|---|---|---|---|", ...rows];
}

function fixedTable(): string[] {
  const rows = FIXED_SETTINGS.map((it) => row(inCode(it.env), inCode(`--${it.flag}`), defaultInWords(it), it.what));
  return ["| environment | flag | fixed at | |", "|---|---|---|---|", ...rows];
}

/** README.md with its two tables as the list is now. */
export function redrawnReadme(page: string): string {
  return redrawn(page, [settingsTable(), fixedTable()]);
}

/** .env.example, with a commented line for each variable that it does not explain elsewhere. */
export function redrawnExample(page: string): string {
  const byHand = redrawn(page, [[]]);
  const rest = OPERATOR_SETTINGS.filter(({ env }) => !new RegExp(`^#?${env}=`, "m").test(byHand));
  const lines = rest.flatMap((it) => {
    const value = bareDefault(it);
    const unit = it.unit ? ` In ${it.unit}.` : "";
    const what = `${it.what[0]?.toUpperCase()}${it.what.slice(1)}`;
    return [`# ${what}.${unit}`, `#${it.env}=${["none", "all"].includes(value) ? "" : value}`];
  });
  return redrawn(page, [lines]);
}

/** @param tables what is to be drawn at each place, in order; as many as the page has places. */
function redrawn(page: string, tables: readonly (readonly string[])[]): string {
  let at = 0;
  const places = new RegExp(`^(.*${BEGINNING}.*\n)[^]*?^(.*${END}.*)$`, "gm");
  return page.replace(places, (_, beginning: string, end: string) => {
    const lines = (tables[at++] ?? []).map((line) => `${line}\n`);
    return `${beginning}${lines.join("")}${end}`;
  });
}
