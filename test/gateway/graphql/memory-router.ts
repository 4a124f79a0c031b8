/** Replaces the router: keeps entries in memory, records its calls, and refuses operations on request. */
import type { JsonEntry } from "../../../src/core/entry.js";
import { jsonTextOf } from "../../../src/core/text/json-text.js";
import { compareKeys, parseKey } from "../../../src/core/key.js";
import type {
  Operation,
  Outcome,
  RefusedOutcome,
  ScanOperation,
  OperationCondition,
  WriteOperation,
} from "../../../src/core/operation.js";
import { versionOf } from "../../../src/core/version.js";
import type { RouteContext } from "../../../src/routing/router.js";

export class MemoryRouter {
  readonly calls: { readonly operations: readonly Operation[]; readonly context: RouteContext }[] = [];
  readonly refusals = new Map<string, RefusedOutcome>();
  /** Shards whose scans fail. */
  readonly deadShards = new Set<number>();
  /** Behaves as a plain storage node: without versions and times. */
  isPlain = false;
  /** Awaited before each answer. */
  gate: (context: RouteContext) => Promise<void> = () => Promise.resolve();
  readonly #entries = new Map<string, JsonEntry>();
  #sequence = 0;

  async execute(operations: readonly Operation[], context: RouteContext): Promise<readonly Outcome[]> {
    this.calls.push({ operations, context });
    await this.gate(context);
    return operations.map((operation) => this.#run(operation));
  }

  /** The same router, but calls are not recorded. */
  unseen(): Pick<MemoryRouter, "execute"> {
    return {
      execute: (operations, context) => {
        const calls = this.calls.length;
        const answered = this.execute(operations, context);
        this.calls.length = calls;
        return answered;
      },
    };
  }

  /** Writes an entry directly. */
  seed(key: string, value: unknown): void {
    this.#write({
      kind: "put",
      shard: 0 as never,
      key: parseKey(key),
      value: jsonTextOf(value),
      expiry: null,
      condition: null,
    });
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  refuse(key: string, code: RefusedOutcome["code"], message = `refused with ${code}`): void {
    this.refusals.set(key, { kind: "refused", code, message });
  }

  #run(operation: Operation): Outcome {
    if (operation.kind === "scan") return this.#scan(operation);
    const refusal = this.refusals.get(operation.key);
    if (refusal !== undefined) return refusal;
    if (operation.kind !== "get") return this.#write(operation);
    const entry = this.#entries.get(operation.key);
    return entry === undefined ? { kind: "notFound" } : { kind: "found", entry };
  }

  #write(operation: WriteOperation): Outcome {
    const current = this.#entries.get(operation.key) ?? null;
    if (operation.condition !== null && !holds(operation.condition, current)) return { kind: "conflict", current };
    if (operation.kind === "delete") {
      if (current === null) return { kind: "notFound" };
      this.#entries.delete(operation.key);
      return { kind: "deleted", version: current.version };
    }
    const { key, value, expiry } = operation;
    // As a storage node does, by its own clock.
    if (expiry?.kind === "at" && expiry.atMs <= writtenMs)
      return { kind: "refused", code: "EXPIRY_PASSED", message: `The expiry of key "${key}" has passed.` };
    const expiresAtMs = expiry === null ? null : expiry.kind === "at" ? expiry.atMs : writtenMs + expiry.seconds * 1000;
    const facts = this.isPlain
      ? { version: null, createdAtMs: null, updatedAtMs: null, expiresAtMs: null }
      : { version: versionOf(++this.#sequence), createdAtMs: writtenMs, updatedAtMs: writtenMs, expiresAtMs };
    this.#entries.set(key, { key, value, ...facts });
    return { kind: "written", isNew: current === null, facts };
  }

  /** All keys are in shard 0 here: the merge of shards is tested with scanShards. */
  #scan({ shard, prefix, after, before, limit, isReverse }: ScanOperation): Outcome {
    if (this.deadShards.has(shard)) return { kind: "refused", code: "SHARD_UNAVAILABLE", message: "down" };
    if (shard !== 0) return { kind: "page", entries: [], hasMore: false };
    const all = [...this.#entries.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .filter(({ key }) => after === null || compareKeys(key, after) > 0)
      .filter(({ key }) => before === null || compareKeys(key, before) < 0)
      .toSorted((a, b) => (isReverse ? compareKeys(b.key, a.key) : compareKeys(a.key, b.key)));
    return { kind: "page", entries: all.slice(0, limit), hasMore: all.length > limit };
  }
}

/** The time of all writes. */
export const writtenMs = Date.parse("2026-01-31T12:00:00.000Z");

function holds(condition: OperationCondition, current: JsonEntry | null): boolean {
  if (condition.kind === "ifVersion") return current?.version === condition.version;
  return (condition.kind === "ifPresent") === (current !== null);
}
