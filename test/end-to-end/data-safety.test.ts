/** Runs the commands of docs/how-to/data-safety.md, each in the state of the cluster that the page describes. */
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeRow } from "../support/cluster-calls.js";
import { getEntry, putEntry, untilAnswered } from "../support/data-calls.js";
import { examplesIn } from "../support/markdown-examples.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually, program, Run } from "../support/processes.js";

const examples = examplesIn("docs/how-to/data-safety.md");
let cluster: ProcessCluster;
/** Where the commands are run: `./data` is the cluster's folder. */
let place: string;

beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4 });
  place = path.join(cluster.folder, "place");
  mkdirSync(path.join(place, "backup"), { recursive: true });
  writeFileSync(path.join(place, "npx"), `#!/bin/sh\nshift\nexec node ${program} "$@"\n`, { mode: 0o755 });
  expect((await putEntry(cluster.origin, "user123", { value: "kept" })).status).toBe(201);
});
afterAll(() => cluster.stop());

/** Runs the command of the page that contains `words`, and resolves to its output. */
async function run(words: string): Promise<string> {
  const found = examples.filter(({ code }) => code.includes(words));
  expect(found.map(({ language }) => language)).toEqual(["sh"]);
  const environment = { SHARDGATE_ENDPOINT: cluster.origin, PATH: `${place}:${process.env["PATH"]}` };
  const command = (found[0]?.code ?? "").replaceAll("./data", cluster.folder);
  const shell = new Run("bash", ["-c", `set -eu; ${command}`], environment, place);
  expect(await shell.ended(), shell.stderr).toBe(0);
  return shell.stdout;
}

async function startWithEmptyFolder(): Promise<void> {
  await cluster.run("node1").stop();
  renameSync(`${cluster.folder}/node1`, `${cluster.folder}/away`);
  cluster.startNode("node1");
  await eventually(async () =>
    expect((await nodeRow(cluster.origin, "node1")).problem?.code).toBe("STORE_NOT_RECOGNIZED"),
  );
}

describe("docs/how-to/data-safety.md", () => {
  it("has these commands and no others", () => {
    const commands = examples.map(({ code }) => code.trim().split(" ").slice(2, 4).join(" "));
    expect(commands).toEqual(["status", "node accept-loss", "registry restore", "node verify"]);
  });

  it("shows a storage node that is not recognized, and serves everything once its folder is back", async () => {
    await startWithEmptyFolder();
    expect(await run("status")).toMatch(/node1, store .* not served/);
    await cluster.run("node1").stop();
    rmSync(`${cluster.folder}/node1`, { recursive: true });
    renameSync(`${cluster.folder}/away`, `${cluster.folder}/node1`);
    cluster.startNode("node1");
    await cluster.ready();
    await untilAnswered(cluster.origin, "user123");
    expect(await getEntry(cluster.origin, "user123")).toMatchObject({ status: 200, value: "kept" });
  });

  it("restores a registry from a copy, and its storage nodes report what has changed since", async () => {
    copyFileSync(cluster.registryFile, path.join(place, "backup/registry.json"));
    await cluster.run("node1").stop();
    cluster.startNode("node1");
    await cluster.ready();
    await cluster.run("gateway").stop();
    expect(await run("registry restore")).toContain("node1");
    cluster.startGateway();
    await cluster.ready();
    await untilAnswered(cluster.origin, "user123");
    expect(await getEntry(cluster.origin, "user123")).toMatchObject({ status: 200, value: "kept" });
  });

  it("verifies the folder of a stopped storage node", async () => {
    await cluster.run("node1").stop();
    expect(await run("node verify")).toMatch(/^problems +0$/m);
    cluster.startNode("node1");
    await cluster.ready();
  });

  it("accepts a storage node without its data once the loss is accepted", async () => {
    await startWithEmptyFolder();
    await run("accept-loss");
    await cluster.ready();
    await eventually(async () => expect((await getEntry(cluster.origin, "user123")).status).toBe(404));
  });
});
