import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { makeClock } from "./clock.ts";
import { spawnForTest } from "./namespaces.ts";
import { until } from "./wait.ts";

const HOUR_MS = 60 * 60_000;

/** A process that goes by a clock of its own, and the lines that it prints once it has begun. */
async function running(code: string) {
  const clock = await makeClock();
  const script = `${code}\nconsole.log("begun");`;
  const child = spawnForTest(process.execPath, [clock.preload, "--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (!child.stdout) throw new Error("it has no output");
  const lines: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  const says = async (...expected: string[]) => {
    await until("it has said all of it", () => lines.length > expected.length);
    expect(lines).toEqual(["begun", ...expected]);
  };
  await says();
  return { clock, says };
}

it("passes time for every kind of timer at once, and calls what is due in order", async () => {
  const { clock, says } = await running(`
    import { setTimeout as delay } from "node:timers/promises";
    import { setTimeout as later } from "node:timers";
    setTimeout(() => console.log("four"), ${4 * HOUR_MS});
    delay(${3 * HOUR_MS}, "three").then(console.log);
    later(console.log, ${2 * HOUR_MS}, "two");
    setInterval(() => console.log("each"), ${HOUR_MS});
    setTimeout(() => console.log("nine"), ${9 * HOUR_MS}).unref();
  `);
  await clock.pass(5 * HOUR_MS);
  await says("each", "two", "three", "four");
  await clock.pass(HOUR_MS);
  await says("each", "two", "three", "four", "each");
});

it("lets a timer be cleared, by its number too, be refreshed, and a delay be aborted", async () => {
  const { clock, says } = await running(`
    import { setTimeout as delay } from "node:timers/promises";
    clearTimeout(setTimeout(() => console.log("cleared"), 60_000));
    clearTimeout(Number(setTimeout(() => console.log("cleared by its number"), 60_000)));
    const over = new AbortController();
    delay(${3 * HOUR_MS}, undefined, { signal: over.signal }).catch(({ name }) => console.log(name));
    const refreshed = setTimeout(() => console.log("refreshed"), ${3 * HOUR_MS});
    setTimeout(() => {
      over.abort();
      refreshed.refresh();
    }, ${2 * HOUR_MS});
    setTimeout(() => console.log("four"), ${4 * HOUR_MS});
    setInterval(() => console.log("alive"), ${100 * HOUR_MS});
  `);
  await clock.pass(2 * HOUR_MS);
  await clock.pass(2 * HOUR_MS);
  await says("AbortError", "four");
  await clock.pass(HOUR_MS);
  await says("AbortError", "four", "refreshed");
});

it("moves Date and performance.now() together by what passes, and Date alone by a jump", async () => {
  const { clock, says } = await running(`
    const [wall, began] = [Date.now(), performance.now()];
    const hours = (ms) => Math.round(ms / ${HOUR_MS});
    setInterval(() => {
      console.log(hours(Date.now() - wall), hours(new Date() - wall), hours(performance.now() - began));
      console.log(new Date() instanceof Date, new Date(0).toISOString());
    }, ${HOUR_MS});
  `);
  await clock.jump(-24 * HOUR_MS);
  await clock.pass(2 * HOUR_MS);
  await says("-22 -22 2", "true 1970-01-01T00:00:00.000Z");
});
