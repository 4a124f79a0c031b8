/** Parses shards and storage nodes in arguments. */
import { Argument } from "commander";
import { shardCountMax } from "../../core/limits.js";
import { parseNodeName } from "../../registry/node-name.js";
import { parsedBy, wholeNumber } from "../options/option.js";

export function shardArgument(): Argument {
  return new Argument("<shard>", "number of a shard, from 0").argParser(wholeNumber(0, shardCountMax - 1));
}

export function nodeNameArgument(): Argument {
  return new Argument("<name>", "name of a storage node").argParser(parsedBy(parseNodeName));
}
