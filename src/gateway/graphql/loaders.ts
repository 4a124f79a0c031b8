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
import type { GatewayServices } from "../services.js";
import type { Receipt } from "./receipt.js";

type ReadOutcome = FoundOutcome | NotFoundOutcome | RefusedOutcome;

export interface Loaders {
  /** What reading a key gave. A refusal that a retry may overcome is not remembered. Whoever writes a key clears it. */
  readonly entries: DataLoader<Key, ReadOutcome>;
  /** Figures of the shards at a storage node, by its name; null when it does not tell. */
  readonly shardFigures: DataLoader<string, ReadonlyMap<ShardNumber, HostedShard> | null>;
}

export function createLoaders(
  { router, membership }: GatewayServices,
  route: RouteContext,
  receipt: Receipt | null,
): Loaders {
  const context = receipt === null ? route : { ...route, recorder: receipt.loader };
  const entries = new DataLoader<Key, ReadOutcome>(async (keys) => {
    const { shardCount } = membership.map;
    const operations = keys.map((key) => ({ kind: "get" as const, shard: shardOfKey(key, shardCount), key }));
    const outcomes = (await router.execute(operations, context)).map(readOutcome);
    for (const [index, key] of keys.entries()) {
      const outcome = outcomes[index];
      // Not this key's fault: the field as a whole asks for too much.
      if (outcome?.kind === "refused" && outcome.code === "ANSWER_TOO_LARGE") {
        throw new ShardgateError(outcome.code, outcome.message);
      }
      if (outcome?.kind === "refused" && errorRules[outcome.code].isRetryable) {
        entries.clear(key);
        receipt?.forgets(key);
      }
    }
    return outcomes;
  });
  const shardFigures = new DataLoader((names: readonly string[]) =>
    Promise.all(names.map((name) => membership.shardFigures(name))),
  );
  return { entries, shardFigures };
}

function readOutcome(outcome: Outcome): ReadOutcome {
  if (outcome.kind === "found" || outcome.kind === "notFound" || outcome.kind === "refused") return outcome;
  throw new Error(`The router answered a get with ${outcome.kind}.`);
}
