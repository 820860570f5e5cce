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

  it.each([
    "https://git.example/Group_1/sub.group/my%20Project2-api-v2.git",
    "https://dev.example/Team%20A/_git/BackendServices2024",
    "https://git.example/CVE-2021-44228-log4shell/x.git",
    "git@git.example:u123456789/stm32f103c8t6-blinky-2.0",
  ])("%s: as it is, since names have years, versions and parts of machines in them", (address) => {
    expect(tellableRemote(address)).toBe(address);
  });

  it.each([
    "oauth2:hunter2xyzzy@git.example:owner/repo.git",
    "oauth2:hunter2xyzzy@git.example/owner/repo.git",
    "git:hunter2xyzzy@git.example:22/owner/repo.git",
    "https:/jane:hunter2xyzzy@git.example/owner/repo.git",
    "https://proxy.example/https://jane:hunter2xyzzy@git.example/owner/repo",
    "https://proxy.example/https:%2F%2Fjane:hunter2xyzzy%40git.example/owner/repo",
    "https://proxy.example/https:%252F%252Fjane:hunter2xyzzy%2540git.example/owner/repo",
    "proxy.example:https://jane:hunter2xyzzy@git.example/owner/repo",
    "https://dl.example/q8Zr2LmX7vKpT4nWc9Yd/repo.git",
    "https://dl.example/private_token=q8Zr2LmX7vKpT4nWc9Yd/repo.git",
    "https://dl.example/%718Zr2LmX7vKpT4nWc9Yd.git",
    "ssh://git@git.example/9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c/repo.git",
    "git@git.example:q8Zr2LmX7vKpT4nWc9Yd/repo.git",
    "https://dl.example/project-q8Zr2LmX7vKpT4nWc9Yd2024/repo.git",
    "https://dl.example/3f2b8c1e-9d47-4a6b-b0e5-71c8d92f4a03/repo.git",
    "https://dl.example/q8Zr2-LmX7vKp_T4nWc9Yd/repo.git",
    "https://git.example/%ff/repo.git",
  ])("%s: nothing, since its path may hold credentials", (address) => {
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
        for (const first of ["", "https://proxy.example/", "proxy.example:"]) {
          expect(tellableRemote(`${first}${user}:${password}@git.example:owner/repo`)).toBe(undefined);
        }
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

  it("compares what is told to nobody", () => {
    const address = "https://dl.example/q8Zr2LmX7vKpT4nWc9Yd/repo";
    expect([sameRemote(address, `${address}.git`), sameRemote("https://git.example/a/b", address)]).toEqual([
      true,
      false,
    ]);
  });

  it("compares nothing that is no address", () => {
    expect(sameRemote("/srv/repo", "/srv/repo")).toBe(undefined);
    expect(sameRemote("https://github.com/owner/repo", "file:///srv/repo")).toBe(undefined);
  });
});
