/**
 * What one request reads, each key once: the keys that its fields ask for in the same turn are read in one go. What is
 * remembered is the request's own view; nothing is cached beyond it.
 */
import type { GraphQLResolveInfo } from "graphql";
import { errorRules, ShardgateError } from "../../core/error.js";
import { parseKey, type Key } from "../../core/key.js";
import type { FoundOutcome, NotFoundOutcome, Outcome, RefusedOutcome } from "../../core/operation.js";
import { shardOfKey, type ShardNumber } from "../../core/shard.js";
import type { RouteContext } from "../../routing/router.js";
import type { HostedShard } from "../../wire/membership.js";
import type { RequestServices } from "../access/request-services.js";
import type { Receipt } from "./receipt.js";

export type ReadOutcome = FoundOutcome | NotFoundOutcome | RefusedOutcome;

type ShardFigures = ReadonlyMap<ShardNumber, HostedShard> | null;

/** Keys that one call of the router reads. */
interface Batch {
  readonly keys: Key[];
  readonly readings: Reading[];
  /** Resolves when the outcomes of all are known; never rejects. */
  isRead: Promise<void>;
}

interface Reading {
  /** Null until it is known; an error when the batch failed as a whole. */
  outcome: ReadOutcome | Error | null;
  /** Null for a text that is no key. */
  readonly batch: Batch | null;
}

export class RequestLoaders {
  readonly #services: RequestServices;
  readonly #route: RouteContext;
  readonly #receipt: Receipt | null;
  readonly #readings = new Map<string, Reading>();
  /** What this turn's fields have asked for so far. */
  #gathering: Batch | null = null;
  #figures: Map<string, Promise<ShardFigures>> | null = null;

  constructor(services: RequestServices, route: RouteContext, receipt: Receipt | null) {
    this.#services = services;
    this.#route = receipt === null ? route : { ...route, recorder: receipt.loader };
    this.#receipt = receipt;
  }

  /**
   * What `use` makes of the outcomes of `keys`, in their order: at once when all are known, else a promise of it. A text
   * that is no key is refused with INVALID_KEY. Throws or rejects when a key's batch failed as a whole, for example with
   * ANSWER_TOO_LARGE. A refusal that a retry may overcome is not remembered.
   */
  read<Result>(
    keys: readonly string[],
    info: Pick<GraphQLResolveInfo, "path">,
    use: (outcomes: readonly ReadOutcome[]) => Result,
  ): Result | Promise<Result> {
    const readings = keys.map((key) => this.#readings.get(key) ?? this.#begin(key, null));
    if (this.#receipt !== null) {
      for (const [index, { batch }] of readings.entries())
        if (batch !== null) this.#receipt.asks(info, keys[index] as Key);
    }
    if (readings.every(isKnown)) return use(readings.map(outcomeOf));
    const batches = new Set(readings.map(({ batch }) => batch?.isRead));
    return Promise.all(batches).then(() => use(readings.map(outcomeOf)));
  }

  /** Reads keys before fields ask for them. Refusals are remembered, because all the fields ask in one turn. Never rejects. */
  readAhead(keys: readonly string[]): Promise<void> {
    const batch = emptyBatch();
    for (const key of keys) if (!this.#readings.has(key)) this.#begin(key, batch);
    return (batch.isRead = this.#run(batch, true));
  }

  /** The key was written: what was read of it may be wrong now. */
  forget(key: Key): void {
    this.#readings.delete(key);
  }

  /** Figures of the shards at a storage node, by its name; null when it does not answer. */
  shardFigures(name: string): Promise<ShardFigures> {
    const all = (this.#figures ??= new Map<string, Promise<ShardFigures>>());
    const known = all.get(name);
    if (known !== undefined) return known;
    const figures = this.#services.membership.shardFigures(name);
    all.set(name, figures);
    return figures;
  }

  /** `batch`: the one that will read it; null: the one that is being gathered. */
  #begin(text: string, batch: Batch | null): Reading {
    const refusal = keyRefusal(text);
    const reading: Reading =
      refusal === null
        ? { outcome: null, batch: batch ?? (this.#gathering ??= this.#gather()) }
        : { outcome: refusal, batch: null };
    this.#readings.set(text, reading);
    reading.batch?.keys.push(text as Key);
    reading.batch?.readings.push(reading);
    return reading;
  }

  /** Fields that have nothing to wait for ask in the same turn, and their keys are read together. */
  #gather(): Batch {
    const batch = emptyBatch();
    batch.isRead = Promise.resolve().then(() => {
      this.#gathering = null;
      return this.#run(batch, false);
    });
    return batch;
  }

  #run(batch: Batch, areRefusalsKept: boolean): Promise<void> {
    const { membership, router } = this.#services;
    const { shardCount } = membership;
    const operations = batch.keys.map((key) => ({ kind: "get" as const, shard: shardOfKey(key, shardCount), key }));
    return router.execute(operations, this.#route).then(
      (outcomes) => this.#settle(batch, outcomes, areRefusalsKept),
      (error: unknown) => this.#fail(batch, error as Error, areRefusalsKept),
    );
  }

  #settle(batch: Batch, outcomes: readonly Outcome[], areRefusalsKept: boolean): void {
    try {
      this.#take(batch, outcomes, areRefusalsKept);
    } catch (error) {
      this.#fail(batch, error as Error, areRefusalsKept);
    }
  }

  /** Throws ANSWER_TOO_LARGE. */
  #take({ keys, readings }: Batch, outcomes: readonly Outcome[], areRefusalsKept: boolean): void {
    for (const [index, reading] of readings.entries()) {
      const outcome = outcomes[index];
      if (!isReadOutcome(outcome)) throw new Error(`The router answered a get with ${outcome?.kind}.`);
      reading.outcome = outcome;
      if (outcome.kind !== "refused") continue;
      // Not this key's fault: the request as a whole asks for too much.
      if (outcome.code === "ANSWER_TOO_LARGE") throw new ShardgateError(outcome.code, outcome.message);
      const key = keys[index];
      if (areRefusalsKept || key === undefined || !errorRules[outcome.code].isRetryable) continue;
      this.forget(key);
      this.#receipt?.forgets(key);
    }
  }

  #fail({ keys, readings }: Batch, error: Error, isKept: boolean): void {
    for (const reading of readings) reading.outcome = error;
    if (!isKept) for (const key of keys) this.forget(key);
  }
}

function emptyBatch(): Batch {
  return { keys: [], readings: [], isRead: Promise.resolve() };
}

function keyRefusal(text: string): RefusedOutcome | null {
  try {
    parseKey(text);
    return null;
  } catch (error) {
    if (error instanceof ShardgateError) return { kind: "refused", code: error.code, message: error.message };
    throw error;
  }
}

function isReadOutcome(outcome: Outcome | undefined): outcome is ReadOutcome {
  return outcome?.kind === "found" || outcome?.kind === "notFound" || outcome?.kind === "refused";
}

function isKnown({ outcome }: Reading): boolean {
  return outcome !== null;
}

/** Throws what its batch failed with. */
function outcomeOf({ outcome }: Reading): ReadOutcome {
  if (outcome === null) throw new Error("A key was used before it was read.");
  if (outcome instanceof Error) throw outcome;
  return outcome;
}
