/** The compose file: accepted by a linter with the schema of compose files, and whole in itself. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DCLinter } from "dclint";
import { afterAll, describe, expect, it } from "vitest";
import { drainDelayMsDefault } from "../../src/cli/serve/gateway-command.js";
import { drainTimeoutMs, stopMarginMs } from "../../src/core/limits.js";
import { composeServers, deployFolder, kitFile, readCompose } from "../support/deploy-kit.js";
import { repository, temporaryFolder } from "../support/processes.js";

/** Tastes of the linter that this file does not share: the order of keys, and quotes. */
const off = [
  "no-quotes-in-volumes",
  "require-quotes-in-ports",
  "service-keys-order",
  "services-alphabetical-order",
  "top-level-properties-order",
];
const folder = temporaryFolder();
afterAll(() => folder.remove());

interface LintResult {
  readonly messages: readonly { readonly rule: string; readonly message: string }[];
}

async function problemsOf(file: string): Promise<readonly string[]> {
  const rules = Object.fromEntries(off.map((rule) => [rule, 0 as const]));
  const linter = new DCLinter({ rules, quiet: false, debug: false, exclude: [] });
  // Its types name files that the package lacks.
  const results = (await linter.lintFiles([file], false)) as readonly LintResult[];
  expect(results).toHaveLength(1);
  return results.flatMap(({ messages }) => messages.map(({ rule, message }) => `${rule}: ${message}`));
}

describe("deploy/compose.yaml", () => {
  const { services, networks, secrets, volumes } = readCompose();
  const servers = composeServers();

  it("is accepted by the linter, which notices a wrong setting", async () => {
    expect(await problemsOf(path.join(deployFolder, "compose.yaml"))).toEqual([]);
    const wrong = path.join(folder.path, "compose.yaml");
    writeFileSync(wrong, kitFile("compose.yaml").replace("read_only:", "readonly:"));
    expect((await problemsOf(wrong)).join("\n")).toContain("must NOT have additional properties");
  });

  it("has three gateways, three storage nodes, their registry, and nginx in front", () => {
    expect(servers.map(({ args }) => args[0])).toEqual([...Array(3).fill("gateway"), ...Array(3).fill("node")]);
    expect(Object.keys(services)).toEqual([...servers.map(({ name }) => name), "registry", "nginx"]);
  });

  it("names only networks, secrets and volumes that it has, and uses all of them", () => {
    const used = (setting: string): readonly string[] =>
      Object.values(services).flatMap((service) => {
        const value = (service[setting] ?? []) as readonly string[] | Readonly<Record<string, unknown>>;
        return Array.isArray(value) ? (value as readonly string[]) : Object.keys(value);
      });
    expect(new Set(used("networks"))).toEqual(new Set(Object.keys(networks)));
    expect(new Set(used("secrets"))).toEqual(new Set(Object.keys(secrets)));
    const named = used("volumes").map((volume) => volume.split(":")[0] ?? "");
    expect(new Set(named.filter((name) => !name.startsWith("./")))).toEqual(new Set(Object.keys(volumes)));
  });

  it("gives each server the secrets whose files it names, and a URL of its own", () => {
    for (const { name, args, environment } of servers) {
      const named = Object.values(environment).flatMap((value) => /^\/run\/secrets\/(.+)$/.exec(value)?.[1] ?? []);
      expect(new Set(named)).toEqual(new Set(services[name]?.secrets));
      const url = new URL(args[args.indexOf("--advertise") + 1] ?? "");
      expect([url.hostname, url.port]).toEqual([name, args[0] === "node" ? "4001" : "4000"]);
    }
  });

  it("gives servers more time to stop than they take, no rights, and no file system to write to", () => {
    for (const { name } of servers) {
      const service = services[name] ?? {};
      expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
      const seconds = Number(
        /^(\d+)s$/.exec(String((service as { stop_grace_period?: string }).stop_grace_period))?.[1],
      );
      expect(seconds * 1000).toBeGreaterThan(drainDelayMsDefault + drainTimeoutMs + stopMarginMs);
    }
  });

  it("asks for the registry's health where gateways reach it, which no server does that only makes the database", () => {
    expect(services["registry"]?.["healthcheck"]).toMatchObject({
      test: ["CMD", "pg_isready", "--host=127.0.0.1", "--username=shardgate"],
    });
  });

  it("runs the image of this version", () => {
    const { version } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as { version: string };
    expect(new Set(servers.map(({ name }) => services[name]?.image))).toEqual(new Set([`shardgate:${version}`]));
  });

  it("waits for the storage nodes that it starts", () => {
    const nodes = servers.filter(({ args }) => args[0] === "node").length;
    for (const { environment } of servers.filter(({ args }) => args[0] === "gateway")) {
      expect(environment["SHARDGATE_NODES"]).toBe(String(nodes));
    }
  });
});
