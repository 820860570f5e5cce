import { expect, it } from "vitest";
import { licencesOf } from "../../pack/licences.ts";

it("takes the text for a package that came without one from a sister in the same repository, and says so", async () => {
  const text = await licencesOf(["node_modules/https-proxy-agent", "node_modules/proxy-agent-negotiate"]);
  const [, sister = "", without = ""] = /^https-proxy-agent .*?(\(The MIT.*?)\n\n\n(.*)$/s.exec(text) ?? [];
  expect(sister).toContain("Copyright (c) 2013 Nathan Rajlich");
  expect(without).toMatch(/^proxy-agent-negotiate \S+ \(MIT\)\n=+\n\n\(It came without .* https-proxy-agent 9/);
  expect(without).toContain(sister);
});

it("refuses to go on without the text of a licence", async () => {
  const alone = licencesOf(["node_modules/ws", "node_modules/proxy-agent-negotiate"]);
  await expect(alone).rejects.toThrow(/^proxy-agent-negotiate \S+ has no text of its licence/);
});
