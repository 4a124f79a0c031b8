/**
 * The document of shardgate 0.1.0: shards as objects that carry the history of their assignments, and no stores, lineages,
 * moves or leader. Only read: the next write is of the present format, and the history goes into the log.
 */
import { epochMax, shardCountMax } from "../../core/limits.js";
import { parseShard, type ShardNumber } from "../../core/shard.js";
import type { AssignmentCause, AssignmentChange, ClusterMap, NodeRecord, ShardRecord } from "../cluster-map.js";
import {
  corrupt,
  listIn,
  numberIn,
  recordIn,
  refuseTwice,
  textIn,
  textOrNullIn,
  type StoredFields,
} from "./json-fields.js";

/** The map, and the changes that led to it. Throws REGISTRY_CORRUPT. */
export function readFormat1(fields: StoredFields): {
  readonly map: ClusterMap;
  readonly changes: readonly AssignmentChange[];
} {
  const shardCount = numberIn(fields, "shardCount", 1, shardCountMax);
  const rows = listIn(fields, "nodes").map(nodeOf);
  const nodes = new Map(rows.map((node) => [node.name, node]));
  const shards = listIn(fields, "shards").map((item, index) => shardOf(item, index, nodes));
  if (shards.length !== shardCount) throw corrupt(`it lists ${shards.length} shards of ${shardCount}`);
  const names = rows.map(({ name }) => name);
  refuseTwice(names, "a storage node");
  const map = {
    version: numberIn(fields, "version", 1),
    clusterId: textIn(fields, "clusterId"),
    clusterName: textIn(fields, "clusterName"),
    shardCount,
    hash: textIn(fields, "hash"),
    leader: null,
    nodes,
    shards: shards.map(({ record }) => record),
    isRecovered: false,
    putBack: null,
  };
  return { map, changes: shards.flatMap(({ history }) => history) };
}

const causes: ReadonlySet<unknown> = new Set<AssignmentCause>(["operator", "automatic", "registration"]);

function nodeOf(item: unknown): NodeRecord {
  const fields = recordIn(item, "a storage node");
  return {
    name: textIn(fields, "name"),
    url: textIn(fields, "url"),
    registeredAtMs: numberIn(fields, "registeredAtMs", -Infinity),
    storeId: null,
    lastStart: null,
    isLossAccepted: false,
    isStoreShared: false,
    isDraining: false,
  };
}

function shardOf(
  item: unknown,
  index: number,
  nodes: ReadonlyMap<string, NodeRecord>,
): { readonly record: ShardRecord; readonly history: readonly AssignmentChange[] } {
  const fields = recordIn(item, `shard ${index}`);
  const shard = parseShard(index, index + 1);
  const epoch = numberIn(fields, "epoch", 0, epochMax);
  const primary = textOrNullIn(fields, "primary");
  if (primary !== null && !nodes.has(primary)) {
    throw corrupt(`shard ${shard} belongs to the unknown storage node ${JSON.stringify(primary)}`);
  }
  const history = listIn(fields, "history").map((change) => changeOf(shard, change));
  const record = { shard, epoch, primary, lineage: 0, move: null };
  checkHistory(record, history);
  return { record, history };
}

function changeOf(shard: ShardNumber, item: unknown): AssignmentChange {
  const fields = recordIn(item, "a change");
  const { cause } = fields;
  if (!isCause(cause)) throw corrupt(`\`cause\` is ${JSON.stringify(cause)}`);
  return {
    shard,
    epoch: numberIn(fields, "epoch", 1, epochMax),
    node: textOrNullIn(fields, "node"),
    atMs: numberIn(fields, "atMs", -Infinity),
    cause,
  };
}

/** The newest change is the shard's present state, and epochs only ever grew. */
function checkHistory({ shard, epoch, primary }: ShardRecord, history: readonly AssignmentChange[]): void {
  const newest = history[0] ?? { epoch: 0, node: null };
  const isOrdered = history.every((change, index) => change.epoch > (history[index + 1]?.epoch ?? 0));
  if (newest.epoch !== epoch || newest.node !== primary || !isOrdered) {
    throw corrupt(`the history of shard ${shard} contradicts its epoch or primary`);
  }
}

function isCause(value: unknown): value is AssignmentCause {
  return causes.has(value);
}
