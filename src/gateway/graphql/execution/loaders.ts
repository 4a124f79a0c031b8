/**
 * Reads entries and figures for one request, each key once: keys that its fields ask for in the same turn are read in
 * one batch. The results are kept for this request only; nothing is cached beyond it.
 */
import DataLoader from "dataloader";
import type { GraphQLResolveInfo } from "graphql";
import { errorRules, ShardgateError } from "../../../core/error.js";
import { keyProblem, parseKey, type Key } from "../../../core/key.js";
import type { FoundOutcome, NotFoundOutcome, Outcome, RefusedOutcome } from "../../../core/operation.js";
import { shardOfKey, type ShardNumber } from "../../../core/shard.js";
import type { RouteContext } from "../../../routing/router.js";
import type { HostedShard } from "../../../wire/membership.js";
import type { RequestServices } from "../../guard/request-services.js";
import { problemInstead } from "../values/problems.js";
import type { Receipt } from "./receipt.js";

export type LoadOutcome = FoundOutcome | NotFoundOutcome | RefusedOutcome;

type ShardFigures = ReadonlyMap<ShardNumber, HostedShard> | null;

/** All keys of a batch failed together. */
interface Failure {
  readonly kind: "failed";
  readonly error: unknown;
}

export class RequestLoaders {
  readonly #services: RequestServices;
  readonly #route: RouteContext;
  readonly #receipt: Receipt | null;
  /** Outcomes of keys that were read ahead. */
  readonly #ahead = new Map<string, LoadOutcome | Failure>();
  /** Created when a key is asked for that was not read ahead; most requests have no such key. */
  #entries: DataLoader<Key, LoadOutcome> | null = null;
  #figures: Map<string, Promise<ShardFigures>> | null = null;

  constructor(services: RequestServices, route: RouteContext, receipt: Receipt | null) {
    this.#services = services;
    this.#route = receipt === null ? route : { ...route, recorder: receipt.loader };
    this.#receipt = receipt;
  }

  /**
   * The result of `use` for the outcomes of `keys`, in order: at once when all are known, else a promise of it. A text
   * that is not a valid key gets INVALID_KEY. Throws or rejects when a key's batch failed as a whole, for example with
   * ANSWER_TOO_LARGE. Refusals that a retry may overcome are not kept.
   */
  read<Result>(
    keys: readonly string[],
    info: Pick<GraphQLResolveInfo, "path">,
    use: (outcomes: readonly LoadOutcome[]) => Result,
  ): Result | Promise<Result> {
    if (this.#receipt !== null) for (const key of keys) if (isKey(key)) this.#receipt.asks(info, key);
    const outcomes: LoadOutcome[] = [];
    // A single pass: most keys were read ahead, and further passes would cost a request of many keys a fifth of its
    // time.
    for (const key of keys) {
      const known = this.#ahead.get(key);
      if (known === undefined) return this.#load(keys, use);
      outcomes.push(outcomeOf(known));
    }
    return use(outcomes);
  }

  /**
   * Reads `keys` before the fields ask for them, and resolves to the result of `use`. Refusals are kept here, because
   * all fields ask in the same turn. Throws or rejects only with errors of `use`.
   */
  readAhead<Result>(keys: readonly string[], use: () => Result | Promise<Result>): Result | Promise<Result> {
    const valid = keys.filter(isKey);
    if (valid.length === 0) return use();
    const once = valid.length === 1 ? valid : [...new Set(valid)];
    return this.#ask(once, (outcomes) => {
      once.forEach((key, index) => this.#ahead.set(key, outcomes[index] ?? failed));
      return use();
    });
  }

  /** Drops the outcome of a key that was written. */
  forget(key: Key): void {
    this.#ahead.delete(key);
    this.#entries?.clear(key);
  }

  /** Figures of the shards at the storage node `name`; null when it does not answer. */
  shardFigures(name: string): Promise<ShardFigures> {
    const all = (this.#figures ??= new Map<string, Promise<ShardFigures>>());
    const known = all.get(name);
    if (known !== undefined) return known;
    const figures = this.#services.membership.shardFigures(name);
    all.set(name, figures);
    return figures;
  }

  #load<Result>(keys: readonly string[], use: (outcomes: readonly LoadOutcome[]) => Result): Result | Promise<Result> {
    // Errors are thrown before anything is loaded that would then be left without a reader.
    const known = keys.map((key) => {
      const outcome = this.#ahead.get(key) ?? keyRefusal(key);
      return outcome === null ? null : outcomeOf(outcome);
    });
    if (known.every((outcome) => outcome !== null)) return use(known);
    const entries = (this.#entries ??= new DataLoader((loaded) => this.#read(loaded)));
    return Promise.all(known.map((outcome, index) => outcome ?? entries.load(keys[index] as Key))).then(use);
  }

  /** Does not keep refusals that a retry may overcome. */
  #read(keys: readonly Key[]): Promise<readonly LoadOutcome[]> {
    return this.#ask(keys, (outcomes) =>
      keys.map((key, index) => {
        const outcome = outcomes[index] ?? failed;
        if (isRetryable(outcome)) {
          this.forget(key);
          this.#receipt?.forgets(key);
        }
        return outcomeOf(outcome);
      }),
    );
  }

  #ask<Result>(
    keys: readonly Key[],
    take: (outcomes: readonly (LoadOutcome | Failure)[]) => Result | Promise<Result>,
  ): Promise<Result> {
    const { membership, router } = this.#services;
    const { shardCount } = membership;
    const operations = keys.map((key) => ({ kind: "get" as const, shard: shardOfKey(key, shardCount), key }));
    return router.execute(operations, this.#route).then(
      (outcomes) => take(readOutcomes(outcomes)),
      (error: unknown) => take(keys.map(() => ({ kind: "failed", error }))),
    );
  }
}

/** Used when the router returns no outcome for a key. */
const failed: Failure = { kind: "failed", error: new Error("The router returned no outcome for a get.") };

function isKey(text: string): text is Key {
  return keyProblem(text) === null;
}

function keyRefusal(text: string): RefusedOutcome | null {
  return problemInstead<null, RefusedOutcome>(
    "INVALID_KEY",
    () => {
      parseKey(text);
      return null;
    },
    (message) => ({ kind: "refused", code: "INVALID_KEY", message }),
  );
}

function readOutcomes(outcomes: readonly Outcome[]): readonly (LoadOutcome | Failure)[] {
  try {
    return outcomes.map(readOutcome);
  } catch (error) {
    return outcomes.map(() => ({ kind: "failed", error }));
  }
}

/** Throws ANSWER_TOO_LARGE. */
function readOutcome(outcome: Outcome): LoadOutcome {
  if (outcome.kind === "found" || outcome.kind === "notFound") return outcome;
  if (outcome.kind !== "refused") throw new Error(`The router answered a get with ${outcome.kind}.`);
  // The request as a whole asks for too much; this key is not at fault.
  if (outcome.code === "ANSWER_TOO_LARGE") throw new ShardgateError(outcome.code, outcome.message);
  return outcome;
}

/** Whether another batch may succeed. */
function isRetryable(outcome: LoadOutcome | Failure): boolean {
  return outcome.kind === "failed" || (outcome.kind === "refused" && errorRules[outcome.code].isRetryable);
}

/** Throws the error that the key's batch failed with. */
function outcomeOf(known: LoadOutcome | Failure): LoadOutcome {
  if (known.kind === "failed") throw known.error;
  return known;
}
