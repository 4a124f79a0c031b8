/**
 * What one client requests next: reads, writes with and without conditions, and deletions of a few hot keys, one or
 * several per request. Conditions use versions that the client itself has seen, current or not, as those of a real
 * client would.
 */
import type { Action, Result } from "./history.js";
import type { Random } from "./random.js";

export interface Ask {
  readonly key: string;
  readonly action: Action;
}

/** How a request is sent. A batch is one field with several keys. */
export type Way = "graphql" | "graphqlBatch" | "rest";

export interface Request {
  readonly way: Way;
  /** Several with "graphqlBatch", all of one kind and of different keys. */
  readonly asks: readonly Ask[];
}

const ways: readonly Way[] = ["graphql", "graphqlBatch", "rest"];
const batchAsksMax = 4;

export class Workload {
  readonly #random: Random;
  readonly #keys: readonly string[];
  readonly #nextValue: () => number;
  readonly #versions = new Map<string, number>();

  /** `nextValue` never returns a number twice, to any client. */
  constructor(random: Random, keys: readonly string[], nextValue: () => number) {
    this.#random = random;
    this.#keys = keys;
    this.#nextValue = nextValue;
  }

  next(): Request {
    const way = this.#random.pick(ways);
    const keys = new Set([this.#random.pick(this.#keys)]);
    if (way === "graphqlBatch") {
      const count = this.#random.between(2, batchAsksMax);
      for (let more = 1; more < count; more++) keys.add(this.#random.pick(this.#keys));
    }
    const kind = this.#random.pick(["get", "get", "put", "put", "put", "put", "delete"] as const);
    return { way, asks: [...keys].map((key) => ({ key, action: this.#action(kind, key) })) };
  }

  /** Remembers the version in an answer, for the next condition. */
  learn(key: string, result: Result): void {
    const version = versionIn(result);
    if (version !== null) this.#versions.set(key, version);
  }

  #action(kind: Action["kind"], key: string): Action {
    if (kind === "get") return { kind };
    const condition = this.#condition(kind, key);
    return kind === "put" ? { kind, value: this.#nextValue(), condition } : { kind, condition };
  }

  #condition(kind: "put" | "delete", key: string): Extract<Action, { kind: "put" }>["condition"] {
    const draw = this.#random.next();
    const version = this.#versions.get(key);
    if (draw < 0.5) return version === undefined ? null : { kind: "ifVersion", version };
    if (kind === "put" && draw < 0.6) return { kind: "ifAbsent" };
    return kind === "put" && draw < 0.7 ? { kind: "ifPresent" } : null;
  }
}

function versionIn(result: Result): number | null {
  if (result.kind === "written") return result.version;
  if (result.kind === "found") return result.entry.version;
  return result.kind === "conflict" ? (result.current?.version ?? null) : null;
}
