/**
 * Counts the events of every batch for each storage node as plain numbers: prom-client's own counters cost more than
 * all other counting.
 */

export interface NodeTally {
  batches: number;
  operations: number;
  inFlight: number;
  queued: number;
}

export class NodeTallies {
  readonly #tallies = new Map<string, NodeTally>();

  /** The tally of a storage node; the caller may modify it. */
  of(node: string): NodeTally {
    let tally = this.#tallies.get(node);
    if (tally === undefined) this.#tallies.set(node, (tally = { batches: 0, operations: 0, inFlight: 0, queued: 0 }));
    return tally;
  }

  /** One number of each tally, as a metric with the label `node` expects it. */
  *series(valueOf: (tally: NodeTally) => number): Iterable<readonly [labels: { node: string }, value: number]> {
    for (const [node, tally] of this.#tallies) yield [{ node }, valueOf(tally)];
  }
}
