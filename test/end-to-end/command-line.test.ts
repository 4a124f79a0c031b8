/** Every interactive command as a process of its own, with a cluster of processes, as a shell or a script uses it. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, program, repository, Run, shardgate } from "../support/processes.js";

let cluster: ProcessCluster;

beforeAll(async () => {
  cluster = await ProcessCluster.start({
    nodes: 2,
    shards: 4,
    engine: "memory",
    gatewayArgs: ["--suspect-after", "1500", "--down-after", "2000"],
  });
});
afterAll(() => cluster.stop());

interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

/** The endpoint comes from the environment, as in a shell's profile. */
async function run(words: readonly string[], input = ""): Promise<Ended> {
  const process = shardgate(words, { SHARDGATE_ENDPOINT: cluster.origin });
  process.child.stdin.end(input);
  return { code: await process.ended(), out: process.stdout, err: process.stderr };
}

/** The one JSON document that a command prints when it ends with `exitCode`. */
async function json(words: readonly string[], exitCode = 0, input = ""): Promise<unknown> {
  const { code, out, err } = await run([...words, "-o", "json"], input);
  expect(code, err).toBe(exitCode);
  return JSON.parse(out);
}

async function ownerOf(key: string): Promise<string> {
  const { primary } = (await json(["shard", "locate", key])) as { primary: { name: string } };
  return primary.name;
}

describe("entries from the command line", () => {
  it("are written, read, listed and deleted", async () => {
    const value = '{"name": "Ada", "n": 12345678901234567890.10}';
    expect(await json(["put", "user123", "-", "--if-absent"], 0, `${value}\n`)).toMatchObject({
      isNew: true,
      shard: 2,
    });
    expect(await json(["put", "user456", "-1.50", "--ttl", "600"])).toMatchObject({ expiresAt: expect.any(String) });
    expect(await run(["get", "user123"])).toEqual({ code: 0, out: value, err: "" });
    expect((await run(["get", "user123", "-o", "json"])).out).toContain(`"value":${value},`);
    expect(await json(["get", "user123", "user456", "nope"], 3)).toHaveLength(3);
    expect(await json(["scan", "--prefix", "user", "--limit", "1"])).toMatchObject({ entries: [{ key: "user123" }] });
    expect((await run(["scan", "--reverse", "--keys-only"])).out).toBe("user456\nuser123\n");
    expect((await run(["put", "user123", "1", "--if-absent"])).code).toBe(4);
    expect((await run(["delete", "user456"])).code).toBe(2);
    expect(await json(["delete", "user456", "nope", "--yes"], 3)).toMatchObject([{ key: "user456" }, { key: "nope" }]);
  });

  it("are imported and exported", async () => {
    const lines = '{"key":"a/1","value":1.10}\n{"key":"a/2","value":[2]}\n';
    expect(await json(["import", "-"], 0, lines)).toEqual({ imported: 2, expired: 0, failedLine: null });
    expect((await run(["export", "--prefix", "a/"])).out).toBe(lines);
    expect(await json(["export", "--prefix", "a/"])).toHaveLength(2);
  });
});

describe("the cluster from the command line", () => {
  it("shows and assigns shards", async () => {
    expect(await json(["shard", "ls"])).toHaveLength(4);
    const { epoch, primary } = (await json(["shard", "get", "0"])) as { epoch: number; primary: { name: string } };
    const other = primary.name === "node1" ? "node2" : "node1";
    const words = ["shard", "assign", "0", other];
    expect((await run([...words, "--if-epoch", "999"])).code).toBe(4);
    expect(await json([...words, "--if-epoch", String(epoch), "--force", "--yes"])).toMatchObject({
      epoch: epoch + 1,
      primary: { name: other },
    });
    expect(await json(["shard", "history", "0"])).toMatchObject([{ cause: "OPERATOR" }, { cause: "AUTOMATIC" }]);
    expect((await run(["shard", "get", "4"])).code).toBe(3);
    expect(await json(["shard", "locate", "user123", "--shards", "64"])).toMatchObject({ number: 6 });
  });

  it("shows, adds and removes storage nodes, beside the command that runs one", async () => {
    expect(await json(["node", "add", "elsewhere", "http://127.0.0.1:9"])).toMatchObject({ name: "elsewhere" });
    expect(await json(["node", "ls"])).toMatchObject([{ name: "elsewhere" }, { name: "node1" }, { name: "node2" }]);
    expect((await run(["node", "rm", "elsewhere"])).code).toBe(2);
    expect(await json(["node", "rm", "elsewhere", "--yes"])).toEqual({ name: "elsewhere", unassignedShards: [] });
    expect((await run(["node", "rm", "elsewhere", "--yes"])).code).toBe(3);
  });

  it("is checked: exit code 0 while it is healthy, 1 and the reason when a primary is down", async () => {
    expect(await json(["status"])).toMatchObject({ isHealthy: true, shardCount: 4 });
    expect(await run(["check"])).toEqual({ code: 0, out: "ok: all 4 shards have a live primary\n", err: "" });
    const owner = await ownerOf("user123");
    await cluster.run(owner).stop("SIGKILL");
    expect((await run(["get", "user123"])).code).toBe(5);
    await eventually(async () => expect((await run(["check"])).code).toBe(1));
    expect(await json(["check"], 1)).toMatchObject({ isHealthy: false });
    expect((await run(["check"])).err).toMatch(`(${owner} is DOWN)`);
    cluster.startNode(owner);
    await cluster.ready();
  });
});

describe("the command line without a gateway", () => {
  it("reports unavailability", async () => {
    expect((await run(["status", "-e", "http://127.0.0.1:9"])).code).toBe(5);
  });

  it("prints the schema that the package has as a file", async () => {
    const text = readFileSync(path.join(repository, "dist/schema.graphql"), "utf8");
    expect((await run(["schema", "print"])).out.trim()).toBe(text.trim());
    expect(await json(["schema", "print"])).toHaveProperty("schema");
  });

  it("completes in bash, when its script is sourced", async () => {
    const start = path.join(cluster.folder, "shardgate");
    writeFileSync(start, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, { mode: 0o755 });
    const code = [
      `PATH=${cluster.folder}:$PATH`,
      "source <(shardgate completion bash)",
      "COMP_WORDS=(shardgate shard l) COMP_CWORD=2",
      "_shardgate",
      'echo "${COMPREPLY[@]}"',
    ].join("\n");
    const bash = new Run("bash", ["--noprofile", "--norc", "-c", code]);
    expect(await bash.ended(), bash.stderr).toBe(0);
    expect(bash.stdout).toBe("ls locate\n");
  });

  it.each(["zsh", "fish"])("has a completion script for %s", async (shell) => {
    expect(await run(["completion", shell])).toMatchObject({
      code: 0,
      out: expect.stringContaining("shardgate"),
      err: "",
    });
  });

  it("refuses a wrong use with exit code 2", async () => {
    expect((await run(["put", "k", "no json"])).code).toBe(2);
    expect((await run(["shard"])).code).toBe(2);
  });
});
