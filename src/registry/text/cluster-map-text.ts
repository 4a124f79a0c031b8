/**
 * The cluster map as the text that a registry store keeps: compact JSON with a format number (storage nodes as rows,
 * shards as columns), and checked thoroughly when it is read, because a map that contradicts itself would send writes
 * to the wrong storage node. Whether the map suits this process (its hash, its number of shards) is checked in
 * stored-cluster-map.ts.
 */
import { epochMax, shardCountMax } from "../../core/limits.js";
import { parseShard, type ShardNumber } from "../../core/shard.js";
import type {
  AssignmentChange,
  ClusterMap,
  MapLeader,
  NodeRecord,
  PutBack,
  PutBackClaim,
  ShardMove,
  ShardRecord,
} from "../cluster-map.js";
import { readFormat1 } from "./format-1.js";
import * as json from "./json-fields.js";
import { corrupt, numberIn, rowIn, textIn, textOrNullIn, type StoredFields } from "./json-fields.js";

const format = 2;

export function clusterMapToText(map: ClusterMap): string {
  const { version, clusterId, clusterName, shardCount, hash, leader, shards, isRecovered, putBack } = map;
  const numbers = new Map([...map.nodes.keys()].map((name, number) => [name, number]));
  const numberOf = (name: string): number => numbers.get(name) ?? none;
  const fields = {
    format,
    version,
    clusterId,
    clusterName,
    shardCount,
    hash,
    leader: leader?.id ?? null,
    // Absent when unknown, as in a document of a release that does not know them.
    leaderName: leader?.name ?? undefined,
    leaderUrl: leader?.url ?? undefined,
    leaderSince: leader?.sinceVersion ?? undefined,
    nodes: [...map.nodes.values()].map((node) => nodeColumns.map((name) => node[name])),
    sharedStores: numbersWhere(map, ({ isStoreShared }) => isStoreShared),
    draining: numbersWhere(map, ({ isDraining }) => isDraining),
    epochs: shards.map(({ epoch }) => epoch),
    primaries: shards.map(({ primary }) => (primary === null ? none : numberOf(primary))),
    lineages: shards.map(({ lineage }) => lineage),
    moves: shards.flatMap(({ shard, move }) => (move === null ? [] : [[shard, move.id, numberOf(move.target)]])),
    isRecovered,
    putBack: putBack && {
      mark: putBack.mark,
      waiting: putBack.waiting.map(numberOf),
      claims: [...putBack.claims].map(([shard, claim]) => [
        shard,
        numberOf(claim.node),
        claim.lineage,
        claim.epoch,
        Number(claim.hasKeys),
      ]),
    },
  };
  return `${JSON.stringify(fields)}\n`;
}

/** The map in `text`. Throws REGISTRY_CORRUPT saying what is wrong and what to do. */
export function clusterMapFromText(text: string): ClusterMap {
  return readClusterMap(text).map;
}

/** The map in `text`, and the history that a document of 0.1.0 has in it. Throws as `clusterMapFromText`. */
export function readClusterMap(text: string): {
  readonly map: ClusterMap;
  readonly changes: readonly AssignmentChange[];
} {
  const fields = json.recordIn(json.parsedJson(text), "the document");
  if (fields["format"] === 1) return readFormat1(fields);
  if (fields["format"] !== format) {
    throw corrupt(
      `its format is ${JSON.stringify(fields["format"])}, but this version of shardgate reads formats 1 and ${format}`,
      "Start the version of shardgate that wrote it, or restore a backup.",
    );
  }
  return { map: mapOf(fields), changes: [] };
}

/** Numbers of the storage nodes that `isMeant` holds for; undefined, and so absent from the text, when there are none. */
function numbersWhere({ nodes }: ClusterMap, isMeant: (node: NodeRecord) => boolean): readonly number[] | undefined {
  const numbers = [...nodes.values()].flatMap((node, number) => (isMeant(node) ? [number] : []));
  return numbers.length === 0 ? undefined : numbers;
}

/** In place of a storage node's number. */
const none = -1;

const nodeColumns = ["name", "url", "registeredAtMs", "storeId", "lastStart", "isLossAccepted"] as const;

function mapOf(fields: StoredFields): ClusterMap {
  const shardCount = numberIn(fields, "shardCount", 1, shardCountMax);
  const rows = json.listIn(fields, "nodes").map(nodeOf);
  const shared = numbersIn(fields, "sharedStores", rows.length);
  const draining = numbersIn(fields, "draining", rows.length);
  const nodes = rows.map((node, number): NodeRecord => {
    return { ...node, isStoreShared: shared.has(number), isDraining: draining.has(number) };
  });
  const names = nodes.map(({ name }) => name);
  json.refuseTwice(names, "a storage node");
  return {
    version: numberIn(fields, "version", 1),
    clusterId: textIn(fields, "clusterId"),
    clusterName: textIn(fields, "clusterName"),
    shardCount,
    hash: textIn(fields, "hash"),
    leader: leaderOf(fields),
    nodes: new Map(nodes.map((node) => [node.name, node])),
    shards: shardsOf(fields, shardCount, names),
    isRecovered: json.booleanIn(fields, "isRecovered"),
    putBack: putBackOf(fields["putBack"], shardCount, names),
  };
}

function leaderOf(fields: StoredFields): MapLeader | null {
  const id = textOrNullIn(fields, "leader");
  if (id === null) return null;
  const isKnown = (name: string): boolean => fields[name] !== undefined && fields[name] !== null;
  return {
    id,
    name: isKnown("leaderName") ? textIn(fields, "leaderName") : null,
    url: isKnown("leaderUrl") ? textIn(fields, "leaderUrl") : null,
    sinceVersion: isKnown("leaderSince") ? numberIn(fields, "leaderSince", 1) : null,
  };
}

/** Absent where it has none, and in a text of a release that does not know them. */
function numbersIn(fields: StoredFields, name: string, length: number): ReadonlySet<number> {
  if (fields[name] === undefined) return new Set();
  const items = json.listIn(fields, name);
  return new Set(items.map((number) => numberIn({ [name]: number }, name, 0, length - 1)));
}

function nodeOf(item: unknown): Omit<NodeRecord, "isStoreShared" | "isDraining"> {
  const fields = rowIn(item, "a storage node", nodeColumns);
  return {
    name: textIn(fields, "name"),
    url: textIn(fields, "url"),
    registeredAtMs: numberIn(fields, "registeredAtMs", -Infinity),
    storeId: textOrNullIn(fields, "storeId"),
    lastStart: textOrNullIn(fields, "lastStart"),
    isLossAccepted: json.booleanIn(fields, "isLossAccepted"),
  };
}

function shardsOf(fields: StoredFields, length: number, names: readonly string[]): readonly ShardRecord[] {
  const epochs = json.columnIn(fields, "epochs", { length, min: 0, max: epochMax });
  const primaries = json.columnIn(fields, "primaries", { length, min: none, max: names.length - 1 });
  const lineages = json.columnIn(fields, "lineages", { length, min: 0, max: Number.MAX_SAFE_INTEGER });
  const moves = movesOf(fields, length, names);
  return epochs.map((epoch, index) => {
    const shard = parseShard(index, length);
    const primary = names[primaries[index] ?? none] ?? null;
    if (primary !== null && epoch === 0) throw corrupt(`shard ${shard} has an owner and no epoch`);
    const move = moves.get(shard) ?? null;
    if (move !== null && (primary === null || primary === move.target)) {
      throw corrupt(`the move of shard ${shard} has no source, or one that is its target`);
    }
    return { shard, epoch, primary, lineage: lineages[index] ?? 0, move };
  });
}

function movesOf(
  fields: StoredFields,
  shardCount: number,
  names: readonly string[],
): ReadonlyMap<ShardNumber, ShardMove> {
  const rows = json.listIn(fields, "moves").map((item) => rowIn(item, "a move", ["shard", "id", "target"]));
  const moves = rows.map((row): [ShardNumber, ShardMove] => {
    return [shardIn(row, shardCount), { id: textIn(row, "id"), target: nameIn(row, "target", names), phase: "sealed" }];
  });
  json.refuseTwice(
    moves.map(([shard]) => shard),
    "the move of a shard",
  );
  return new Map(moves);
}

function putBackOf(value: unknown, shardCount: number, names: readonly string[]): PutBack | null {
  if (value === null) return null;
  const fields = json.recordIn(value, "`putBack`");
  const waiting = json.listIn(fields, "waiting").map((node) => nameIn({ waiting: node }, "waiting", names));
  if (waiting.length === 0) throw corrupt("it is marked as restored, but waits for no storage node");
  json.refuseTwice(waiting, "a waiting storage node");
  const columns = ["shard", "node", "lineage", "epoch", "hasKeys"];
  const rows = json.listIn(fields, "claims").map((item) => rowIn(item, "a claim", columns));
  const claims = rows.map((row): [ShardNumber, PutBackClaim] => {
    const node = nameIn(row, "node", names);
    const hasKeys = numberIn(row, "hasKeys", 0, 1) === 1;
    const lineage = numberIn(row, "lineage", 0);
    return [shardIn(row, shardCount), { node, lineage, epoch: numberIn(row, "epoch", 1, epochMax), hasKeys }];
  });
  json.refuseTwice(
    claims.map(([shard]) => shard),
    "the claim of a shard",
  );
  return { mark: textIn(fields, "mark"), waiting, claims: new Map(claims) };
}

function shardIn(row: StoredFields, shardCount: number): ShardNumber {
  return parseShard(numberIn(row, "shard", 0, shardCount - 1), shardCount);
}

function nameIn(row: StoredFields, column: string, names: readonly string[]): string {
  const name = names[numberIn(row, column, 0, names.length - 1)];
  if (name === undefined) throw corrupt(`\`${column}\` names no storage node`);
  return name;
}
