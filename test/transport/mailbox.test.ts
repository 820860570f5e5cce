import { expect, it } from "vitest";
import { Mailbox } from "../../src/transport/mailbox.ts";

it("pauses its source for a pile of empty frames as for a pile of bytes, and resumes it when they are read", async () => {
  const calls: string[] = [];
  const mailbox = new Mailbox({ pause: () => calls.push("pause"), resume: () => calls.push("resume") });
  let pushed = 0;
  while (calls.length === 0 && pushed < 100_000) {
    mailbox.push(Buffer.alloc(0));
    pushed += 1;
  }
  expect(pushed).toBeLessThan(5_000);
  for (let i = 0; i < pushed; i++) expect(await mailbox.pull()).toEqual(Buffer.alloc(0));
  expect(calls).toEqual(["pause", "resume"]);
});

it("lets a paused source run on when it is cut, so that its end is seen", () => {
  const calls: string[] = [];
  const mailbox = new Mailbox({ pause: () => calls.push("pause"), resume: () => calls.push("resume") });
  mailbox.push(Buffer.alloc(1024 * 1024));
  mailbox.cut(Object.assign(new Error("enough")) as never);
  expect(calls).toEqual(["pause", "resume"]);
});
