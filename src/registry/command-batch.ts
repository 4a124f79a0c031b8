/** Commands that share one write of the registry: their result, one after the other, and whether it can be stored. */
import { ShardgateError } from "../core/error.js";
import { registryAttemptsMax } from "../core/limits.js";
import { recordOfChanges } from "./assignment-log.js";
import type { AssignmentChange, ClusterMap } from "./cluster-map.js";
import { applyCommand, type RegistryCommand } from "./commands.js";
import type { StoredDocument } from "./registry-store.js";
import { documentOf } from "./stored-cluster-map.js";

/** Longest cluster map as stored, together with the record of its newest change: what etcd takes, with room to spare. */
export const registryDocumentBytesMax = 1024 * 1024;

/**
 * Longest cluster map that still takes a further storage node, a longer URL or a move. The rest is for changes that
 * must not be refused: longer epochs and lineages, and the claims that are gathered after the registry was restored.
 */
export const registryGrowthBytesMax = 600 * 1024;

/** A command and its caller. */
export interface Waiting {
  readonly command: RegistryCommand;
  readonly resolve: (map: ClusterMap) => void;
  readonly reject: (reason: unknown) => void;
}

export interface Round {
  readonly map: ClusterMap;
  readonly changes: readonly AssignmentChange[];
  /** Why some of the commands changed nothing; each is refused alone. */
  readonly refusals: ReadonlyMap<Waiting, unknown>;
}

/** Each command on what the ones before it left. */
export function appliedInTurn(before: ClusterMap, batch: readonly Waiting[], nowMs: number): Round {
  let map = before;
  const changes: AssignmentChange[] = [];
  const refusals = new Map<Waiting, unknown>();
  for (const waiting of batch) {
    try {
      const changed = applyCommand(map, waiting.command, nowMs);
      map = changed.map;
      changes.push(...changed.changes);
    } catch (refusal) {
      refusals.set(waiting, refusal);
    }
  }
  return { map, changes, refusals };
}

/** What is stored of a round; null when the map would be too long. History that finds no room beside the map is left out. */
export function toStore(
  before: ClusterMap,
  batch: readonly Waiting[],
  { map, changes }: Round,
): { readonly document: StoredDocument; readonly record: string | null } | null {
  const document = documentOf(map);
  const bytes = Buffer.byteLength(document.text);
  const isGrowing = batch.some(({ command }) => isGrowth(before, command));
  if (bytes > (isGrowing ? registryGrowthBytesMax : registryDocumentBytesMax)) return null;
  const record = recordOfChanges(changes);
  const hasRoom = record !== null && bytes + Buffer.byteLength(record) <= registryDocumentBytesMax;
  return { document, record: hasRoom ? record : null };
}

export function settle(batch: readonly Waiting[], { map, refusals }: Round): void {
  for (const waiting of batch) {
    if (refusals.has(waiting)) waiting.reject(refusals.get(waiting));
    else waiting.resolve(map);
  }
}

export function rejectAll(batch: readonly Waiting[], reason: unknown): void {
  for (const { reject } of batch) reject(reason);
}

export function tooLong(): ShardgateError {
  return new ShardgateError(
    "BAD_REQUEST",
    `The change would make the cluster map longer than ${registryDocumentBytesMax} bytes, or use up the reserve ` +
      `above ${registryGrowthBytesMax} bytes. Remove storage nodes, or give them shorter names and URLs.`,
  );
}

/** Why this gateway may not change the map, and which one may. */
export function notLeading({ leader, version }: ClusterMap): ShardgateError {
  if (leader === null) {
    const message = `No gateway has led this cluster since map version ${version}. One takes the lead within seconds; try again.`;
    return new ShardgateError("REGISTRY_CONFLICT", message);
  }
  const { name, url, sinceVersion } = leader;
  const which = name === null && url === null ? "" : `: ${[name, url].filter((part) => part !== null).join(" at ")}`;
  return new ShardgateError(
    "REGISTRY_CONFLICT",
    `Another gateway has led this cluster since map version ${sinceVersion ?? version}${which}. This gateway does not ` +
      "change the cluster map; send the change to the leader, or try again.",
  );
}

export function lostEveryTry(map: ClusterMap): ShardgateError {
  return new ShardgateError(
    "REGISTRY_CONFLICT",
    `The change was tried ${registryAttemptsMax} times, but the store was never at map version ${map.version}, which this ` +
      "process expects.",
  );
}

/** Commands that an operator can forgo, and that make the map longer permanently. */
function isGrowth(map: ClusterMap, command: RegistryCommand): boolean {
  if (command.kind === "beginMove") return true;
  return command.kind === "registerNode" && command.url.length > (map.nodes.get(command.name)?.url.length ?? 0);
}
