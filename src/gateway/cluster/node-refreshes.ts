/**
 * Refreshes of the cluster map for single storage nodes: callers that ask for the same node while a refresh is in
 * progress share it.
 */

export class NodeRefreshes {
  readonly #work: (node: string) => Promise<void>;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(work: (node: string) => Promise<void>) {
    this.#work = work;
  }

  /** Settles as the work does. */
  of(node: string): Promise<void> {
    const underWay = this.#underWay.get(node);
    if (underWay !== undefined) return underWay;
    const refresh = this.#work(node).finally(() => this.#underWay.delete(node));
    this.#underWay.set(node, refresh);
    return refresh;
  }
}
