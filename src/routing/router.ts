/**
 * Sends operations to the storage nodes that own their shards and returns the outcomes in order. Operations are grouped
 * by node. Each group is sent, fails and is retried on its own, so a failed node affects only its own keys. Operations
 * on a shared store wait, within their deadlines, for the storage node that takes the shard over.
 */
import type { GatewayBounds } from "../core/bounds.js";
import type { Clock } from "../core/clock.js";
import type { ErrorCode } from "../core/error.js";
import type { Operation, Outcome } from "../core/operation.js";
import type { ClusterMap } from "../registry/cluster-map.js";
import { clause } from "./node-client/node-exchange.js";
import type { NodePool } from "./node-pool.js";
import { pause } from "../core/tasks/pause.js";
import { endOrDeadline, isWanted } from "./caller-deadline.js";
import { nodeText, refused, refusedBecause } from "./refusal.js";
import { groupsByNode, isTakenOver, onlyNode } from "./shard-owners.js";
import { firstStage, pauseAfter, stageAfter, stepsAfter, trialStage, type RetryStage, type Step } from "./retry.js";
import { ShardQueues } from "./waiting/shard-queues.js";
import { Submission, type RouteContext, type TakeOutcomes } from "./mailbox/submission.js";

export type { RouteContext } from "./mailbox/submission.js";

export interface RouterOptions {
  readonly registry: { readonly map: ClusterMap };
  readonly pool: Pick<NodePool, "submit" | "figures" | "observer" | "listen">;
  /**
   * Called when a storage node refused operations because of their epochs: loads the newest cluster map and sends the
   * node its assignments. Settles when both are done or have failed. Often called several times at once for one node.
   */
  readonly refresh: (node: string) => Promise<void>;
  readonly clock: Clock;
  /** Returns a number from 0 to 1. */
  readonly random: () => number;
  /** What this process admits: they bound how much may wait. */
  readonly bounds?: Pick<GatewayBounds, "requests" | "bodiesBytes">;
}

/** What all groups of one attempt share. */
interface Errand {
  readonly map: ClusterMap;
  readonly context: RouteContext;
  readonly stage: RetryStage;
  /** Called for bugs of the gateway only. */
  readonly reject: (error: unknown) => void;
}

/** The answer of one storage node; the refusals where there is none. */
interface Attempt {
  readonly node: string | null;
  /** The cluster map by which the operations were sent. */
  readonly map: ClusterMap;
  readonly operations: readonly Operation[];
  readonly answers: readonly Outcome[];
}

export class Router {
  readonly #options: RouterOptions;
  readonly #queues: ShardQueues;

  constructor(options: RouterOptions) {
    const { registry, pool, clock, random, bounds } = options;
    this.#options = options;
    this.#queues = new ShardQueues({
      map: () => registry.map,
      send: (operations, context) => this.#run(operations, context, trialStage),
      observer: pool.observer,
      clock,
      random,
      bounds,
    });
    pool.listen(this.#queues);
  }

  /**
   * Resolves to one outcome per operation, in order, at the deadline at the latest. Never rejects. A failed operation
   * is refused with SHARD_UNAVAILABLE (not executed), OUTCOME_UNKNOWN (a write that may have been executed),
   * ANSWER_TOO_LARGE (not executed, because the context's budget is spent), or the storage node's own code.
   */
  execute(operations: readonly Operation[], context: RouteContext): Promise<readonly Outcome[]> {
    const { budget } = context;
    if (budget?.isSpent !== true) return this.#run(operations, context, firstStage);
    return Promise.resolve(
      this.#counted(
        operations.map(() => budget.refusal()),
        firstStage,
      ),
    );
  }

  /** Passes the outcomes on and counts their refusals, in the first stage only: by then all retries are done. */
  #counted(outcomes: readonly Outcome[], stage: RetryStage): readonly Outcome[] {
    if (stage !== firstStage) return outcomes;
    const { observer } = this.#options.pool;
    for (const outcome of outcomes) {
      if (outcome.kind === "refused") observer.refused({ code: outcome.code, operations: 1 });
    }
    return outcomes;
  }

  /** Most requests concern one storage node, and many a single key: these take a direct path. */
  #run(operations: readonly Operation[], context: RouteContext, stage: RetryStage): Promise<readonly Outcome[]> {
    const { map } = this.#options.registry;
    if (map.putBack !== null) return Promise.resolve(this.#counted(allUnsettled(operations), stage));
    const isBehind = this.#queues.size > 0 && stage.isTrial !== true;
    if (isBehind && operations.some((operation) => this.#queues.isClosedFor(operation))) {
      return this.#runOrWait(operations, context, stage);
    }
    const only = onlyNode(operations, map);
    return new Promise((resolve, reject) => {
      const errand = { map, context, stage, reject };
      if (only === null) this.#runAtNodes(operations, errand, resolve);
      else this.#runAtNode(only, operations, errand, resolve);
    });
  }

  /** Operations on a shard that others wait for wait behind them. */
  async #runOrWait(
    operations: readonly Operation[],
    context: RouteContext,
    stage: RetryStage,
  ): Promise<readonly Outcome[]> {
    const isWaiting = operations.map((operation) => this.#queues.isClosedFor(operation));
    const waiting = operations.filter((_, index) => isWaiting[index]);
    const others = operations.filter((_, index) => isWaiting[index] !== true);
    const [waited, answered] = await Promise.all([
      this.#queues.wait(waiting, context, null),
      this.#run(others, context, stage),
    ]);
    this.#counted(waited, stage);
    const ends = [waited.values(), answered.values()] as const;
    return isWaiting.flatMap((waits) => ends[waits ? 0 : 1].next().value ?? []);
  }

  #runAtNodes(operations: readonly Operation[], errand: Errand, take: TakeOutcomes): void {
    const { map } = errand;
    const groups = groupsByNode(operations, map);
    const outcomes = operations.map((): Outcome | undefined => undefined);
    let missing = groups.size;
    if (missing === 0) return take([]);
    for (const [node, { operations: own, indices }] of groups) {
      const takeOwn = (answers: readonly Outcome[]): void => {
        replaceAt(outcomes, indices, answers);
        if (--missing === 0) take(outcomes as readonly Outcome[]);
      };
      if (node === null) this.#refuseOwnerless(own, errand, takeOwn);
      else this.#runAtNode(node, own, errand, takeOwn);
    }
  }

  #runAtNode(node: string, operations: readonly Operation[], errand: Errand, take: TakeOutcomes): void {
    const { map, context, stage, reject } = errand;
    const submission = new Submission(operations, map.shards, context, (outcomes) => {
      // Other callers of the same batch are answered after this one, so an error must not escape from here.
      try {
        const answers = withinBudget(outcomes, context);
        if (answers.every(({ kind }) => kind !== "refused")) take(answers);
        else this.#afterRefusals({ node, map, operations, answers }, context, stage).then(take).catch(reject);
      } catch (error) {
        reject(error);
      }
    });
    this.#options.pool.submit(node, submission);
  }

  /** Shards of a shared store have no owner until they are assigned to one of its storage nodes. */
  #refuseOwnerless(operations: readonly Operation[], errand: Errand, take: TakeOutcomes): void {
    const { map, context, stage, reject } = errand;
    const answers = allOwnerless(operations, map);
    if (!isTakenOver(map, null)) take(this.#counted(answers, stage));
    else this.#afterRefusals({ node: null, map, operations, answers }, context, stage).then(take).catch(reject);
  }

  /** The outcomes when some of the answers are refusals: those that may be retried are. */
  async #afterRefusals(attempt: Attempt, context: RouteContext, stage: RetryStage): Promise<readonly Outcome[]> {
    const { node, map, operations, answers } = attempt;
    const { clock, pool } = this.#options;
    const steps = stepsAfter(operations, answers, stage, isTakenOver(map, node));
    const outcomes = operations.map((operation, index) => settled(operation, answers[index], nameIn(map, node)));
    const indices = [...steps.keys()].filter((index) => steps[index] !== "done");
    const again = indices.flatMap((index) => operations[index] ?? []);
    if (steps.includes("wait")) {
      if (stage.isTrial === true || !isWanted(clock, context)) return this.#counted(outcomes, stage);
      const last = { map, outcomes: indices.flatMap((index) => outcomes[index] ?? []) };
      replaceAt(outcomes, indices, await this.#queues.wait(again, context, last));
      return this.#counted(outcomes, stage);
    }
    if (node === null || again.length === 0 || !(await this.#prepare(node, steps, context, stage))) {
      return this.#counted(outcomes, stage);
    }
    // All operations that are retried go together and in order, so that writes of one key stay in order.
    pool.observer.retried({ node, operations: again.length });
    replaceAt(outcomes, indices, await this.#run(again, context, stageAfter(steps, stage)));
    return this.#counted(outcomes, stage);
  }

  /** Does what must precede a retry. Resolves to false when the operations should not be retried. */
  async #prepare(node: string, steps: readonly Step[], context: RouteContext, stage: RetryStage): Promise<boolean> {
    const { clock, pool, random, refresh } = this.#options;
    const isRetry = steps.includes("retry");
    // An open breaker refuses at once; a pause here would only make the caller wait.
    if (isRetry && pool.figures(node).breaker === "open") return false;
    if (steps.includes("refresh")) await endOrDeadline(clock, refresh(node), context);
    // Nothing was executed: other callers filled the storage node's answer, and an immediate repetition would meet them
    // again.
    const isStuck = steps.every((step) => step === "resend");
    const pauseMs = isRetry || isStuck ? pauseAfter(stage.attempt, random()) : 0;
    if (!isWanted(clock, context, pauseMs)) return false;
    if (pauseMs > 0) await pause(clock, pauseMs, context.signal);
    return isWanted(clock, context);
  }
}

/** Codes between gateway and storage node that mean nothing to a client: for a client, the shard is unavailable. */
const internalCodes: ReadonlySet<ErrorCode> = new Set([
  "STALE_EPOCH",
  "SHARD_NOT_HOSTED",
  "DRAINING",
  "BATCH_ANSWER_FULL",
  "CLUSTER_MISMATCH",
  "NODE_CONFLICT",
]);

/** The outcome as the caller gets it when the operation is not retried. */
function settled(operation: Operation, outcome: Outcome | undefined, node: string): Outcome {
  if (outcome === undefined) throw new Error(`${node} was given an operation that has no outcome.`);
  if (outcome.kind !== "refused" || !internalCodes.has(outcome.code)) return outcome;
  const answered = `${node} answered ${outcome.code} (${clause(outcome.message)})`;
  return refusedBecause(operation, answered, true);
}

/**
 * Spends the budget on the outcomes. Once it is spent, operations that had no room in the answer are not sent again.
 */
function withinBudget(outcomes: readonly Outcome[], { budget }: RouteContext): readonly Outcome[] {
  budget?.spend(outcomes);
  if (budget?.isSpent !== true) return outcomes;
  return outcomes.map((outcome) => {
    return outcome.kind === "refused" && outcome.code === "BATCH_ANSWER_FULL" ? budget.refusal() : outcome;
  });
}

/** The refusals of all operations while the owners of the shards are unsettled, after the registry was restored. */
function allUnsettled(operations: readonly Operation[]): readonly Outcome[] {
  const cause = "the registry was restored from an older copy, and its storage nodes must register again first";
  return operations.map((operation) => refusedBecause(operation, cause, true));
}

/** The refusals of operations that no storage node can answer. */
function allOwnerless(operations: readonly Operation[], { shards, shardCount }: ClusterMap): readonly Outcome[] {
  return operations.map((operation) => {
    if (shards[operation.shard] !== undefined) return refusedBecause(operation, "it has no storage node", true);
    return refused("SHARD_NOT_FOUND", `Shard ${operation.shard} does not exist; there are ${shardCount}.`);
  });
}

function nameIn(map: ClusterMap, name: string | null): string {
  if (name === null) return "no storage node";
  const record = map.nodes.get(name);
  return record === undefined ? `storage node ${name}` : nodeText(record);
}

function replaceAt(
  outcomes: (Outcome | undefined)[],
  indices: readonly number[],
  replacements: readonly Outcome[],
): void {
  replacements.forEach((outcome, at) => {
    const index = indices[at];
    if (index !== undefined) outcomes[index] = outcome;
  });
}
