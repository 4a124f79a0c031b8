/**
 * Writes a registry into another store: decides whether it may replace the present one and whether it is marked as
 * restored, and writes map and log in steps. Until the last step the target has no cluster map, so that no gateway
 * starts with an incomplete copy.
 */
import { ShardgateError } from "../../core/error.js";
import { changesInRecord, recordOfChanges } from "../../registry/assignment-log.js";
import { registryDocumentBytesMax } from "../../registry/command-batch.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import type { RegistryStore, StoredDocument, StoreMark } from "../../registry/registry-store.js";
import { putBackDocument } from "../../registry/stored-cluster-map.js";
import type { FoundRegistry } from "./command-registry.js";

export interface CopySource {
  readonly document: StoredDocument;
  readonly map: ClusterMap;
  readonly records: readonly string[];
}

export type CopyDecision =
  | { readonly kind: "write"; readonly isMarked: boolean }
  /** The target has the same map already. */
  | { readonly kind: "done" }
  /** Allowed only with `--force`; `what` describes the target. */
  | { readonly kind: "refuse"; readonly what: string };

/**
 * A copy onto an older map of the same cluster, or into an empty store, needs no mark: with all gateways stopped it is
 * the newest map, and if it is not, the storage nodes know more and cause the mark. A copy that replaces a newer or
 * unreadable map is marked at once, because it may lose changes that no storage node knows.
 */
export function decideCopy(
  { document, map }: CopySource,
  target: FoundRegistry | null,
  isForced: boolean,
): CopyDecision {
  if (target === null) return { kind: "write", isMarked: false };
  const refuseOr = (what: string, isMarked: boolean): CopyDecision =>
    isForced ? { kind: "write", isMarked } : { kind: "refuse", what };
  if (target.map === null) return refuseOr("has a document that is no cluster map", true);
  if (target.map.clusterId !== map.clusterId) {
    return refuseOr(`has another cluster, ${target.map.clusterName} (${target.map.clusterId})`, false);
  }
  if (target.version < document.version) return { kind: "write", isMarked: false };
  if (target.version === document.version && target.text === document.text) return { kind: "done" };
  return refuseOr(`has map version ${target.version} of this cluster, and the copy has ${document.version}`, true);
}

/** The document to write; if it is marked, its version is above all versions of the target. */
export function copiedDocument(
  { document }: CopySource,
  newMark: string | null,
  target: FoundRegistry | null,
): StoredDocument {
  return newMark === null ? document : putBackDocument(document, newMark, target?.version);
}

/**
 * Writes document and log over the content of the store. Throws BAD_REQUEST, with nothing written, when the map is
 * longer than every store takes; REGISTRY_CONFLICT when another process writes to the store; and the store's errors.
 */
export async function writeCopy(
  store: RegistryStore,
  present: StoreMark | null,
  { version, text }: StoredDocument,
  records: readonly string[],
): Promise<void> {
  const bytes = Buffer.byteLength(text);
  if (bytes > registryDocumentBytesMax) throw tooLongToCopy(bytes);
  let mark = present;
  const write = async (next: StoredDocument, record: string | null): Promise<void> => {
    if (!(await store.compareAndSet(mark, next, record))) throw changedMeanwhile();
    mark = { version: next.version, beat: mark?.beat ?? 0 };
  };
  // Also drops the target's log.
  if (present !== null) await write({ version: 0, text: "" }, null);
  const groups = logGroups(records);
  const last = groups.pop() ?? null;
  const first = version - groups.length;
  for (const [index, group] of groups.entries()) await write({ version: first + index, text: "" }, group);
  await write({ version, text }, last);
}

/** Joins the records into few, because each write has one. There are never more than the map has versions. */
function logGroups(records: readonly string[]): string[] {
  const groups: string[][] = [];
  let bytes = Infinity;
  for (const record of records) {
    if (bytes > groupBytes) [bytes] = [0, groups.push([])];
    groups.at(-1)?.push(record);
    bytes += record.length;
  }
  return groups.flatMap((group) => recordOfChanges(group.flatMap(changesInRecord)) ?? []);
}

/**
 * A record of this length takes no further one: even with another of maximum length it fits into one write of every
 * store.
 */
const groupBytes = 128 * 1024;

function tooLongToCopy(bytes: number): ShardgateError {
  const message = `The cluster map has ${bytes} bytes, and a registry takes at most ${registryDocumentBytesMax}. Nothing was written.`;
  return new ShardgateError("BAD_REQUEST", message);
}

function changedMeanwhile(): ShardgateError {
  return new ShardgateError(
    "REGISTRY_CONFLICT",
    "The registry changed during the copy, and is not complete. Stop all gateways of the cluster, and run the command again with --force.",
  );
}
