/** `shardgate export`: writes entries as NDJSON to standard output, in key order, in the form that `import` reads. */
import type { Command } from "commander";
import { compactJson, type JsonText } from "../core/json-text.js";
import { clientTimeoutMs } from "../core/limits.js";
import type { Environment } from "./environment.js";
import { Exporter, shardsText, type ExportedEntry } from "./exporter.js";
import { CommandFailure } from "./failure.js";
import { GatewayClient } from "./gateway-client.js";
import { endpointOption, option } from "./option.js";
import { Progress } from "./progress.js";
import { TextSink } from "./text-sink.js";

interface ExportOptions {
  readonly endpoint: string;
  readonly prefix: string;
}

export function addExportCommand(program: Command, environment: Environment): void {
  program
    .command("export")
    .description('Write all entries to standard output: {"key":…,"value":…,"ttlSeconds"?} on each line, in key order.')
    .addOption(endpointOption())
    .addOption(option("--prefix <text>", "only entries whose key starts with this").default(""))
    .addHelpText("after", "\nExample:\n  shardgate export --prefix user/ > users.ndjson")
    .action((options: ExportOptions) => runExport(options, environment));
}

async function runExport({ endpoint, prefix }: ExportOptions, environment: Environment): Promise<void> {
  const { clock, random } = environment;
  const client = new GatewayClient(endpoint, clientTimeoutMs);
  const progress = new Progress(environment.stderr, clock, "exported");
  const sink = new TextSink(environment.stdout);
  const exporter = new Exporter({
    client,
    clock,
    random,
    onRetry: (reason) => progress.note(`trying again: ${reason}`),
  });
  let count = 0;
  try {
    for await (const entries of exporter.pages(prefix)) {
      const nowMs = clock.nowMs();
      const isRead = await sink.write(entries.map((entry) => exportLine(entry, nowMs)).join(""));
      if (!isRead) return;
      count += entries.length;
      progress.update(count);
    }
  } finally {
    await client.close();
  }
  progress.end(count);
  const missing = exporter.missingShards;
  if (missing.length > 0)
    throw new CommandFailure(`entries of ${shardsText(missing)} are missing: their storage nodes did not answer`);
}

/** The entry as one line. The value stays as written, but for line breaks between its tokens. */
function exportLine({ key, valueText, expiresAt }: ExportedEntry, nowMs: number): string {
  const value = /[\n\r]/.test(valueText) ? compactJson(valueText as JsonText) : valueText;
  const ttl =
    expiresAt === null ? "" : `,"ttlSeconds":${Math.max(1, Math.ceil((Date.parse(expiresAt) - nowMs) / 1000))}`;
  return `{"key":${JSON.stringify(key)},"value":${value}${ttl}}\n`;
}
