/** The rest of relay/deploy: what systemd, a shell and a YAML parser say to it, and that its parts agree with each other. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { has, ROOT, settingOf, shipped, temporary, type Undo } from "./support.ts";

const undo: Undo = [];
afterEach(() => {
  for (const close of undo.splice(0)) close();
});

const DEPLOY = join(ROOT, "relay/deploy");
const UNIT = "claude-spread-relay.service";
/** Of a group of tests. */
const needs = (there: boolean, what: string) => beforeEach(({ skip }) => skip(!there, `needs ${what}`));

describe("the systemd unit", () => {
  needs(has("systemd-analyze", "--version"), "systemd-analyze");
  const installed = (dropIns: string[]) => {
    const path = join(temporary(undo), UNIT);
    writeFileSync(path, shipped(UNIT).replace("/usr/bin/node", process.execPath));
    mkdirSync(`${path}.d`);
    for (const name of dropIns) writeFileSync(join(`${path}.d`, name), shipped(name));
    return path;
  };
  const ways: [string, string[]][] = [
    ["behind a proxy", []],
    ["by itself", ["own-tls.conf"]],
  ];

  it.each(ways)("%s is one that systemd takes without a word", (_way, dropIns) => {
    const args = ["verify", "--man=no", installed(dropIns)];
    const { status, stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    // It also reads the units of this machine, and whatever is wrong with them is not ours.
    const ours = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("claude-spread-relay"));
    expect({ status, ours }).toEqual({ status: 0, ours: [] });
  });

  it.each(ways)("%s is exposed at 2.0 or less, of 10", (_way, dropIns) => {
    const args = ["security", "--offline=true", "--no-pager", "--threshold=20", installed(dropIns)];
    const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    const exposure = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1];
    expect({ status, exposure: Number(exposure) <= 2 }).toEqual({ status: 0, exposure: true });
  });
});

const scripts = readdirSync(DEPLOY).filter((name) => name.endsWith(".sh"));
describe("a shell", () => {
  needs(has("bash", "--version"), "bash");
  it.each(scripts)("takes %s for bash", (name) => {
    execFileSync("bash", ["-n", join(DEPLOY, name)]);
  });
});

describe("shellcheck", () => {
  needs(has("shellcheck", "--version"), "shellcheck");
  it.each(scripts)("has nothing to say to %s", (name) => {
    const { stdout } = spawnSync("shellcheck", [join(DEPLOY, name)], { encoding: "utf8" });
    expect(stdout).toBe("");
  });
});

describe("YAML", () => {
  needs(has("python3", "-c", "import yaml"), "python3 with PyYAML");
  // biome-ignore lint/suspicious/noExplicitAny: read as far as it is expected
  const parse = (name: string): any[] => {
    const script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
    return JSON.parse(execFileSync("python3", ["-c", script], { input: shipped(name), encoding: "utf8" }));
  };
  const drainSeconds = Number(/^RELAY_DRAIN_SECONDS=(\d+)$/m.exec(shipped(".env.example"))?.[1]);

  it("docker-compose.yml leaves the relay to its proxies, and time to drain", () => {
    const [{ services }] = parse("docker-compose.yml");
    const { relay, ...proxies } = services;
    expect(relay.ports).toBeUndefined();
    expect(relay.env_file).toBe(".env");
    expect(Number.parseInt(relay.stop_grace_period, 10)).toBeGreaterThan(drainSeconds + 5);
    const upstream = `${relay.networks.default.ipv4_address}:${relay.environment.RELAY_PORT}`;
    expect([proxies.nginx.environment.UPSTREAM, proxies.caddy.environment.UPSTREAM]).toEqual([upstream, "relay:9784"]);
    // Every proxy is one that the operator chooses, by a name that .env.example offers.
    const profiles = new Set(Object.values<{ profiles: string[] }>(proxies).flatMap((service) => service.profiles));
    expect([...profiles].sort()).toEqual(["caddy", "cloudflare", "nginx"]);
  });

  it("kubernetes.yml names one relay the same everywhere, asks /health for readiness, and leaves time to drain", () => {
    const documents = parse("kubernetes.yml");
    const [config, { spec }, service, ingress] = documents;
    expect(documents.map(({ kind }) => kind)).toEqual(["ConfigMap", "Deployment", "Service", "Ingress"]);
    expect(new Set(documents.map(({ metadata }) => metadata.name))).toEqual(new Set(["claude-spread-relay"]));
    expect(service.spec.selector).toEqual(spec.template.metadata.labels);
    expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
    const [path] = ingress.spec.rules[0].http.paths;
    expect(path.backend.service).toEqual({ name: service.metadata.name, port: { name: service.spec.ports[0].name } });

    const pod = spec.template.spec;
    const [container] = pod.containers;
    const preStopSeconds = Number(container.lifecycle.preStop.exec.command[1]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(
      preStopSeconds + Number(config.data.RELAY_DRAIN_SECONDS) + 5,
    );
    expect(container.readinessProbe.httpGet).toEqual({ path: "/health", port: container.ports[0].name });
    expect({ replicas: spec.replicas, links: pod.enableServiceLinks }).toEqual({ replicas: 1, links: false });
  });
});

describe("settings", () => {
  const named = new Set(
    readdirSync(DEPLOY).flatMap((file) => [...shipped(file).matchAll(/\bRELAY_[A-Z_]+[A-Z]\b/g)].map(([name]) => name)),
  );
  // A relay from before these settings knows seven of them.
  it("are all such as the relay knows, in every file", () => {
    expect([...named].filter((name) => settingOf(name) === undefined)).toEqual([]);
  });

  it("stand in .env.example with the default that the relay has, where they are commented out", () => {
    const shown = [...shipped(".env.example").matchAll(/^#(RELAY_[A-Z_]+)=(.*)$/gm)];
    // The unit says 127.0.0.1 instead of the relay's own.
    const rows = shown.filter(
      ([, name = "", value]) => value && name !== "RELAY_HOST" && settingOf(name) !== undefined,
    );
    expect(rows.length).toBeGreaterThan(4);
    for (const [, name = "", value] of rows)
      expect(`${name}=${settingOf(name)?.split(" ")[0]}`).toBe(`${name}=${value}`);
  });
});
