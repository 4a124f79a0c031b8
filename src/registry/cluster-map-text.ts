/**
 * The cluster map as the text that a registry store keeps: JSON with a format number, and checked thoroughly when it is
 * read, because a map that contradicts itself would send writes to the wrong storage node. Whether the map suits this
 * process (its hash, its number of shards) is for registry.ts to say.
 */
import { ShardgateError } from "../core/error.js";
import { epochMax, shardCountMax } from "../core/limits.js";
import { parseShard } from "../core/shard.js";
import type { AssignmentCause, AssignmentChange, ClusterMap, NodeRecord, ShardRecord } from "./cluster-map.js";

const format = 1;

export function clusterMapToText(map: ClusterMap): string {
  const { version, clusterId, clusterName, shardCount, hash } = map;
  const nodes = [...map.nodes.values()];
  // Shards are listed in the order of their numbers.
  const shards = map.shards.map(({ epoch, primary, history }) => ({ epoch, primary, history }));
  return `${JSON.stringify({ format, version, clusterId, clusterName, shardCount, hash, nodes, shards })}\n`;
}

/** The map in `text`. Throws REGISTRY_CORRUPT saying what is wrong and what to do. */
export function clusterMapFromText(text: string): ClusterMap {
  const fields = recordIn(parsedJson(text), "the document");
  if (fields["format"] !== format) {
    throw corrupt(
      `its format is ${JSON.stringify(fields["format"])} and this shardgate reads ${format}`,
      "Start the version of shardgate that wrote it, or restore a copy.",
    );
  }
  const shardCount = numberIn(fields, "shardCount", 1, shardCountMax);
  const nodes = new Map(
    listIn(fields, "nodes")
      .map(nodeOf)
      .map((node) => [node.name, node]),
  );
  const shards = listIn(fields, "shards").map((item, index) => shardOf(item, index, nodes));
  if (shards.length !== shardCount) throw corrupt(`it lists ${shards.length} shards of ${shardCount}`);
  if (nodes.size !== listIn(fields, "nodes").length) throw corrupt("it lists a storage node twice");
  return {
    version: numberIn(fields, "version", 1),
    clusterId: textIn(fields, "clusterId"),
    clusterName: textIn(fields, "clusterName"),
    shardCount,
    hash: textIn(fields, "hash"),
    nodes,
    shards,
  };
}

type Fields = Readonly<Record<string, unknown>>;

const causes: ReadonlySet<unknown> = new Set<AssignmentCause>(["operator", "automatic", "registration"]);

function nodeOf(item: unknown): NodeRecord {
  const fields = recordIn(item, "a storage node");
  return {
    name: textIn(fields, "name"),
    url: textIn(fields, "url"),
    registeredAtMs: numberIn(fields, "registeredAtMs", -Infinity),
  };
}

function shardOf(item: unknown, index: number, nodes: ReadonlyMap<string, NodeRecord>): ShardRecord {
  const fields = recordIn(item, `shard ${index}`);
  const shard = parseShard(index, index + 1);
  const epoch = numberIn(fields, "epoch", 0, epochMax);
  const primary = textOrNullIn(fields, "primary");
  if (primary !== null && !nodes.has(primary)) {
    throw corrupt(`shard ${shard} belongs to the unknown storage node ${JSON.stringify(primary)}`);
  }
  const history = listIn(fields, "history").map(changeOf);
  checkHistory({ shard, epoch, primary, history });
  return { shard, epoch, primary, history };
}

function changeOf(item: unknown): AssignmentChange {
  const fields = recordIn(item, "a change");
  const { cause } = fields;
  if (!isCause(cause)) throw corrupt(`\`cause\` is ${JSON.stringify(cause)}`);
  return {
    epoch: numberIn(fields, "epoch", 1, epochMax),
    node: textOrNullIn(fields, "node"),
    atMs: numberIn(fields, "atMs", -Infinity),
    cause,
  };
}

/** The newest change is the shard's present state, and epochs only ever grew. */
function checkHistory({ shard, epoch, primary, history }: ShardRecord): void {
  const newest = history[0] ?? { epoch: 0, node: null };
  const isOrdered = history.every((change, index) => change.epoch > (history[index + 1]?.epoch ?? 0));
  if (newest.epoch !== epoch || newest.node !== primary || !isOrdered) {
    throw corrupt(`the history of shard ${shard} contradicts its epoch or primary`);
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw corrupt(`it is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}

function isCause(value: unknown): value is AssignmentCause {
  return causes.has(value);
}

function recordIn(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw corrupt(`${what} is not an object`);
  return value as Fields;
}

function listIn(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw corrupt(`\`${name}\` is not an array`);
  return value;
}

function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || value === "") throw corrupt(`\`${name}\` is not a text`);
  return value;
}

function textOrNullIn(fields: Fields, name: string): string | null {
  return fields[name] === null ? null : textIn(fields, name);
}

function numberIn(fields: Fields, name: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  const value = fields[name];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw corrupt(`\`${name}\` is ${JSON.stringify(value)}`);
}

function corrupt(what: string, advice: string = "Restore a copy, or move it away to start anew."): ShardgateError {
  return new ShardgateError("REGISTRY_CORRUPT", `The stored cluster map cannot be used: ${what}. ${advice}`);
}
