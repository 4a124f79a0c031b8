/**
 * Clients that change the cluster map all the time, each by moving an empty shard of its own to and fro through one gateway; and
 * what the shard's history must be after that: every acknowledged change once, and nothing that no client asked for.
 */
import { ask, type ShardRow } from "../support/cluster-calls.js";
import { graphqlData } from "../support/gateway-calls.js";
import { eventually } from "../support/processes.js";

interface Change {
  readonly epoch: number;
  readonly nodeId: string;
  /** When it was asked for. */
  readonly askedMs: number;
}

interface HistoryRow {
  readonly epoch: number;
  readonly storageNodeName: string | null;
  readonly cause: string;
}

/** Of each shard, the newest first: as many as there are at most. */
const historyDocument = "{ shards { number history(first: 32) { epoch storageNodeName cause } } }";
/** Longer than a gateway waits for one that leads. */
const timeoutMs = 6_000;

export class MapChanger {
  readonly gateway: string;
  readonly #origin: string;
  readonly #shard: number;
  readonly #nodes: readonly string[];
  readonly #before: ShardRow;
  readonly #acknowledged: Change[] = [];
  /** To which storage nodes it asked to move the shard, and never learnt whether it was. */
  readonly #unknown: string[] = [];

  constructor(parts: {
    readonly gateway: string;
    readonly origin: string;
    readonly nodes: readonly string[];
    readonly before: ShardRow;
  }) {
    this.gateway = parts.gateway;
    this.#origin = parts.origin;
    this.#nodes = parts.nodes;
    this.#before = parts.before;
    this.#shard = parts.before.shardId;
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** Moves the shard until `signal` is aborted. */
  async run(signal: AbortSignal, pauseMs: number): Promise<void> {
    for (let turn = this.#nodes.indexOf(this.#before.nodeId ?? "") + 1; !signal.aborted; turn++) {
      await this.move(this.#nodes[turn % this.#nodes.length] ?? "");
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Asks the gateway to move the shard there. */
  async move(nodeId: string): Promise<void> {
    const askedMs = performance.now();
    const request = { shardId: this.#shard, nodeId, force: false };
    const answer = await ask(this.#origin, "POST", "/shards/assign", request, AbortSignal.timeout(timeoutMs)).catch(
      () => null,
    );
    if (answer?.status === 200) {
      this.#acknowledged.push({ epoch: Number(answer.body["epoch"]), nodeId, askedMs });
    } else this.#unknown.push(nodeId);
  }

  /** Waits until a change that is asked for from now on is acknowledged; resolves to how long that took, in milliseconds. */
  acknowledgesOne(): Promise<number> {
    const sinceMs = performance.now();
    return eventually(() => {
      const first = this.#acknowledged.find(({ askedMs }) => askedMs >= sinceMs);
      if (first === undefined) throw new Error(`${this.gateway} acknowledged no change of the cluster map.`);
      return performance.now() - sinceMs;
    }, 60_000);
  }

  /** What is wrong with the shard as a gateway knows it in the end. `isHistoryWhole`: the registry lost nothing of its log. */
  complaints(now: ShardRow, history: readonly HistoryRow[], isHistoryWhole: boolean): readonly string[] {
    const last = this.#acknowledged.at(-1);
    const wrong: string[] = [];
    const owners = [...(last === undefined ? [this.#before.nodeId] : [last.nodeId]), ...this.#unknown];
    if (!owners.includes(now.nodeId)) wrong.push(`it is at ${now.nodeId}, to which it was not moved last`);
    if (now.epoch < (last?.epoch ?? this.#before.epoch))
      wrong.push(`its epoch ${now.epoch} is older than ${last?.epoch}`);
    if (isHistoryWhole) wrong.push(...this.#wrongInHistory(now, history));
    if (wrong.length === 0) return [];
    const facts = { before: this.#before, acknowledged: this.#acknowledged, unknown: this.#unknown, now, history };
    return [`Shard ${this.#shard}: ${wrong.join("; ")}. ${JSON.stringify(facts)}`];
  }

  #wrongInHistory(now: ShardRow, history: readonly HistoryRow[]): readonly string[] {
    const wrong: string[] = [];
    const kept = history.filter(({ epoch }) => epoch > this.#before.epoch);
    const oldest = history.at(-1)?.epoch ?? 0;
    if (new Set(kept.map(({ epoch }) => epoch)).size !== kept.length) wrong.push("two changes have one epoch");
    if (history[0]?.epoch !== now.epoch) wrong.push(`its history does not end with its epoch ${now.epoch}`);
    const perhaps = [...this.#unknown];
    for (const { epoch, storageNodeName, cause } of kept) {
      const isAcknowledged = this.#acknowledged.some((change) => change.epoch === epoch);
      const place = perhaps.indexOf(storageNodeName ?? "");
      if (cause !== "OPERATOR") wrong.push(`epoch ${epoch} was not asked for (${cause})`);
      else if (!isAcknowledged && place < 0) wrong.push(`epoch ${epoch} was made once too often`);
      else if (!isAcknowledged) perhaps.splice(place, 1);
    }
    for (const { epoch, nodeId } of this.#acknowledged) {
      if (epoch < oldest || epoch <= this.#before.epoch) continue;
      const isKept = history.some((row) => row.epoch === epoch && row.storageNodeName === nodeId);
      if (!isKept) wrong.push(`the acknowledged epoch ${epoch} at ${nodeId} is lost`);
    }
    return wrong;
  }
}

/** Of each shard, by its number. */
export async function histories(origin: string): Promise<readonly (readonly HistoryRow[])[]> {
  const { shards } = await graphqlData<{
    readonly shards: readonly { readonly number: number; readonly history: readonly HistoryRow[] }[];
  }>(origin, historyDocument);
  return shards.map(({ history }) => history);
}
