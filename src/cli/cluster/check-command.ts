/** `shardgate check`: whether every shard has a live primary; for scripts and monitoring, which use the exit code. */
import type { Command } from "commander";
import type { Environment } from "../environment/environment.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption } from "../options/option.js";
import { objectText } from "../terminal/json-output.js";
import { print, type Format } from "../terminal/print.js";
import { missingShards, missingShardsText } from "./missing-shards.js";
import { shardFields, shardText, type ShardAnswer } from "./shard-answer.js";

interface CheckOptions extends ConnectionOptions {
  readonly output: Format;
}

export function addCheckCommand(program: Command, environment: Environment): void {
  const command = program
    .command("check")
    .description("Exit with 0 if every shard has a live primary; else list the shards without one and fail.")
    .addOption(outputOption())
    .action((options: CheckOptions) => runCheck(options, environment));
  addExample(addConnectionOptions(command), "check || echo 'some keys cannot be reached'");
}

async function runCheck(options: CheckOptions, environment: Environment): Promise<void> {
  const { shards } = await withGateway(options, environment, (client) =>
    ask<{ readonly shards: readonly ShardAnswer[] }>(client, `{shards{${shardFields}}}`),
  );
  const reason = missingShardsText(shards);
  if (options.output === "json") {
    const missing = missingShards(shards).map((shard) => shardText(shard));
    const members = { isHealthy: String(reason === null), shardCount: String(shards.length) };
    await print(`${objectText({ ...members, missingShards: `[${missing.join(",")}]` })}\n`, environment);
  } else if (reason === null) {
    await print(`ok: all ${shards.length} shards have a live primary\n`, environment);
  }
  if (reason !== null) throw new CommandFailure(reason);
}
