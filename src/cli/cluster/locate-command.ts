/** `shardgate shard locate`: the shard of a key and its owner; with `--shards` by the hash alone, without a gateway. */
import { Option, type Command } from "commander";
import type { Key } from "../../core/key.js";
import { shardCountMax } from "../../core/limits.js";
import { shardOfKey } from "../../core/shard.js";
import { keyArgument } from "../entry/entry-argument.js";
import type { Environment } from "../environment/environment.js";
import { addConnectionOptions, ask, withGateway, type ConnectionOptions } from "../calls/gateway-call.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption, wholeNumber } from "../options/option.js";
import { print, tableOf, type Columns, type Format } from "../terminal/print.js";
import { shardColumns, shardFields, shardText, type ShardAnswer } from "./shard-answer.js";

interface LocateOptions extends ConnectionOptions {
  readonly output: Format;
  readonly shards?: number;
}

export function addLocateCommand(shard: Command, environment: Environment): void {
  const command = shard
    .command("locate")
    .description("Show the shard of a key and its storage node. The key need not exist.")
    .addArgument(keyArgument())
    .addOption(
      new Option(
        "--shards <number>",
        "compute the shard for this number of shards, without calling a gateway",
      ).argParser(wholeNumber(1, shardCountMax)),
    )
    .addOption(outputOption())
    .action((key: Key, options: LocateOptions) =>
      options.shards === undefined
        ? locateAtGateway(key, options, environment)
        : locateOffline(key, options.shards, options.output, environment),
    );
  addExample(addConnectionOptions(command), "shard locate user123", "shard locate user123 --shards 4");
}

async function locateAtGateway(key: Key, options: LocateOptions, environment: Environment): Promise<void> {
  const document = `query Locate($key:String!){shardForKey(key:$key){${shardFields}}}`;
  const { shardForKey: shard } = await withGateway(options, environment, (client) =>
    ask<{ readonly shardForKey: ShardAnswer }>(client, document, JSON.stringify({ key })),
  );
  const text =
    options.output === "json"
      ? `${shardText(shard, { key: JSON.stringify(key) })}\n`
      : tableOf([shard], [{ title: "key", of: () => key }, ...shardColumns], environment);
  await print(text, environment);
}

async function locateOffline(key: Key, shardCount: number, output: Format, environment: Environment): Promise<void> {
  const located = { number: shardOfKey(key, shardCount), shardCount, key };
  const json = (): string => `${JSON.stringify(located)}\n`;
  await print(output === "json" ? json() : tableOf([located], offlineColumns, environment), environment);
}

const offlineColumns: Columns<{ readonly number: number; readonly key: string }> = [
  { title: "key", of: ({ key }) => key },
  { title: "shard", isRight: true, of: ({ number }) => number },
];
