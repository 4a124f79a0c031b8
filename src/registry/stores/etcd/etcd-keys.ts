/** Keys of etcd, read and changed in transactions: what EtcdStore needs of the JSON gateway's many messages. */
import { ShardgateError } from "../../../core/error.js";
import type { EtcdAnswer, EtcdClient } from "./etcd-client.js";

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** Of etcd, when the key was last written. */
  readonly modRevision: string;
}

export type KeyOperation =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string }
  /** All keys from `key` on, before `end`. */
  | { readonly kind: "deleteRange"; readonly key: string; readonly end: string };

/** A condition on a key, without which a transaction changes nothing. A value of null: the key does not exist. */
export type KeyComparison =
  { readonly key: string; readonly value: string | null } | { readonly key: string; readonly modRevision: string };

export class EtcdKeys {
  readonly #client: Pick<EtcdClient, "call">;

  constructor(client: Pick<EtcdClient, "call">) {
    this.#client = client;
  }

  /** The keys as they are at one moment, in the order asked for; null: there is none. Throws REGISTRY_UNAVAILABLE. */
  async getAll(keys: readonly string[]): Promise<readonly (KeyValue | null)[]> {
    const success = keys.map((key) => ({ request_range: { key: encoded(key) } }));
    const { responses } = await this.#client.call(transactionPath, { success }, "read");
    return keys.map((_, index) => {
      const { response_range: found } = (listOf(responses)[index] ?? {}) as { response_range?: EtcdAnswer };
      return valuesIn(found ?? {})[0] ?? null;
    });
  }

  /** All keys from `start` on, before `end`, as they are at one moment, read in pages. Throws REGISTRY_UNAVAILABLE. */
  async range(start: string, end: string, pageMax: number): Promise<readonly KeyValue[]> {
    const found: KeyValue[] = [];
    let revision = "0";
    for (let from = start; ;) {
      const page = { key: encoded(from), range_end: encoded(end), limit: String(pageMax), revision };
      const answer = await this.#client.call(rangePath, page, "read");
      const values = valuesIn(answer);
      found.push(...values);
      if (revision === "0") revision = revisionOf(answer);
      const last = values.at(-1);
      if (answer["more"] !== true || last === undefined) return found;
      from = `${last.key}\0`;
    }
  }

  /** Another text after each write of the key, and where etcd was restored from a snapshot. Throws REGISTRY_UNAVAILABLE. */
  async lastWrite(key: string): Promise<string> {
    const answer = await this.#client.call(rangePath, { key: encoded(key) }, "read");
    return writeMark(answer, valuesIn(answer)[0]?.modRevision ?? "0");
  }

  /**
   * Does all of `operations` if all of `comparisons` hold; false: nothing happened. Throws REGISTRY_UNAVAILABLE: then it
   * may have happened.
   */
  async commit(comparisons: readonly KeyComparison[], operations: readonly KeyOperation[]): Promise<boolean> {
    const body = { compare: comparisons.map(comparisonMessage), success: operations.map(operationMessage) };
    const { succeeded } = await this.#client.call(transactionPath, body, "transaction");
    return succeeded === true;
  }
}

const rangePath = "/v3/kv/range";
const transactionPath = "/v3/kv/txn";

/** `lastWrite` of a key that was written at the revision, from an answer. A restored etcd has another cluster id. */
export function writeMark({ header }: EtcdAnswer, modRevision: string): string {
  const { cluster_id: cluster } = (header ?? {}) as { readonly cluster_id?: unknown };
  return `${String(cluster)} ${modRevision}`;
}

export function encoded(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function comparisonMessage(comparison: KeyComparison): object {
  const key = encoded(comparison.key);
  if ("modRevision" in comparison) {
    return { key, target: "MOD", result: "EQUAL", mod_revision: comparison.modRevision };
  }
  if (comparison.value === null) return { key, target: "CREATE", result: "EQUAL", create_revision: "0" };
  return { key, target: "VALUE", result: "EQUAL", value: encoded(comparison.value) };
}

function operationMessage(operation: KeyOperation): object {
  const key = encoded(operation.key);
  if (operation.kind === "put") return { request_put: { key, value: encoded(operation.value) } };
  if (operation.kind === "delete") return { request_delete_range: { key } };
  return { request_delete_range: { key, range_end: encoded(operation.end) } };
}

function valuesIn({ kvs }: EtcdAnswer): readonly KeyValue[] {
  return listOf(kvs).map((item) => {
    const { key, value, mod_revision: modRevision } = item as Readonly<Record<string, unknown>>;
    return { key: decoded(key), value: decoded(value ?? ""), modRevision: String(modRevision) };
  });
}

function revisionOf({ header }: EtcdAnswer): string {
  const { revision } = (header ?? {}) as { readonly revision?: unknown };
  if (typeof revision === "string") return revision;
  throw new ShardgateError("REGISTRY_UNAVAILABLE", "etcd answered a range of keys without its revision.");
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function decoded(value: unknown): string {
  return Buffer.from(String(value), "base64").toString("utf8");
}
