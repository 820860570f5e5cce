import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_REMOTE_CHARS, sameRemote, tellableRemote } from "../../src/repository/remote.ts";

describe("what is told of a remote", () => {
  it.each([
    ["https://github.com/owner/repo.git", "https://github.com/owner/repo.git"],
    ["https://someone:ghp_secret@github.com/owner/repo.git", "https://github.com/owner/repo.git"],
    ["https://ghp_secret@github.com/owner/repo", "https://github.com/owner/repo"],
    ["https://a:b@c:d@GitHub.com:443/owner/repo?access_token=secret#x", "https://github.com/owner/repo"],
    ["http://git.example:3000/owner/repo", "http://git.example:3000/owner/repo"],
    ["git@github.com:owner/repo.git", "git@github.com:owner/repo.git"],
    ["jane.doe@git.example:owner/repo.git", "git.example:owner/repo.git"],
    ["git.example:/srv/git/repo.git", "git.example:/srv/git/repo.git"],
    ["ssh://git:secret@git.example:2222/~x/repo.git", "ssh://git@git.example:2222/~x/repo.git"],
    ["ssh://jane@GIT.example:22/repo", "ssh://git.example/repo"],
    ["git+ssh://git@git.example/repo", "git+ssh://git@git.example/repo"],
    ["ssh://git@[::1]:2222/repo", "ssh://git@[::1]:2222/repo"],
    ["git://git.example/repo", "git://git.example/repo"],
  ])("%s: %s", (address, told) => {
    expect(tellableRemote(address)).toBe(told);
  });

  it.each([
    "/home/jane/secret-project",
    "../secret-project",
    "secret-project",
    "file:///home/jane/secret-project",
    "C:\\Users\\jane\\project",
    "C:/Users/jane/project",
    "\\\\server\\share",
    "ext::sh -c id",
    "ext::sh",
    "testgit::https://example.com/x",
    "codecommit::us-east-1://profile@repo",
    "javascript://example.com/%0aalert(1)",
    "https://",
    "https://example.com",
    "ssh://-oProxyCommand=id/x",
    "-oProxyCommand=id:x",
    "ssh://host:port/x",
    "git@example.com:owner/repo\nhttps://evil.example/x",
    "https://example.com/\u202egit",
    `https://example.com/${"x".repeat(MAX_REMOTE_CHARS)}`,
    "",
  ])("%j: nothing", (address) => {
    expect(tellableRemote(address)).toBe(undefined);
  });

  it("never holds a user, a password, a query or a fragment", () => {
    const word = fc
      .stringMatching(/^[A-Za-z0-9._~!$&'()*+,;=%-]{3,12}$/)
      .map((text) => `zq${text.replaceAll("%", "")}`);
    const scheme = fc.constantFrom("https", "http", "ssh", "git+ssh");
    fc.assert(
      fc.property(scheme, word, word, word, word, (kind, user, password, query, fragment) => {
        const told = tellableRemote(`${kind}://${user}:${password}@git.example/owner/repo?${query}#${fragment}`);
        expect(told).toBe(`${kind}://git.example/owner/repo`);
      }),
    );
  });
});

describe("two addresses of the same place", () => {
  const GITHUB = [
    "https://github.com/Owner/Repo.git",
    "https://github.com/owner/repo",
    "https://x:y@GITHUB.com:443/owner/repo/",
    "http://github.com/owner/repo",
    "git@github.com:owner/repo.git",
    "github.com:owner/repo",
    "github.com:/owner/repo",
    "ssh://git@github.com/owner/repo.git",
    "ssh://git@github.com:22/owner/repo",
    "ssh://git@ssh.github.com:443/owner/repo.git",
    "git://github.com//owner/repo.git",
  ];

  it.each(GITHUB)("%s is where the others are", (address) => {
    for (const other of GITHUB.filter((it) => !/:443\/owner\/repo\.git$/.test(it) || /^(?:ht|gi)t?/.test(address))) {
      if (address.includes("ssh.github.com") && !/^http/.test(other)) continue; // another port of the same kind
      if (other.includes("ssh.github.com") && !/^http/.test(address)) continue;
      expect([other, sameRemote(address, other)]).toEqual([other, true]);
    }
  });

  it.each([
    ["https://github.com/owner/repo", "https://github.com/owner/repo2"],
    ["https://github.com/owner/repo", "https://github.com/other/repo"],
    ["https://github.com/owner/repo", "https://gitlab.com/owner/repo"],
    ["https://git.example:3000/a/b", "https://git.example:4000/a/b"],
    ["ssh://git.example:2222/a/b", "git.example:a/b"],
    ["https://git.example/a/b", "https://git.example/a/b/c"],
  ])("%s and %s are two", (one, other) => {
    expect(sameRemote(one, other)).toBe(false);
  });

  it("compares nothing that is no address", () => {
    expect(sameRemote("/srv/repo", "/srv/repo")).toBe(undefined);
    expect(sameRemote("https://github.com/owner/repo", "file:///srv/repo")).toBe(undefined);
  });
});
