/**
 * `shardgate registry show`: prints the content of a registry, read from its place. A file may be in use by its
 * gateway.
 */
import type { Command } from "commander";
import { readRegistryFile } from "../../registry/stores/file/file-store.js";
import type { StoredRegistry } from "../../registry/registry-store.js";
import { mapOf } from "../../registry/stored-cluster-map.js";
import type { Environment } from "../environment/environment.js";
import { dataOption, outputOption } from "../options/option.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { exitCodes } from "../terminal/exit-code.js";
import { addExample } from "../terminal/help-example.js";
import { print, type Format } from "../terminal/print.js";
import { factsText } from "../terminal/table.js";
import { refuseMemory, withRegistry } from "./command-registry.js";
import { addRegistryOptions, checkRegistryOptions, type RegistryPlaceOptions } from "./registry-options.js";
import { usualPlace, placeText, type RegistryPlace } from "./registry-place.js";

interface ShowOptions extends RegistryPlaceOptions {
  readonly data: string;
  readonly output: Format;
}

export function addShowCommand(registry: Command, environment: Environment): void {
  const show = registry
    .command("show")
    .description("Show which cluster a registry has, at which map version, and who leads it.");
  addRegistryOptions(show, "registry to show: a file, postgres://… or etcd://… (default: registry.json in --data)")
    .addOption(dataOption("data folder of the gateway"))
    .addOption(outputOption())
    .action(async (options: ShowOptions, command: Command) => {
      checkRegistryOptions([options.registry], options, command);
      await runShow(options, environment);
    });
  addExample(show, "registry show --registry postgres://shardgate@db1,db2/shardgate");
}

/** The stored registry, and the length of its log. */
interface Reading {
  readonly stored: StoredRegistry | null;
  readonly records: readonly string[];
}

async function runShow(options: ShowOptions, environment: Environment): Promise<void> {
  const { data, registry: place = usualPlace(data), output } = options;
  const { stored, records } = await readRegistry(place, options, environment);
  if (stored === null) throw new CommandFailure(`The registry ${placeText(place)} is empty.`, exitCodes.notFound);
  const facts = factsOf(place, stored, records.length);
  await print(output === "json" ? `${JSON.stringify(facts)}\n` : textOf(facts), environment);
}

async function readRegistry(place: RegistryPlace, options: ShowOptions, environment: Environment): Promise<Reading> {
  refuseMemory(place);
  if (place.kind === "file") return readRegistryFile(place.path);
  return withRegistry(place, options, environment, async ({ store }) => {
    return { stored: await store.load(), records: await store.log() };
  });
}

type Facts = ReturnType<typeof factsOf>;

function factsOf(place: RegistryPlace, stored: StoredRegistry, logRecords: number) {
  const { clusterName, clusterId, shardCount, nodes, version, leader, putBack } = mapOf(stored);
  return {
    registry: placeText(place),
    clusterName,
    clusterId,
    shards: shardCount,
    storageNodes: nodes.size,
    mapVersion: version,
    leader: leader && { id: leader.id, name: leader.name, url: leader.url },
    beat: stored.beat,
    sizeBytes: Buffer.byteLength(stored.text),
    logRecords,
    waiting: putBack?.waiting ?? [],
  };
}

function textOf(facts: Facts): string {
  return factsText([
    ["registry", facts.registry],
    ["cluster", facts.clusterName],
    ["cluster id", facts.clusterId],
    ["shards", String(facts.shards)],
    ["storage nodes", String(facts.storageNodes)],
    ["map version", String(facts.mapVersion)],
    ["leader", leaderText(facts.leader)],
    ["beat", String(facts.beat)],
    ["bytes", String(facts.sizeBytes)],
    ["log records", String(facts.logRecords)],
    ...(facts.waiting.length === 0 ? [] : [["restored", `waiting for ${facts.waiting.join(", ")}`] as const]),
  ]);
}

function leaderText(leader: Facts["leader"]): string {
  if (leader === null) return "-";
  return leader.url === null ? (leader.name ?? leader.id) : `${leader.name ?? leader.id} at ${leader.url}`;
}
