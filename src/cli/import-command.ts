/** `shardgate import`: reads NDJSON line by line and writes it through a gateway, in memory that does not grow with the file. */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import type { Command } from "commander";
import { ShardgateError } from "../core/error.js";
import { clientTimeoutMs, importLineBytesMax } from "../core/limits.js";
import type { Environment } from "./environment.js";
import { CommandFailure, failureText } from "./failure.js";
import { GatewayClient } from "./gateway-client.js";
import { parseImportLine } from "./import-line.js";
import { Importer } from "./importer.js";
import { readLines, type Line } from "./line-reader.js";
import { endpointOption, option, wholeNumber } from "./option.js";
import { Progress } from "./progress.js";
import { shellWord } from "./shell-word.js";
import { listenForStop, type StopRequest } from "./stop-request.js";

interface ImportOptions {
  readonly endpoint: string;
  readonly fromLine: number;
}

interface Watch {
  readonly stop: StopRequest;
  readonly progress: Progress;
}

export function addImportCommand(program: Command, environment: Environment): void {
  program
    .command("import")
    .description('Write the entries of an NDJSON file: {"key":…,"value":…,"ttlSeconds"?} on each line.')
    .argument("<file>", "the file; `-` for standard input")
    .addOption(endpointOption())
    .addOption(
      option("--from-line <number>", "first line to write; an import that failed says which")
        .argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER))
        .default(1),
    )
    .addHelpText("after", "\nExample:\n  shardgate import entries.ndjson --endpoint http://127.0.0.1:4000")
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const endpointWords =
        command.getOptionValueSource("endpoint") === "default" ? "" : ` --endpoint ${options.endpoint}`;
      await runImport(file, options, environment, `shardgate import ${shellWord(file)}${endpointWords}`);
    });
}

/** `again` is the command line that goes on when `--from-line` is added. */
async function runImport(file: string, options: ImportOptions, environment: Environment, again: string): Promise<void> {
  const { clock } = environment;
  const stop = listenForStop(environment);
  // A second Ctrl-C ends the process at once.
  void stop.requested.then(stop.dispose);
  const source = file === "-" ? environment.stdin : createReadStream(file);
  const client = new GatewayClient(options.endpoint, clientTimeoutMs);
  const progress = new Progress(environment.stderr, clock, "imported");
  const importer = new Importer({
    client,
    clock,
    random: environment.random,
    signal: stop.signal,
    onRetry: (reason) => progress.note(`trying again: ${reason}`),
  });
  try {
    stop.signal.addEventListener("abort", () => source.destroy());
    await feed(importer, source, options.fromLine, { stop, progress });
  } finally {
    source.destroy();
    stop.dispose();
    await client.close();
  }
  progress.end(importer.written);
  if (importer.failure === null) return;
  const { line, reason } = importer.failure;
  throw new CommandFailure(
    `line ${line}: ${reason}\nEvery line before it is written. To go on: ${again} --from-line ${line}`,
  );
}

/** Takes lines until the end, the first failure or the request to stop, and waits for all outcomes. */
async function feed(importer: Importer, source: Readable, fromLine: number, watch: Watch): Promise<void> {
  let next = 1;
  const onLine = async (line: Line) => {
    if ("problem" in line) throw new ShardgateError("BAD_REQUEST", `the line ${line.problem}`);
    if (line.text.trim() !== "") await importer.add(parseImportLine(line.text, line.number));
  };
  try {
    for await (const line of readLines(source, importLineBytesMax)) {
      if (watch.stop.signal.aborted || importer.failure !== null) break;
      next = line.number;
      if (next >= fromLine) await onLine(line);
      next++;
      watch.progress.update(importer.written);
    }
  } catch (error) {
    if (error instanceof ShardgateError) importer.fail(next, error.message);
    else if (!watch.stop.signal.aborted) {
      // Nothing was read at all: there is no line to go on from.
      if (next === 1) throw error;
      importer.fail(next, failureText(error));
    }
  }
  if (watch.stop.signal.aborted) importer.fail(Math.max(next, fromLine), "the import was stopped before this line");
  await importer.finish();
}
