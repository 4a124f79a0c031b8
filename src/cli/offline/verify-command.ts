/**
 * `shardgate node verify`: reads the whole data folder of a stopped storage node, and lists everything in it that is
 * damaged or inconsistent. Nothing is changed.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { parseNodeName } from "../../registry/node-name.js";
import { lmdbFile } from "../../storage/lmdb/folder/folder.js";
import type { FolderProblem } from "../../storage/lmdb/check/folder-check.js";
import { verifyLmdbFolder, type FolderReport } from "../../storage/lmdb/check/verify.js";
import type { Environment } from "../environment/environment.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { lockFolder } from "../files/file-lock.js";
import { addExample } from "../terminal/help-example.js";
import { dataOption, option, outputOption, parsedBy } from "../options/option.js";
import { print, type Format } from "../terminal/print.js";
import { factsText, printable } from "../terminal/table.js";

interface VerifyOptions {
  readonly id: string;
  readonly data: string;
  readonly output: Format;
}

/** `node` is the command that runs a storage node. */
export function addVerifyCommand(node: Command, environment: Environment): void {
  const command = node
    .command("verify")
    .description("Check the whole data folder of a stopped storage node, and list all damage.")
    .addOption(
      option("--id <name>", "name of the node and of its folder").argParser(parsedBy(parseNodeName)).default("node1"),
    )
    .addOption(dataOption("data folder; this node uses the subfolder of its name"))
    .addOption(outputOption())
    .action((options: VerifyOptions) => runVerify(options, environment));
  addExample(command, "node verify --id node3 --data ./data");
}

async function runVerify({ id, data, output }: VerifyOptions, environment: Environment): Promise<void> {
  const folder = join(data, id);
  await requireData(folder);
  const lock = await lockFolder(folder, environment.clock);
  try {
    const report = await verifyLmdbFolder(folder);
    await print(output === "json" ? `${JSON.stringify({ folder, ...report })}\n` : textOf(folder, report), environment);
    const { problemCount } = report;
    if (problemCount > 0) throw new CommandFailure(`${countText(problemCount, "problem")} found in ${folder}.`);
  } finally {
    await lock.release();
  }
}

/** Checked before anything is written there, even a lock: the folder may belong to another program. */
async function requireData(folder: string): Promise<void> {
  const file = lmdbFile(folder);
  const isThere = await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isThere) throw new CommandFailure(`${folder} is not the data folder of a storage node: it has no file ${file}.`);
}

function textOf(folder: string, report: FolderReport): string {
  const { shards, entries, tombstones, bytes, problems, problemCount } = report;
  const facts = factsText([
    ["folder", folder],
    ["shards", String(shards)],
    ["entries", String(entries)],
    ["tombstones", String(tombstones)],
    ["bytes", String(bytes)],
    ["problems", String(problemCount)],
  ]);
  const lines = problems.map(problemLine);
  if (problemCount > problems.length) lines.push(`and ${countText(problemCount - problems.length, "further problem")}`);
  return lines.length === 0 ? facts : `${facts}\n${lines.map((line) => `${printable(line)}\n`).join("")}`;
}

function problemLine({ shard, key, what }: FolderProblem): string {
  const place = [shard !== null && `shard ${shard}`, key !== null && `key ${JSON.stringify(key)}`];
  const named = place.filter((part) => part !== false).join(", ");
  return named === "" ? what : `${named}: ${what}`;
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
