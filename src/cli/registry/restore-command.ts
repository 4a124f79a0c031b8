/**
 * `shardgate registry restore`: restores an older copy of a registry while the gateways are stopped, and marks it as
 * restored: then no shard is served until every storage node has reported what it has claimed since the copy was made.
 */
import { constants } from "node:fs";
import { copyFile, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
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
  const restored = await withRegistry(place, options, environment, async (opened) => {
    await refuseLed(place, opened, environment.clock);
    const { replaced, keptAs, versionAbove } = await makeRoom(place, opened.store, { map, data });
    const next = putBackDocument(copy, environment.newId(), versionAbove);
    if (!(await opened.store.compareAndSet(replaced, next, null))) {
      const message = `The registry ${placeText(place)} changed during the restore; nothing was restored.`;
      throw new ShardgateError("REGISTRY_CONFLICT", message);
    }
    return { document: next, keptAs };
  });
  await print(output === "json" ? jsonOf(place, restored) : textOf(place, restored), environment);
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
  /** The file that has what was replaced; null: there was nothing. */
  readonly keptAs: string | null;
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
  if (place.kind === "file") return setFileAside(place.path, store, map);
  const present = await findRegistry(store);
  if (present === null) return { replaced: null, keptAs: null };
  refuseOtherCluster(place, present, map);
  await makeFolder(data);
  const content = encodeFile(present);
  const keptAs = await keep(usualPlace(data).path, (file) => writeFile(file, content, { flag: "wx" }));
  return { replaced: present, keptAs, versionAbove: present.version };
}

async function setFileAside(path: string, store: RegistryStore, copy: ClusterMap): Promise<Room> {
  const present = await findOrDamaged(store);
  if (present === null) return { replaced: null, keptAs: null };
  if (present !== "damaged") refuseOtherCluster({ kind: "file", path }, present, copy);
  // The registry may be a symbolic link, which stays.
  const file = await realpath(path);
  const keptAs = await keep(file, (name) => copyFile(file, name, constants.COPYFILE_EXCL));
  if (present !== "damaged" && present.map !== null) return { replaced: present, keptAs };
  await rm(file);
  return { replaced: null, keptAs };
}

/** Writes the file `path`.replaced, or one with a number behind it where there are such files of earlier restores. */
async function keep(path: string, write: (file: string) => Promise<void>): Promise<string> {
  for (let number = 1; ; number++) {
    const file = number === 1 ? `${path}.replaced` : `${path}.replaced.${number}`;
    try {
      await write(file);
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
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

interface Restored {
  readonly document: StoredDocument;
  readonly keptAs: string | null;
}

function textOf(place: RegistryPlace, { document, keptAs }: Restored): string {
  const { clusterName, version, shardCount, putBack } = mapOf(document);
  const waiting = putBack?.waiting ?? [];
  const next =
    waiting.length === 0
      ? "Start the gateway."
      : `Start the gateway. It serves shards again when each of these storage nodes has registered: ${waiting.join(", ")}. ` +
        "For a node that is lost for good, run `shardgate node accept-loss NAME`.";
  const kept = keptAs === null ? "" : `kept what it replaces as ${keptAs}\n`;
  return `restored ${placeText(place)}: cluster ${clusterName}, ${shardCount} shards, map version ${version}\n${kept}${next}\n`;
}

function jsonOf(place: RegistryPlace, { document, keptAs }: Restored): string {
  const { clusterId, version, putBack } = mapOf(document);
  return `${JSON.stringify({ path: placeText(place), clusterId, mapVersion: version, keptAs, waiting: putBack?.waiting ?? [] })}\n`;
}
