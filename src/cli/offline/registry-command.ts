/**
 * `shardgate registry restore`: restores an older copy of a registry file while the gateway is stopped, and marks it as
 * restored: then no shard is served until every storage node has reported what it has claimed since the copy was made.
 */
import { copyFile, readFile, realpath, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { ShardgateError } from "../../core/error.js";
import { registryFileBytesMax } from "../../core/limits.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import { decodeFile } from "../../registry/stores/file/file-document.js";
import { FileStore } from "../../registry/stores/file-store.js";
import type { StoredDocument, StoreMark } from "../../registry/registry-store.js";
import { mapOf, putBackDocument } from "../../registry/stored-cluster-map.js";
import type { Environment } from "../environment/environment.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { lockRegistry } from "../files/file-lock.js";
import { addExample } from "../terminal/help-example.js";
import { makeFolder } from "../files/make-folder.js";
import { dataOption, option, outputOption, parseText } from "../options/option.js";
import { print, type Format } from "../terminal/print.js";

interface RestoreOptions {
  readonly data: string;
  readonly registry?: string;
  readonly output: Format;
}

export function addRegistryCommands(program: Command, environment: Environment): void {
  const registry = program
    .command("registry")
    .description("Maintain the registry file of a stopped gateway.")
    .helpCommand(false);
  addExample(registry, example);
  const restore = registry
    .command("restore")
    .description(
      "Restore an older copy of a registry file. Storage nodes report later changes when they register again.",
    )
    .argument("<from>", "backup copy to restore", parseText)
    .addOption(
      option("--registry <file>", "registry file to replace (default: registry.json in --data)").argParser(parseFile),
    )
    .addOption(dataOption("data folder of the gateway"))
    .addOption(outputOption())
    .action((from: string, options: RestoreOptions) => runRestore(from, options, environment));
  addExample(restore, example);
}

const example = "registry restore ./backup/registry.json --data ./data";

/** The gateway's `memory`, for a registry in memory, is not a file name here. */
function parseFile(text: string): string {
  if (text === "memory")
    throw new InvalidArgumentError("A registry in memory cannot be restored; name a file with --registry.");
  return parseText(text);
}

async function runRestore(from: string, options: RestoreOptions, environment: Environment): Promise<void> {
  const { data, registry: path = join(data, "registry.json"), output } = options;
  const { clock, newId } = environment;
  const copy = await readCopy(from);
  const next = putBackDocument(copy, newId());
  await makeFolder(dirname(path));
  const store = await FileStore.open(path, {
    lockFile: (lockPath) => lockRegistry(lockPath, clock),
    watchFile: () => () => undefined,
  });
  try {
    const replaced = await setAside(path, await loadIfWhole(store), mapOf(copy));
    if (!(await store.compareAndSet(replaced, next, null)))
      throw new ShardgateError(
        "REGISTRY_CONFLICT",
        `The registry ${path} changed during the restore; nothing was restored.`,
      );
  } finally {
    await store.close();
  }
  await print(output === "json" ? jsonOf(path, next) : textOf(path, next), environment);
}

/** The document in a copy of a registry file, verified as a whole. Throws REGISTRY_CORRUPT. */
async function readCopy(path: string): Promise<StoredDocument> {
  const { size } = await stat(path);
  if (size > registryFileBytesMax) throw new CommandFailure(`${path} is ${size} bytes long, longer than any registry.`);
  return decodeFile(await readFile(path), path);
}

/** The registry that is being replaced. */
interface Present extends StoreMark {
  readonly clusterId: string;
}

/** The stored registry; "damaged" when it cannot be read, which is a reason to restore. */
async function loadIfWhole(store: FileStore): Promise<Present | "damaged" | null> {
  try {
    const stored = await store.load();
    return stored === null ? null : { ...stored, clusterId: mapOf(stored).clusterId };
  } catch (error) {
    if (error instanceof ShardgateError && error.code === "REGISTRY_CORRUPT") return "damaged";
    throw error;
  }
}

/**
 * Keeps the present registry under another name: it may turn out to be the better one. Resolves to what the store still
 * has. Throws CLUSTER_MISMATCH when the present registry is of another cluster than the copy.
 */
async function setAside(
  path: string,
  current: Present | "damaged" | null,
  copy: ClusterMap,
): Promise<StoreMark | null> {
  if (current === null) return null;
  // The registry may be a symbolic link, which stays.
  const file = await realpath(path);
  const aside = `${file}.replaced`;
  if (current === "damaged") {
    await rename(file, aside);
    return null;
  }
  const { clusterId } = current;
  if (clusterId !== copy.clusterId) {
    const message = `The registry ${path} belongs to cluster ${clusterId}, but the copy belongs to cluster ${copy.clusterId}. Nothing was changed.`;
    throw new ShardgateError("CLUSTER_MISMATCH", message);
  }
  await copyFile(file, aside);
  return current;
}

function textOf(path: string, document: StoredDocument): string {
  const { clusterName, version, shardCount, putBack } = mapOf(document);
  const waiting = putBack?.waiting ?? [];
  const next =
    waiting.length === 0
      ? "Start the gateway."
      : `Start the gateway. It serves shards again when each of these storage nodes has registered: ${waiting.join(", ")}. ` +
        "For a node that is lost for good, run `shardgate node accept-loss NAME`.";
  return `restored ${path}: cluster ${clusterName}, ${shardCount} shards, map version ${version}\n${next}\n`;
}

function jsonOf(path: string, document: StoredDocument): string {
  const { clusterId, version, putBack } = mapOf(document);
  return `${JSON.stringify({ path, clusterId, mapVersion: version, waiting: putBack?.waiting ?? [] })}\n`;
}
