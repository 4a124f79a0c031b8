/**
 * `shardgate export`: writes entries to standard output, in key order: as NDJSON, the input format of `import`, or the
 * same objects as one JSON document.
 */
import type { Command } from "commander";
import { compactJson, type JsonText } from "../../core/text/json-text.js";
import type { Environment } from "../environment/environment.js";
import { Exporter, missingFailure, type ExportedEntry } from "./exporter.js";
import { addConnectionOptions, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import type { GatewayClient } from "../calls/gateway-client.js";
import { addExample } from "../terminal/help-example.js";
import { option, outputOption } from "../options/option.js";
import { ArrayPieces } from "../terminal/json-output.js";
import type { Format } from "../terminal/print.js";
import { Progress } from "../terminal/progress.js";
import { TextSink } from "../terminal/text-sink.js";

interface ExportOptions extends ConnectionOptions {
  readonly prefix: string;
  readonly output: Format;
}

export function addExportCommand(program: Command, environment: Environment): void {
  const command = program
    .command("export")
    .description('Write all entries to standard output: {"key":…,"value":…,"expiresAt"?} on each line, in key order.')
    .addOption(option("--prefix <text>", "only entries whose key starts with this text").default(""))
    .addOption(outputOption("a line for each entry (table), or all of them as one JSON document"))
    .action((options: ExportOptions) =>
      withGateway(options, environment, (client) => runExport(client, options, environment)),
    );
  addExample(addConnectionOptions(command), "export --prefix user/ > users.ndjson");
}

async function runExport(client: GatewayClient, { prefix, output }: ExportOptions, environment: Environment) {
  const { clock, random } = environment;
  const progress = new Progress(environment.stderr, clock, "exported");
  const sink = new TextSink(environment.stdout);
  const pieces = new ArrayPieces();
  const onRetry = (reason: string): void => progress.note(`trying again: ${reason}`);
  const exporter = new Exporter({ client, clock, random, onRetry });
  let count = 0;
  for await (const entries of exporter.pages(prefix)) {
    const texts = entries.map(objectOf);
    const text = output === "json" ? pieces.next(texts) : texts.map((each) => `${each}\n`).join("");
    if (!(await sink.write(text))) return;
    count += entries.length;
    progress.update(count);
  }
  if (output === "json" && !(await sink.write(`${pieces.end()}\n`))) return;
  progress.end(count);
  const missing = exporter.missingShards;
  if (missing.length > 0) throw missingFailure(missing);
}

/**
 * The entry on one line. The value stays as written, except for line breaks between its tokens. The expiry is a moment:
 * a time to live would begin anew with each import.
 */
function objectOf({ key, valueText, expiresAt }: ExportedEntry): string {
  const value = /[\n\r]/.test(valueText) ? compactJson(valueText as JsonText) : valueText;
  const expiry = expiresAt === null ? "" : `,"expiresAt":${JSON.stringify(expiresAt)}`;
  return `{"key":${JSON.stringify(key)},"value":${value}${expiry}}`;
}
