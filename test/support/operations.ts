/** Short ways to write down operations in tests. */
import { nodeBatchAnswerBytesMax } from "../../src/core/limits.js";
import { parseJsonText } from "../../src/core/text/json-text.js";
import { parseKey } from "../../src/core/key.js";
import type {
  DeleteOperation,
  GetOperation,
  Operation,
  PutOperation,
  RoutedOperation,
  ScanOperation,
} from "../../src/core/operation.js";
import { shardOfKey, type ShardNumber } from "../../src/core/shard.js";

/** Of the clusters in tests that name no other number. */
export const testShardCount = 4;

export function get(key: string, shardCount = testShardCount): GetOperation {
  return { kind: "get", ...place(key, shardCount) };
}

export function put(key: string, value: string, rest: Partial<PutOperation> = {}): PutOperation {
  const { shardCount = testShardCount, ...fields } = rest as Partial<PutOperation> & { shardCount?: number };
  return {
    kind: "put",
    ...place(key, shardCount),
    value: parseJsonText(value),
    expiry: null,
    condition: null,
    ...fields,
  };
}

export function remove(key: string, rest: Partial<DeleteOperation> = {}): DeleteOperation {
  return { kind: "delete", ...place(key, testShardCount), condition: null, ...rest };
}

export function scan(shard: number, rest: Partial<ScanOperation> = {}): ScanOperation {
  const all = {
    prefix: "",
    after: null,
    before: null,
    limit: 100,
    bytesMax: nodeBatchAnswerBytesMax,
    isReverse: false,
  };
  return { kind: "scan", shard: shard as ShardNumber, ...all, ...rest };
}

export function routed(operation: Operation, epoch: number | null = null): RoutedOperation {
  return { operation, epoch };
}

function place(key: string, shardCount: number) {
  const parsed = parseKey(key);
  return { key: parsed, shard: shardOfKey(parsed, shardCount) };
}
