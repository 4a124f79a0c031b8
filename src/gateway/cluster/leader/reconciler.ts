/**
 * Sends storage nodes their assignments after each change of the cluster map: it compares the assignments of each node
 * with those that the node last confirmed, and sends them where they differ, until they agree. Former owners come
 * before new ones; a node gets one call at a time, none while it is DOWN or gets an answer of its own, and none while
 * the registry is being restored, because a storage node gives up the shards that are not listed. What the nodes
 * confirmed is lost with the process: each start of a leader has them register again.
 */
import type { Clock } from "../../../core/clock.js";
import { heartbeatIntervalMs } from "../../../core/limits.js";
import type { Log } from "../../../core/log.js";
import type { ClusterMap } from "../../../registry/cluster-map.js";
import type { NodeState } from "../../../registry/liveness.js";
import type { NodeAssignments } from "../../../wire/membership.js";
import type { NodeCalls } from "../node-calls.js";
import { nodeNews } from "./node-news.js";
import { SharedRun } from "../../../core/tasks/shared-run.js";

/** Longest pause before a storage node that did not take its assignments is sent them again: each failure doubles the pause. */
export const assignmentsRetryMsMax = 8_000;

export interface ReconcilerParts {
  readonly nodeState: (name: string) => NodeState;
  readonly calls: Pick<NodeCalls, "assign">;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
}

/** The state of one storage node. */
interface Knowledge {
  /** The newest map version that had news for it. */
  due: number;
  /** The map version of the assignments that it has, as it said last. */
  known: number;
  /** The node's registrations in progress, whose answers contain the newest assignments. */
  answers: number;
  /** Calls in a row that failed. */
  failures: number;
  /** The next try begins no earlier, in monotonic time. */
  retryAtMs: number;
  readonly sending: SharedRun<void>;
}

export class Reconciler {
  readonly #parts: ReconcilerParts;
  #map: ClusterMap;
  readonly #nodes = new Map<string, Knowledge>();
  /** By map version, the sending that it began; never rejects. */
  readonly #rounds = new Map<number, Promise<void>>();
  #isStopped = false;

  /** `map`: the newest that is known here; its storage nodes are taken to have their assignments. */
  constructor(map: ClusterMap, parts: ReconcilerParts) {
    this.#parts = parts;
    this.#map = map;
  }

  /** To be called with every newer map, as soon as it is known here. */
  mapChanged(map: ClusterMap): void {
    const before = this.#map;
    this.#map = map;
    const news = nodeNews(before, map);
    for (const name of news.keys()) this.#of(name).due = map.version;
    // A node that is registering is in no map yet, and gets its assignments with the answer.
    for (const [name, { answers }] of this.#nodes) if (answers === 0 && !map.nodes.has(name)) this.#nodes.delete(name);
    const isSettled = before.putBack !== null && map.putBack === null;
    // Changes made while the registry was being restored have not been sent.
    const waiting = isSettled ? [...this.#nodes.keys()].filter((name) => !news.has(name)) : [];
    const round = this.#sendAll(news, waiting).finally(() => this.#rounds.delete(map.version));
    this.#rounds.set(map.version, round);
  }

  /** Resolves when the storage nodes concerned by this and earlier maps have their assignments, or failed to take them. */
  async settled({ version }: ClusterMap): Promise<void> {
    const rounds = [...this.#rounds].filter(([begun]) => begun <= version);
    await Promise.all(rounds.map(([, round]) => round));
  }

  /** A storage node reports which assignments it has. A report without news is cheap. */
  said(name: string, mapVersion: number): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    node.known = mapVersion;
    node.failures = 0;
    node.retryAtMs = 0;
  }

  /** The storage node gets its assignments with the answer that `work` resolves to, and by no other way meanwhile. */
  async answering(name: string, work: () => Promise<NodeAssignments>): Promise<NodeAssignments> {
    const node = this.#of(name);
    node.answers++;
    try {
      const assignments = await work();
      node.known = assignments.mapVersion;
      return assignments;
    } finally {
      node.answers--;
      // One that was refused and is in no map leaves nothing behind, however often it tries.
      if (node.answers === 0 && !this.#map.nodes.has(name)) this.#nodes.delete(name);
    }
  }

  /** Sends the storage node its assignments, although it may have said that it has them: its answers do not fit them. */
  async doubt(name: string): Promise<void> {
    const { version, nodes } = this.#map;
    if (!nodes.has(name)) return;
    const node = this.#of(name);
    Object.assign(node, { due: version, known: 0 });
    await node.sending.next();
  }

  /**
   * Sends to each storage node that still lacks assignments, unless its pause after a failure lasts. To be called
   * periodically.
   */
  async retry(): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs();
    const due = [...this.#nodes].filter(([, node]) => this.#lacks(node) && node.retryAtMs <= nowMs);
    await Promise.all(due.map(([name]) => this.#sendIfUp(name)));
  }

  /** Ends sending and logging; resolves when no call is in flight. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#nodes.values()].map(({ sending }) => sending.idle()));
    await Promise.all(this.#rounds.values());
  }

  /** Each after the former owners that it names, and `others` at once. */
  async #sendAll(news: ReadonlyMap<string, ReadonlySet<string>>, others: readonly string[]): Promise<void> {
    const sent = new Map<string, Promise<void>>();
    // Those without former owners come first in `news`.
    for (const [name, formerOwners] of news) {
      const before = [...formerOwners].map((owner) => sent.get(owner));
      sent.set(name, before.length === 0 ? this.#sendIfUp(name) : this.#sendAfter(before, name));
    }
    await Promise.all([...sent.values(), ...others.map((name) => this.#sendIfUp(name))]);
  }

  async #sendAfter(before: readonly (Promise<void> | undefined)[], name: string): Promise<void> {
    await Promise.all(before);
    await this.#sendIfUp(name);
  }

  async #sendIfUp(name: string): Promise<void> {
    const node = this.#nodes.get(name);
    if (node === undefined || !this.#lacks(node) || this.#parts.nodeState(name) === "DOWN") return;
    await node.sending.next();
  }

  async #send(name: string): Promise<void> {
    const map = this.#map;
    const node = this.#nodes.get(name);
    if (node === undefined || !this.#lacks(node)) return;
    const { calls, clock, log } = this.#parts;
    try {
      await calls.assign(name, map);
      node.known = Math.max(node.known, map.version);
      node.failures = 0;
    } catch (error) {
      if (this.#isStopped) return;
      const pauseMs = Math.min(heartbeatIntervalMs * 2 ** node.failures, assignmentsRetryMsMax);
      node.failures++;
      node.retryAtMs = clock.monotonicMs() + pauseMs;
      const facts = { err: error, node: name, mapVersion: map.version };
      const message = "A storage node did not accept its assignments; trying again until it has them or is DOWN.";
      if (node.failures === 1) log.warn(facts, message);
      else log.debug(facts, message);
    }
  }

  #lacks({ known, due, answers }: Knowledge): boolean {
    return known < due && answers === 0 && this.#map.putBack === null && !this.#isStopped;
  }

  #of(name: string): Knowledge {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const sending = new SharedRun(() => this.#send(name));
    const node: Knowledge = { due: 0, known: 0, answers: 0, failures: 0, retryAtMs: 0, sending };
    this.#nodes.set(name, node);
    return node;
  }
}
