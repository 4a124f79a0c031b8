/**
 * `shardgate registry copy`: copies a cluster's map and log from one place to another, from a file to shared servers
 * and vice versa. A registry that a gateway leads is copied only into a file, as a backup.
 */
import { InvalidArgumentError, type Command } from "commander";
import type { Environment } from "../environment/environment.js";
import { outputOption } from "../options/option.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { exitCodes } from "../terminal/exit-code.js";
import { addExample } from "../terminal/help-example.js";
import { print, type Format } from "../terminal/print.js";
import { mapOf } from "../../registry/stored-cluster-map.js";
import type { StoredDocument } from "../../registry/registry-store.js";
import { findRegistry, isLed, refuseLed, withRegistry } from "./command-registry.js";
import type { OpenedRegistry } from "./open-registry.js";
import { copiedDocument, decideCopy, writeCopy, type CopySource } from "./registry-copy.js";
import { addRegistryServerOptions, checkRegistryOptions, type RegistryServerOptions } from "./registry-options.js";
import { parseRegistryPlace, placeText, type RegistryPlace } from "./registry-place.js";

interface CopyOptions extends RegistryServerOptions {
  readonly force?: true;
  readonly output: Format;
}

export function addCopyCommand(registry: Command, environment: Environment): void {
  const copy = registry
    .command("copy")
    .description("Copy a registry, with its log, to another place. Stop all gateways of the cluster first.")
    .argument("<from>", "registry to copy: a file, postgres://… or etcd://…", parsePlace("from"))
    .argument("<to>", "where to copy it", parsePlace("to"))
    .option("--force", "replace a registry that is newer, damaged, or of another cluster");
  addRegistryServerOptions(copy)
    .addOption(outputOption())
    .action(async (from: RegistryPlace, to: RegistryPlace, options: CopyOptions, command: Command) => {
      checkRegistryOptions([from, to], options, command);
      await print(await runCopy(from, to, options, environment), environment);
    });
  addExample(copy, "registry copy ./data/registry.json postgres://shardgate@db1,db2/shardgate");
}

function parsePlace(name: string): (text: string) => RegistryPlace {
  return (text) => {
    const place = parseRegistryPlace(`argument '${name}'`, text);
    if (place.kind === "memory") throw new InvalidArgumentError("A registry in memory cannot be copied.");
    return place;
  };
}

async function runCopy(
  from: RegistryPlace,
  to: RegistryPlace,
  options: CopyOptions,
  environment: Environment,
): Promise<string> {
  if (placeText(from) === placeText(to))
    throw new CommandFailure("FROM and TO are the same registry.", exitCodes.usage);
  const source = await withRegistry(from, options, environment, (opened) => readSource(from, to, opened, environment));
  return withRegistry(to, options, environment, async (opened) => {
    await refuseLed(to, opened, environment.clock);
    const target = await findRegistry(opened.store);
    const decision = decideCopy(source, target, options.force === true);
    if (decision.kind === "refuse") {
      const message = `The registry ${placeText(to)} ${decision.what}. Nothing was copied. To replace it, add --force.`;
      throw new CommandFailure(message, exitCodes.conflict);
    }
    const isMarked = decision.kind === "write" && decision.isMarked;
    const document = copiedDocument(source, isMarked ? environment.newId() : null, target);
    if (decision.kind === "write") await writeCopy(opened.store, target, document, source.records);
    return options.output === "json" ? jsonOf(to, document, source) : textOf(from, to, document, source);
  });
}

async function readSource(
  from: RegistryPlace,
  to: RegistryPlace,
  opened: OpenedRegistry,
  { clock }: Environment,
): Promise<SourceReading> {
  const isBackup = to.kind === "file" && opened.isShared && (await isLed(opened.store, clock));
  if (!isBackup && to.kind !== "file") await refuseLed(from, opened, clock);
  const found = await findRegistry(opened.store);
  if (found === null) throw new CommandFailure(`The registry ${placeText(from)} is empty.`, exitCodes.notFound);
  const { version, text } = found;
  return { document: { version, text }, map: mapOf(found), records: await opened.store.log(), isBackup };
}

interface SourceReading extends CopySource {
  /** A gateway leads the registry, and will change it again. */
  readonly isBackup: boolean;
}

function textOf(from: RegistryPlace, to: RegistryPlace, document: StoredDocument, source: SourceReading): string {
  const { clusterName, shardCount, nodes, version, putBack } = mapOf(document);
  const what = `cluster ${clusterName}, ${shardCount} shards, ${nodes.size} storage nodes, map version ${version}`;
  const head = `copied ${placeText(from)} to ${placeText(to)}: ${what}\n`;
  if (source.isBackup) {
    return `${head}A gateway leads ${placeText(from)}, and will change it: this copy is a backup. Use it with \`shardgate registry restore\`.\n`;
  }
  const start = `Start every gateway with --registry ${placeText(to)}.`;
  const waiting = putBack?.waiting ?? [];
  if (waiting.length === 0) return `${head}${start}\n`;
  return (
    `${head}${start} It is marked as restored, because it replaced what is newer or damaged: shards are served again when ` +
    `each of these storage nodes has registered: ${waiting.join(", ")}. For a node that is lost for good, run ` +
    "`shardgate node accept-loss NAME`.\n"
  );
}

function jsonOf(to: RegistryPlace, document: StoredDocument, { records, isBackup }: SourceReading): string {
  const { clusterId, version, putBack } = mapOf(document);
  const waiting = putBack?.waiting ?? [];
  const facts = {
    registry: placeText(to),
    clusterId,
    mapVersion: version,
    logRecords: records.length,
    isBackup,
    waiting,
  };
  return `${JSON.stringify(facts)}\n`;
}
