/**
 * Reports on single storage nodes for operators: why a registration was refused, and which outdated data a node keeps.
 * Kept by the process that registers nodes, and passed on to the gateway's other workers.
 */
import type { Clock } from "../../core/clock.js";
import { storageNodesMax } from "../../core/limits.js";
import type { NodeProblem, NodeReport, NodeReportRows } from "../../wire/node-report.js";

/** How long a refused registration of a storage node that is not in the cluster map is remembered; nodes try each second. */
export const strangerProblemMs = 60_000;

export type { NodeProblem, NodeReport, NodeReportRow, NodeReportRows } from "../../wire/node-report.js";

export const noReport: NodeReport = { problem: null, staleShards: [] };

/** Whether there is nothing to say about the node. */
export function isEmptyReport({ problem, staleShards }: NodeReport): boolean {
  return problem === null && staleShards.length === 0;
}

export class NodeReports {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #reports = new Map<string, { readonly report: NodeReport; readonly atMs: number }>();
  readonly #listeners = new Set<(name: string) => void>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  of(name: string): NodeReport {
    return this.#reports.get(name)?.report ?? noReport;
  }

  rows(): NodeReportRows {
    return [...this.#reports].map(([name, { report }]) => [name, report] as const);
  }

  /** Whether that is new, whichever shards it concerns. Beyond the most storage nodes that a cluster may have, problems of further ones are dropped. */
  setProblem(name: string, problem: NodeProblem | null): boolean {
    const { problem: before, staleShards } = this.of(name);
    if (!this.#reports.has(name) && this.#reports.size >= 2 * storageNodesMax) return false;
    if (before === null && problem === null) return false;
    const isNew = before?.code !== problem?.code || before?.message !== problem?.message;
    const isOther = isNew || before?.shards.join() !== problem?.shards.join();
    this.#set(name, { problem, staleShards }, isOther);
    return isNew;
  }

  /** Whether that is new. */
  setStaleShards(name: string, staleShards: readonly number[]): boolean {
    const { problem, staleShards: before } = this.of(name);
    const isNew = before.join() !== staleShards.join();
    if (isNew) this.#set(name, { problem, staleShards }, true);
    return isNew;
  }

  /** Replaces all reports with those of the leader. */
  replace(rows: NodeReportRows): void {
    const names = new Set(rows.map(([name]) => name));
    for (const name of this.#reports.keys()) if (!names.has(name)) this.forget(name);
    for (const [name, report] of rows) {
      this.setStaleShards(name, report.staleShards);
      this.setProblem(name, report.problem);
    }
  }

  /** Drops nodes that were removed, and those never in the cluster map that have not tried to register for a while. */
  keepOnly(isRegistered: (name: string) => boolean): void {
    const sinceMs = this.#clock.monotonicMs() - strangerProblemMs;
    for (const [name, { report, atMs }] of this.#reports) {
      const isStranger = report.problem !== null && atMs > sinceMs;
      if (!isRegistered(name) && !isStranger) this.forget(name);
    }
  }

  forget(name: string): void {
    if (this.#reports.delete(name)) this.#tell(name);
  }

  /** Calls `listener` with the name of each node whose report changes; returns the function that stops it. */
  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #set(name: string, report: NodeReport, isNew: boolean): void {
    if (isEmptyReport(report)) this.#reports.delete(name);
    else this.#reports.set(name, { report, atMs: this.#clock.monotonicMs() });
    if (isNew) this.#tell(name);
  }

  #tell(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}
