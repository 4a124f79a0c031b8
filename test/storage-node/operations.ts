/** Short forms of operations and assignments for the tests of the storage node. */
import { nodeBatchAnswerBytesMax } from "../../src/core/limits.js";
import type { JsonText } from "../../src/core/text/json-text.js";
import type { Key } from "../../src/core/key.js";
import type { RoutedOperation, OperationCondition } from "../../src/core/operation.js";
import type { ShardNumber } from "../../src/core/shard.js";
import type { FencedWrite, StorageEngine } from "../../src/storage/engine.js";
import type { NodeAssignments } from "../../src/wire/membership.js";

export function shardOf(number: number): ShardNumber {
  return number as ShardNumber;
}

export function get(key: string, epoch: number | null = null, shard = 2): RoutedOperation {
  return { operation: { kind: "get", shard: shardOf(shard), key: key as Key }, epoch };
}

export function put(key: string, value: string, options: PutOptions = {}): FencedWrite {
  const { epoch = null, shard = 2, condition = null } = options;
  const operation = {
    kind: "put",
    shard: shardOf(shard),
    key: key as Key,
    value: value as JsonText,
    expiry: null,
    condition,
  } as const;
  return { operation, epoch };
}

export interface PutOptions {
  readonly epoch?: number | null;
  readonly shard?: number;
  readonly condition?: OperationCondition | null;
}

export function remove(key: string, epoch: number | null = null, shard = 2): FencedWrite {
  return { operation: { kind: "delete", shard: shardOf(shard), key: key as Key, condition: null }, epoch };
}

export function scan(
  options: { readonly prefix?: string; readonly after?: string; readonly shard?: number } = {},
): RoutedOperation {
  const { prefix = "", after = null, shard = 2 } = options;
  const operation = {
    kind: "scan",
    shard: shardOf(shard),
    prefix,
    after,
    before: null,
    limit: 1000,
    bytesMax: nodeBatchAnswerBytesMax,
    isReverse: false,
  } as const;
  return { operation, epoch: null };
}

/** Assignments of cluster "c1" with 4 shards, as shard number to epoch. */
export function assignments(mapVersion: number, epochs: Readonly<Record<number, number>>): NodeAssignments {
  const shards = Object.entries(epochs).map(([shardId, epoch]) => ({ shardId: Number(shardId), epoch }));
  return { clusterId: "c1", shardCount: 4, mapVersion, shards };
}

/** The engine, after it has claimed shards, as shard number to epoch. */
export async function claimed<E extends StorageEngine>(
  engine: E,
  epochs: Readonly<Record<number, number>>,
): Promise<E> {
  const claims = Object.entries(epochs).map(([shard, epoch]) => {
    return { kind: "claim", shard: shardOf(Number(shard)), epoch, lineage: 0, sealedFor: null } as const;
  });
  await engine.changeState(() => ({ claims }));
  return engine;
}
