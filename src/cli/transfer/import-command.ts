/** `shardgate import`: reads NDJSON line by line and writes it through a gateway, in memory that does not grow with the file. */
import type { Command } from "commander";
import { ShardgateError } from "../../core/error.js";
import type { Environment } from "../environment/environment.js";
import { CommandFailure, failureText } from "../terminal/command-failure.js";
import { addConnectionOptions, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import type { GatewayClient } from "../calls/gateway-client.js";
import { addExample } from "../terminal/help-example.js";
import { parseImportLine } from "./import-line.js";
import { openImportSource, textBytes } from "./import-source.js";
import { Importer } from "./importer.js";
import { readLines, type Line } from "./line-reader.js";
import { option, outputOption, wholeNumber } from "../options/option.js";
import { print, type Format } from "../terminal/print.js";
import { Progress } from "../terminal/progress.js";
import { shellWord } from "../environment/shell-word.js";
import { listenForStop, type StopRequest } from "../serve/stop-request.js";
import { valueBytesMax } from "../../core/limits.js";

/** Longest line of an import file: one full value, a key with every byte escaped (`\u0041`), names and white space. */
const importLineBytesMax = valueBytesMax + 64 * 1024;

interface ImportOptions extends ConnectionOptions {
  readonly fromLine: number;
  readonly output: Format;
}

interface Feeding {
  readonly fromLine: number;
  /** When the import began. */
  readonly nowMs: number;
  readonly stop: StopRequest;
  readonly progress: Progress;
}

export function addImportCommand(program: Command, environment: Environment): void {
  const command = program
    .command("import")
    .description(
      'Write the entries of an NDJSON file, one object on each line: {"key":…,"value":…}, optionally "expiresAt" or "ttlSeconds".',
    )
    .argument("<file>", "file to read, or `-` for standard input")
    .addOption(
      option("--from-line <number>", "first line to write; a failed import prints the line to continue from")
        .argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER))
        .default(1),
    )
    .addOption(outputOption("json prints the number of imported entries as one JSON document"))
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const { endpoint, tlsCa } = options;
      const endpointWords = command.getOptionValueSource("endpoint") === "default" ? "" : ` --endpoint ${endpoint}`;
      const caWords = tlsCa === undefined ? "" : ` --tls-ca ${shellWord(tlsCa)}`;
      await runImport(file, options, environment, `shardgate import ${shellWord(file)}${endpointWords}${caWords}`);
    });
  addExample(addConnectionOptions(command), "import entries.ndjson --endpoint http://127.0.0.1:4000");
}

/** `again` is the command line that continues the import when `--from-line` is appended. */
async function runImport(file: string, options: ImportOptions, environment: Environment, again: string): Promise<void> {
  const { written, expired, failure } = await withGateway(options, environment, (client) =>
    importAll(file, options.fromLine, client, environment),
  );
  if (options.output === "json") {
    await print(`${JSON.stringify({ imported: written, expired, failedLine: failure?.line ?? null })}\n`, environment);
  }
  if (failure === null) return;
  const { line, reason, exitCode } = failure;
  throw new CommandFailure(
    `line ${line}: ${reason}\nEvery line before it was written. To continue: ${again} --from-line ${line}`,
    exitCode,
  );
}

/** Resolves to the importer when it has finished. */
async function importAll(file: string, fromLine: number, client: GatewayClient, environment: Environment) {
  const { clock, random, stderr, stdin } = environment;
  const source = await openImportSource(file, stdin);
  const stop = listenForStop(environment);
  // A second Ctrl-C ends the process at once.
  void stop.requested.then(stop.dispose);
  const progress = new Progress(stderr, clock, "imported");
  const onRetry = (reason: string): void => progress.note(`trying again: ${reason}`);
  const importer = new Importer({ client, clock, random, signal: stop.signal, onRetry });
  try {
    stop.signal.addEventListener("abort", () => source.destroy());
    await feed(importer, textBytes(source, file), { fromLine, nowMs: clock.nowMs(), stop, progress });
  } finally {
    source.destroy();
    stop.dispose();
  }
  progress.end(importer.written);
  if (importer.expired > 0) progress.line(expiredText(importer.expired));
  return importer;
}

/** Imports lines until the end, the first failure or the request to stop, and waits for all outcomes. */
async function feed(importer: Importer, source: AsyncIterable<Uint8Array>, feeding: Feeding): Promise<void> {
  const { fromLine, nowMs, stop, progress } = feeding;
  let next = 1;
  const onLine = async (line: Line) => {
    if ("problem" in line) throw new ShardgateError("BAD_REQUEST", `the line ${line.problem}`);
    if (line.text.trim() !== "") await importer.add(parseImportLine(line.text, line.number, nowMs));
  };
  try {
    for await (const line of readLines(source, importLineBytesMax)) {
      if (stop.signal.aborted || importer.failure !== null) break;
      next = line.number;
      if (next >= fromLine) await onLine(line);
      next++;
      progress.update(importer.written);
    }
  } catch (error) {
    if (error instanceof ShardgateError) importer.fail(next, error.message);
    else if (!stop.signal.aborted) {
      // Nothing was read at all: there is no line to continue from.
      if (next === 1) throw error;
      importer.fail(next, failureText(error));
    }
  }
  if (stop.signal.aborted) importer.fail(Math.max(next, fromLine), "the import was stopped before this line");
  await importer.finish();
}

function expiredText(count: number): string {
  return count === 1 ? "1 entry had expired and was not written" : `${count} entries had expired and were not written`;
}
