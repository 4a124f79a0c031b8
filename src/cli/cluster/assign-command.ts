/**
 * `shardgate shard assign`: assigns a shard to a storage node. Data are not moved, so forcing an assignment requires
 * confirmation.
 */
import { Option, type Command } from "commander";
import { epochMax } from "../../core/limits.js";
import { confirm, yesOption } from "../terminal/confirm.js";
import type { Environment } from "../environment/environment.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption, wholeNumber } from "../options/option.js";
import { print, tableOf, type Format } from "../terminal/print.js";
import { nodeNameArgument, shardArgument } from "./cluster-argument.js";
import { shardColumns, shardFields, shardText, type ShardAnswer } from "./shard-answer.js";

interface AssignOptions extends ConnectionOptions {
  readonly output: Format;
  readonly ifEpoch?: number;
  readonly force?: true;
  readonly yes?: true;
}

export function addAssignCommand(shard: Command, environment: Environment): void {
  const command = shard
    .command("assign")
    .description("Assign a shard to a storage node, without moving its data.")
    .addArgument(shardArgument())
    .addArgument(nodeNameArgument())
    .addOption(
      new Option("--if-epoch <epoch>", "assign only if the shard has this epoch").argParser(wholeNumber(0, epochMax)),
    )
    .addOption(new Option("--force", "assign even if that hides the data of the current primary"))
    .addOption(yesOption())
    .addOption(outputOption())
    .action((number: number, node: string, options: AssignOptions) => runAssign(number, node, options, environment));
  addExample(addConnectionOptions(command), "shard assign 6 node2 --if-epoch 1", "shard assign 6 node2 --force --yes");
}

async function runAssign(shard: number, storageNode: string, options: AssignOptions, environment: Environment) {
  const { ifEpoch, force = false, yes = false } = options;
  if (force) {
    const question = `Assign shard ${shard} to ${storageNode} at ${options.endpoint}, even if that hides its data?`;
    await confirm(question, yes, environment);
  }
  const document = `mutation Assign($input:AssignShardInput!){assignShard(input:$input){shard{${shardFields}}}}`;
  const variables = JSON.stringify({ input: { shard, storageNode, ifEpoch, force } });
  const { assignShard } = await withGateway(options, environment, (client) =>
    ask<{ readonly assignShard: { readonly shard: ShardAnswer } }>(client, document, variables),
  );
  const json = (): string => `${shardText(assignShard.shard)}\n`;
  await print(
    options.output === "json" ? json() : tableOf([assignShard.shard], shardColumns, environment),
    environment,
  );
}
