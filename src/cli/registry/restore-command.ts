/**
 * `shardgate registry restore`: restores an older copy of a registry while the gateways are stopped, and marks it as
 * restored: then no shard is served until every storage node has reported what it has claimed since the copy was made.
 */
import { copyFile, readFile, realpath, rename, stat, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { ShardgateError } from "../../core/error.js";
import { registryFileBytesMax } from "../../core/limits.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import { decodeFile, encodeFile } from "../../registry/stores/file/file-document.js";
import type { RegistryStore, StoredDocument, StoreMark } from "../../registry/registry-store.js";
import { mapOf, putBackDocument } from "../../registry/stored-cluster-map.js";
import type { Environment } from "../environment/environment.js";
import { makeFolder } from "../files/make-folder.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { addExample } from "../terminal/help-example.js";
import { dataOption, outputOption, parseText } from "../options/option.js";
import { print, type Format } from "../terminal/print.js";
import { findRegistry, refuseLed, refuseMemory, withRegistry, type FoundRegistry } from "./command-registry.js";
import { addRegistryOptions, checkRegistryOptions, type RegistryPlaceOptions } from "./registry-options.js";
import { placeText, usualPlace, type RegistryPlace } from "./registry-place.js";

interface RestoreOptions extends RegistryPlaceOptions {
  readonly data: string;
  readonly output: Format;
}

export function addRestoreCommand(registry: Command, environment: Environment): void {
  const restore = registry
    .command("restore")
    .description(
      "Restore an older copy of a registry file. Storage nodes report later changes when they register again.",
    )
    .argument("<from>", "backup copy to restore: a registry file", parseText);
  addRegistryOptions(
    restore,
    "registry to replace: a file, postgres://… or etcd://… (default: registry.json in --data)",
  )
    .addOption(dataOption("data folder of the gateway; what a registry on servers had is kept there"))
    .addOption(outputOption())
    .action(async (from: string, options: RestoreOptions, command: Command) => {
      checkRegistryOptions([options.registry], options, command);
      await runRestore(from, options, environment);
    });
  addExample(restore, restoreExample);
}

export const restoreExample = "registry restore ./backup/registry.json --data ./data";

async function runRestore(from: string, options: RestoreOptions, environment: Environment): Promise<void> {
  const { data, registry: place = usualPlace(data), output } = options;
  refuseMemory(place);
  const copy = await readCopy(from);
  // Checks that it is a cluster map before anything is opened.
  const map = mapOf(copy);
  const next = await withRegistry(place, options, environment, async (opened) => {
    await refuseLed(place, opened, environment.clock);
    const { replaced, versionAbove } = await makeRoom(place, opened.store, { map, data });
    const next = putBackDocument(copy, environment.newId(), versionAbove);
    if (!(await opened.store.compareAndSet(replaced, next, null))) {
      const message = `The registry ${placeText(place)} changed during the restore; nothing was restored.`;
      throw new ShardgateError("REGISTRY_CONFLICT", message);
    }
    return next;
  });
  await print(output === "json" ? jsonOf(place, next) : textOf(place, next), environment);
}

/** The document in a copy of a registry file, verified as a whole. Throws REGISTRY_CORRUPT. */
async function readCopy(path: string): Promise<StoredDocument> {
  const { size } = await stat(path);
  if (size > registryFileBytesMax) throw new CommandFailure(`${path} is ${size} bytes long, longer than any registry.`);
  return decodeFile(await readFile(path), path);
}

/**
 * What the store still has. On servers that includes its version: other gateways may know it, and accept no lower one.
 */
interface Room {
  readonly replaced: StoreMark | null;
  readonly versionAbove?: number;
}

/**
 * Keeps the present registry under another name: it may turn out to be the better one. Throws CLUSTER_MISMATCH when it
 * is of another cluster than the copy, and the store's errors.
 */
async function makeRoom(
  place: RegistryPlace,
  store: RegistryStore,
  { map, data }: { readonly map: ClusterMap; readonly data: string },
): Promise<Room> {
  if (place.kind === "file") return { replaced: await setFileAside(place.path, store, map) };
  const present = await findRegistry(store);
  if (present === null) return { replaced: null };
  refuseOtherCluster(place, present, map);
  await makeFolder(data);
  await writeFile(`${usualPlace(data).path}.replaced`, encodeFile(present));
  return { replaced: present, versionAbove: present.version };
}

async function setFileAside(path: string, store: RegistryStore, copy: ClusterMap): Promise<StoreMark | null> {
  const present = await findOrDamaged(store);
  if (present === null) return null;
  if (present !== "damaged") refuseOtherCluster({ kind: "file", path }, present, copy);
  // The registry may be a symbolic link, which stays.
  const file = await realpath(path);
  const aside = `${file}.replaced`;
  if (present === "damaged" || present.map === null) {
    await rename(file, aside);
    return null;
  }
  await copyFile(file, aside);
  return present;
}

/** The stored registry; "damaged" when the store cannot even read its document, which is a reason to restore. */
async function findOrDamaged(store: RegistryStore): Promise<FoundRegistry | "damaged" | null> {
  try {
    return await findRegistry(store);
  } catch (error) {
    if (error instanceof ShardgateError && error.code === "REGISTRY_CORRUPT") return "damaged";
    throw error;
  }
}

function refuseOtherCluster(place: RegistryPlace, { map: present }: FoundRegistry, copy: ClusterMap): void {
  if (present === null || present.clusterId === copy.clusterId) return;
  const both = `cluster ${present.clusterId}, but the copy belongs to cluster ${copy.clusterId}`;
  const message = `The registry ${placeText(place)} belongs to ${both}. Nothing was changed.`;
  throw new ShardgateError("CLUSTER_MISMATCH", message);
}

function textOf(place: RegistryPlace, document: StoredDocument): string {
  const { clusterName, version, shardCount, putBack } = mapOf(document);
  const waiting = putBack?.waiting ?? [];
  const next =
    waiting.length === 0
      ? "Start the gateway."
      : `Start the gateway. It serves shards again when each of these storage nodes has registered: ${waiting.join(", ")}. ` +
        "For a node that is lost for good, run `shardgate node accept-loss NAME`.";
  return `restored ${placeText(place)}: cluster ${clusterName}, ${shardCount} shards, map version ${version}\n${next}\n`;
}

function jsonOf(place: RegistryPlace, document: StoredDocument): string {
  const { clusterId, version, putBack } = mapOf(document);
  return `${JSON.stringify({ path: placeText(place), clusterId, mapVersion: version, waiting: putBack?.waiting ?? [] })}\n`;
}
