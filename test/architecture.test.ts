/** The house has floors, imports point down, and docs/architecture.md shows them as they are. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { filesIn, HOUSES, importsIn, PAGE, redrawn, roomOf } from "../pack/architecture.ts";

const page = readFileSync(PAGE, "utf8");

describe.each(HOUSES)("$tree", ({ tree, floors }) => {
  const floorOf = (file: string) => floors.findIndex((rooms) => rooms.includes(roomOf(file)));

  it("has a floor and a paragraph for each folder, and for each file beside them", () => {
    const rooms = [...new Set(filesIn(tree).map(roomOf))];
    expect(rooms.sort()).toEqual(floors.flat().sort());
    for (const room of rooms) expect(page).toContain(`- **${tree}/${room}**`);
  });

  it("imports only what is on a lower floor, types included", () => {
    const upward = importsIn(tree)
      .filter(({ from, to }) => roomOf(from) !== roomOf(to) && floorOf(from) >= floorOf(to))
      .map(
        ({ from, to }) =>
          `${from} imports ${to}, which is not below it: what both need belongs in ${roomOf(from)}, or lower`,
      );
    expect(upward).toEqual([]);
  });

  it("has no files that import each other, by whatever way", () => {
    const imported = new Map<string, string[]>();
    for (const { from, to } of importsIn(tree)) imported.set(from, [...(imported.get(from) ?? []), to]);
    const done = new Set<string>();
    const circleFrom = (file: string, way: readonly string[]): readonly string[] | undefined => {
      if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
      if (done.has(file)) return undefined;
      done.add(file);
      for (const next of imported.get(file) ?? []) {
        const circle = circleFrom(next, [...way, file]);
        if (circle) return circle;
      }
      return undefined;
    };
    for (const file of imported.keys()) expect(circleFrom(file, [])).toBeUndefined();
  });
});

it("docs/architecture.md shows the imports as they are; `npm run docs` draws them anew", () => {
  expect(redrawn(page)).toBe(page);
});

it("each type has a name of its own", () => {
  const homes = new Map<string, string[]>();
  for (const { tree } of HOUSES) {
    for (const file of filesIn(tree)) {
      const path = `${tree}/${file}`;
      const declared = readFileSync(path, "utf8").matchAll(
        /^(?:export )?(?:abstract )?(?:interface|type|class) (\w+)/gm,
      );
      for (const [, name = ""] of declared) homes.set(name, [...(homes.get(name) ?? []), path]);
    }
  }
  expect(homes.size).toBeGreaterThan(0);
  expect([...homes].filter(([, files]) => files.length > 1)).toEqual([]);
});
