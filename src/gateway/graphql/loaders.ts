/**
 * Loaders of one request: they collect the keys that its fields ask for in the same turn, drop doubles and read them in
 * one go. What they remember is the request's own view; nothing is cached beyond it.
 */
import DataLoader from "dataloader";
import { errorRules, ShardgateError } from "../../core/error.js";
import type { Key } from "../../core/key.js";
import type { FoundOutcome, NotFoundOutcome, Outcome, RefusedOutcome } from "../../core/operation.js";
import { shardOfKey, type ShardNumber } from "../../core/shard.js";
import type { RouteContext } from "../../routing/router.js";
import type { HostedShard } from "../../wire/membership.js";
import type { RequestServices } from "../access/request-services.js";
import type { Receipt } from "./receipt.js";

export type ReadOutcome = FoundOutcome | NotFoundOutcome | RefusedOutcome;

type EntryLoader = DataLoader<Key, ReadOutcome>;
type FigureLoader = DataLoader<string, ReadonlyMap<ShardNumber, HostedShard> | null>;

export interface Loaders {
  /** What reading a key gave. A refusal that a retry may overcome is not remembered. */
  readonly entries: EntryLoader;
  /** What `entries` would give, without a promise, for a key that was read ahead; undefined for any other. Throws as it rejects. */
  ahead(key: string): ReadOutcome | undefined;
  /** The key was written: what was read of it may be wrong now. */
  forget(key: Key): void;
  /** Figures of the shards at a storage node, by its name; null when it does not tell. */
  readonly shardFigures: FigureLoader;
}

/** Each loader is made when it is first needed: most requests need one. */
export class RequestLoaders implements Loaders {
  readonly #services: RequestServices;
  readonly #route: RouteContext;
  readonly #receipt: Receipt | null;
  #entries: EntryLoader | null = null;
  #shardFigures: FigureLoader | null = null;
  readonly #ahead = new Map<string, ReadOutcome | Error>();

  constructor(services: RequestServices, route: RouteContext, receipt: Receipt | null) {
    this.#services = services;
    this.#route = receipt === null ? route : { ...route, recorder: receipt.loader };
    this.#receipt = receipt;
  }

  get entries(): EntryLoader {
    return (this.#entries ??= new DataLoader((keys) => this.#read(keys)));
  }

  /** Reads keys, each once, before anything asks for them. Never rejects. */
  readAhead(keys: readonly Key[]): Promise<void> {
    const once = keys.length === 1 ? keys : [...new Set(keys)];
    return this.#ask(once).then(
      (outcomes) => this.#keepAhead(once, outcomes),
      (error: unknown) => this.#failAhead(once, error),
    );
  }

  ahead(key: string): ReadOutcome | undefined {
    const found = this.#ahead.get(key);
    if (found instanceof Error) throw found;
    return found;
  }

  forget(key: Key): void {
    this.#entries?.clear(key);
  }

  get shardFigures(): FigureLoader {
    const { membership } = this.#services;
    return (this.#shardFigures ??= new DataLoader((names) =>
      Promise.all(names.map((name) => membership.shardFigures(name))),
    ));
  }

  #read(keys: readonly Key[]): Promise<readonly ReadOutcome[]> {
    return this.#ask(keys).then((outcomes) => this.#taken(keys, outcomes));
  }

  #ask(keys: readonly Key[]): Promise<readonly Outcome[]> {
    const { membership, router } = this.#services;
    const { shardCount } = membership;
    const operations = keys.map((key) => ({ kind: "get" as const, shard: shardOfKey(key, shardCount), key }));
    return router.execute(operations, this.#route);
  }

  #keepAhead(keys: readonly Key[], outcomes: readonly Outcome[]): void {
    try {
      this.#taken(keys, outcomes).forEach((outcome, index) => this.#ahead.set(keys[index] ?? "", outcome));
    } catch (error) {
      this.#failAhead(keys, error);
    }
  }

  #failAhead(keys: readonly Key[], error: unknown): void {
    for (const key of keys) this.#ahead.set(key, error as Error);
  }

  /** Throws ANSWER_TOO_LARGE. */
  #taken(keys: readonly Key[], answers: readonly Outcome[]): readonly ReadOutcome[] {
    const outcomes = answers.map(readOutcome);
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.kind !== "refused") continue;
      // Not this key's fault: the field as a whole asks for too much.
      if (outcome.code === "ANSWER_TOO_LARGE") throw new ShardgateError(outcome.code, outcome.message);
      const key = keys[index];
      if (key === undefined || !errorRules[outcome.code].isRetryable) continue;
      this.forget(key);
      this.#receipt?.forgets(key);
    }
    return outcomes;
  }
}

function readOutcome(outcome: Outcome): ReadOutcome {
  if (outcome.kind === "found" || outcome.kind === "notFound" || outcome.kind === "refused") return outcome;
  throw new Error(`The router answered a get with ${outcome.kind}.`);
}
