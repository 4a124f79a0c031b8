/**
 * `shardgate shard`: reads the shards in the cluster map. The subcommands locate and assign have files of their own.
 */
import type { Command } from "commander";
import { assignmentHistoryMax } from "../../core/limits.js";
import type { Environment } from "../environment/environment.js";
import { exitCodes } from "../terminal/exit-code.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption } from "../options/option.js";
import { arrayText } from "../terminal/json-output.js";
import { print, tableOf, type Columns, type Format } from "../terminal/print.js";
import { addAssignCommand } from "./assign-command.js";
import { shardArgument } from "./cluster-argument.js";
import { addLocateCommand } from "./locate-command.js";
import { figureColumns, figureFields, figuresText, type ShardFigures } from "./shard-answer.js";

interface ReadOptions extends ConnectionOptions {
  readonly output: Format;
}

export function addShardCommands(program: Command, environment: Environment): void {
  const shard = program
    .command("shard")
    .description("Inspect shards, and assign them to storage nodes.")
    .helpCommand(false);
  addExample(shard, "shard ls", "shard locate user123");
  addListCommand(shard, environment);
  addGetCommand(shard, environment);
  addLocateCommand(shard, environment);
  addAssignCommand(shard, environment);
  addHistoryCommand(shard, environment);
}

function addListCommand(shard: Command, environment: Environment): void {
  const command = shard
    .command("ls")
    .description("List all shards with their primaries, keys and bytes.")
    .addOption(outputOption())
    .action(async (options: ReadOptions) => {
      const { shards } = await withGateway(options, environment, (client) =>
        ask<{ readonly shards: readonly ShardFigures[] }>(client, `{shards{${figureFields}}}`),
      );
      const json = (): string => `${arrayText(shards.map(figuresText))}\n`;
      await print(options.output === "json" ? json() : tableOf(shards, figureColumns, environment), environment);
    });
  addExample(addConnectionOptions(command), "shard ls");
}

function addGetCommand(shard: Command, environment: Environment): void {
  const command = shard
    .command("get")
    .description("Show one shard.")
    .addArgument(shardArgument())
    .addOption(outputOption())
    .action(async (number: number, options: ReadOptions) => {
      const found = await readShard<ShardFigures>({ number, fields: figureFields }, options, environment);
      const json = (): string => `${figuresText(found)}\n`;
      await print(options.output === "json" ? json() : tableOf([found], figureColumns, environment), environment);
    });
  addExample(addConnectionOptions(command), "shard get 6");
}

/** The document's selection of one change. */
interface ChangeAnswer {
  readonly epoch: number;
  readonly storageNodeName: string | null;
  readonly isPrimary: boolean;
  readonly cause: string;
  readonly at: string;
}

const changeColumns: Columns<ChangeAnswer> = [
  { title: "epoch", isRight: true, of: ({ epoch }) => epoch },
  { title: "primary", of: ({ storageNodeName }) => storageNodeName },
  { title: "cause", of: ({ cause }) => cause },
  { title: "at", of: ({ at }) => at },
];

function addHistoryCommand(shard: Command, environment: Environment): void {
  const command = shard
    .command("history")
    .description("List the owners of a shard, newest first, and why they changed.")
    .addArgument(shardArgument())
    .addOption(outputOption())
    .action(async (number: number, options: ReadOptions) => {
      const fields = `history(first:${assignmentHistoryMax}){epoch storageNodeName isPrimary cause at}`;
      const { history } = await readShard<{ readonly history: readonly ChangeAnswer[] }>(
        { number, fields },
        options,
        environment,
      );
      const json = (): string => `${arrayText(history.map((change) => JSON.stringify(change)))}\n`;
      await print(options.output === "json" ? json() : tableOf(history, changeColumns, environment), environment);
    });
  addExample(addConnectionOptions(command), "shard history 6");
}

/** `T` is the type of the shard's selection `fields`. */
async function readShard<T>(
  { number, fields }: { readonly number: number; readonly fields: string },
  options: ConnectionOptions,
  environment: Environment,
): Promise<T> {
  const document = `query Shard($number:Int!){shard(number:$number){${fields}}}`;
  const { shard } = await withGateway(options, environment, (client) =>
    ask<{ readonly shard: T | null }>(client, document, JSON.stringify({ number })),
  );
  if (shard === null) throw new CommandFailure(`there is no shard ${number}.`, exitCodes.notFound);
  return shard;
}
