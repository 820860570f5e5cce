/** The cases that life.process.test.ts does not show. */
import { describe } from "vitest";
import { itGivesWay, itGoesOnByTheNextOne, itIsFoundThough, itOutlives } from "./life-suite.ts";

describe("a share outlives the server that made it, and is delivered, behind", () => {
  for (const end of ["SIGTERM", "SIGHUP", "SIGKILL"] as const) itOutlives(end);
});

describe("one hub", () => {
  for (const lie of ["names another process", "is garbage", "is a folder"] as const) itIsFoundThough(lie);
});

for (const idleMs of [0, 2, 5, 10]) itGoesOnByTheNextOne(idleMs);

describe("of another version, the hub", () => {
  itGivesWay("0.0.9", "0.1.0");
  itGivesWay("0.1.0", "0.1.1");
});
