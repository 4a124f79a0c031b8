/**
 * Splits a batch into as few stages as preserve its meaning; a stage is one read of the engine followed by one group of
 * writes. Operations on different keys are independent. Operations on one key keep their order, as do a scan and the
 * writes to its shard.
 */
import type { RoutedOperation } from "../../core/operation.js";
import type { FencedRead, FencedWrite } from "../../storage/engine.js";

/** Indexes into the batch. The reads run first, from one snapshot, then the writes, in order. */
export interface Stage {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** The stages in execution order. Each index is in exactly one. */
export function batchStages(operations: readonly RoutedOperation[]): readonly Stage[] {
  const stages: { readonly reads: number[]; readonly writes: number[] }[] = [];
  /** The last stage that read or wrote each key, and each shard for scans. */
  const lastRead = new Map<string, number>();
  const lastWrite = new Map<string, number>();
  operations.forEach((routed, index) => {
    const { operation } = routed;
    const shard = `${operation.shard}`;
    const scope = operation.kind === "scan" ? shard : `${shard}/${operation.key}`;
    const isWriting = isWrite(routed);
    const at = isWriting
      ? Math.max(lastWrite.get(scope) ?? 0, lastRead.get(scope) ?? 0, lastRead.get(shard) ?? 0)
      : (lastWrite.get(scope) ?? -1) + 1;
    for (let next = stages.length; next <= at; next++) stages.push({ reads: [], writes: [] });
    stages[at]?.[isWriting ? "writes" : "reads"].push(index);
    raise(isWriting ? lastWrite : lastRead, scope, at);
    if (isWriting) raise(lastWrite, shard, at);
  });
  return stages;
}

function raise(stages: Map<string, number>, scope: string, stage: number): void {
  if (stage > (stages.get(scope) ?? -1)) stages.set(scope, stage);
}

export function isRead(routed: RoutedOperation): routed is FencedRead {
  return !isWrite(routed);
}

export function isWrite(routed: RoutedOperation): routed is FencedWrite {
  const { kind } = routed.operation;
  return kind === "put" || kind === "delete";
}
