/** `shardgate registry restore` with registry files in a folder of the test's own. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lockRegistry } from "../../../src/cli/files/file-lock.js";
import { registryFileBytesMax } from "../../../src/core/limits.js";
import { applyCommand, createClusterMap } from "../../../src/registry/commands.js";
import type { ClusterMap } from "../../../src/registry/cluster-map.js";
import { decodeFile, encodeFile } from "../../../src/registry/stores/file/file-document.js";
import { FileStore } from "../../../src/registry/stores/file/file-store.js";
import { documentOf, mapOf } from "../../../src/registry/stored-cluster-map.js";
import { hurriedClock } from "../../support/hurried-clock.js";
import { temporaryFolder } from "../../support/processes.js";
import { runCommand, type CommandRun } from "../run-command.js";

let folder: ReturnType<typeof temporaryFolder>;
/** The older copy, and the registry that it replaces. */
let copy: string;
let registry: string;

beforeEach(() => {
  folder = temporaryFolder();
  copy = path.join(folder.path, "copy.json");
  registry = path.join(folder.path, "data", "registry.json");
  writeFileSync(copy, encodeFile(documentOf(clusterMap("c1", ["node1", "node2"]))));
});
afterEach(() => folder.remove());

function clusterMap(clusterId: string, nodes: readonly string[]): ClusterMap {
  const empty = createClusterMap({ clusterId, clusterName: "shop", shardCount: 4 });
  return nodes.reduce(
    (map, name) =>
      applyCommand(map, { kind: "registerNode", name, url: `http://${name}:1`, identity: null, newMark: "m" }, 0).map,
    empty,
  );
}

function put(map: ClusterMap): Buffer {
  const bytes = encodeFile(documentOf(map));
  mkdirSync(path.dirname(registry), { recursive: true });
  writeFileSync(registry, bytes);
  return bytes;
}

const read = (file: string): ClusterMap => mapOf(decodeFile(readFileSync(file), file));
const restore = (...options: string[]): Promise<CommandRun> =>
  runCommand(["registry", "restore", copy, "--data", path.dirname(registry), ...options], {
    overrides: { clock: hurriedClock, newId: () => "drawn" },
  });

describe("registry restore", () => {
  it("restores the copy where no registry exists, marks it as restored, and names the storage nodes that must register", async () => {
    const { code, out, err } = await restore();
    expect([code, err]).toEqual([0, ""]);
    expect(out).toBe(
      `restored ${registry}: cluster shop, 4 shards, map version 4\nStart the gateway. It serves shards again when each of ` +
        "these storage nodes has registered: node1, node2. For a node that is lost for good, run `shardgate node " +
        "accept-loss NAME`.\n",
    );
    const map = read(registry);
    expect(map).toMatchObject({ clusterId: "c1", version: 4, putBack: { waiting: ["node1", "node2"] } });
    // Drawn anew at each restore.
    expect(map.putBack?.mark).toBe("drawn");
    expect(read(copy).putBack).toBeNull();
  });

  it("keeps the registry that it replaces under another name", async () => {
    const before = put(clusterMap("c1", ["node1", "node2", "node3"]));
    const { code, out } = await restore("-o", "json");
    expect([code, JSON.parse(out)]).toEqual([
      0,
      {
        path: registry,
        clusterId: "c1",
        mapVersion: 4,
        keptAs: `${registry}.replaced`,
        waiting: ["node1", "node2"],
      },
    ]);
    expect([...read(registry).nodes.keys()]).toEqual(["node1", "node2"]);
    expect(readFileSync(`${registry}.replaced`)).toEqual(before);
  });

  it("overwrites nothing that an earlier restore has kept", async () => {
    const first = put(clusterMap("c1", ["node1", "node2", "node3"]));
    await restore();
    const second = readFileSync(registry);
    expect((await restore()).out).toContain(`\nkept what it replaces as ${registry}.replaced.2\n`);
    expect(readFileSync(`${registry}.replaced`)).toEqual(first);
    expect(readFileSync(`${registry}.replaced.2`)).toEqual(second);
  });

  it("marks a copy that was already restored by hand", async () => {
    put(clusterMap("c1", ["node1"]));
    expect(await runCommand(["registry", "restore", registry, "--registry", registry])).toMatchObject({ code: 0 });
    expect(read(registry).putBack?.waiting).toEqual(["node1"]);
  });

  it.each([
    ["is cut off", Buffer.from("cut o")],
    ["is whole, but no cluster map", encodeFile({ version: 9, text: "{}" })],
  ])("replaces a registry that %s, and keeps the rest of it", async (_what, bytes) => {
    put(clusterMap("c1", []));
    writeFileSync(registry, bytes);
    expect(await restore()).toMatchObject({ code: 0 });
    expect(read(registry).nodes.size).toBe(2);
    expect(readFileSync(`${registry}.replaced`)).toEqual(bytes);
  });

  it("reports when the registry changed meanwhile, and restores nothing", async () => {
    const changing = vi.spyOn(FileStore.prototype, "compareAndSet").mockResolvedValue(false);
    put(clusterMap("c1", []));
    expect((await restore()).err).toContain(
      `The registry ${registry} changed during the restore; nothing was restored.`,
    );
    changing.mockRestore();
    // The lock has been released: the next attempt succeeds.
    expect(await restore()).toMatchObject({ code: 0 });
  });

  it("replaces the target of a symbolic link, and leaves the link", async () => {
    put(clusterMap("c1", []));
    const link = path.join(folder.path, "link.json");
    symlinkSync(registry, link);
    expect(await runCommand(["registry", "restore", copy, "--registry", link])).toMatchObject({ code: 0 });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(read(registry).nodes.size).toBe(2);
  });

  it("names no storage nodes when the copy has none", async () => {
    writeFileSync(copy, encodeFile(documentOf(clusterMap("c1", []))));
    expect((await restore()).out).toMatch(/\nStart the gateway\.\n$/);
    expect(read(registry).putBack).toBeNull();
  });
});

describe("registry restore changes nothing", () => {
  /** All files except those of locking: the lock file, and its folder. */
  const files = (): readonly string[] =>
    readdirSync(folder.path, { recursive: true, encoding: "utf8" }).filter((name) => !name.endsWith(".lock"));

  async function refused(message: string, ...options: string[]): Promise<void> {
    const before = files();
    const { code, out, err } = await restore(...options);
    expect([code === 0, out]).toEqual([false, ""]);
    expect(err).toContain(message);
    expect(files()).toEqual(before);
  }

  it("when the registry is of another cluster", async () => {
    const before = put(clusterMap("c2", []));
    await refused(`The registry ${registry} belongs to cluster c2, but the copy belongs to cluster c1.`);
    expect(readFileSync(registry)).toEqual(before);
  });

  it("when a gateway is running", async () => {
    const before = put(clusterMap("c1", []));
    const lock = await lockRegistry(`${registry}.lock`, hurriedClock);
    await refused(`The registry ${registry} is in use by another process`);
    await lock.release();
    expect(readFileSync(registry)).toEqual(before);
  });

  it.each([
    ["is damaged", (bytes: Buffer) => bytes.subarray(0, -1), "its checksum is wrong"],
    ["is no registry", () => Buffer.from("[]"), "does not begin with the header of a registry file"],
    ["is far too long", () => Buffer.alloc(registryFileBytesMax + 1), "longer than any registry"],
    ["has a text that is no cluster map", () => encodeFile({ version: 3, text: "{}" }), "restore a backup"],
  ])("when the copy %s", async (_what, damage, message) => {
    writeFileSync(copy, damage(readFileSync(copy)));
    await refused(message);
  });

  it("when the copy is missing, or the registry is the one in memory", async () => {
    expect((await restore("--registry", "memory")).code).toBe(2);
    expect((await restore("--registry", "memory")).err).toContain(
      "A registry in memory exists within its gateway only",
    );
    const missing = await runCommand(["registry", "restore", `${copy}.no`, "--registry", registry]);
    expect(missing).toMatchObject({ code: 1, err: `shardgate: Cannot use ${copy}.no: it does not exist.\n` });
  });
});
