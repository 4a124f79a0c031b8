/**
 * A list of what comes and goes with every request, oldest first. A Set would cost far more than it seems to: each time its
 * table is outgrown, the old one goes on pointing to the new. Once a single old table lies among the objects that the
 * garbage collector looks at seldom, all tables after it are kept until it does, with all that ever stood in them.
 */

/** What can stand in one list at a time. The list writes these. */
export interface Linked<Item> {
  previous: Item | null;
  next: Item | null;
  isListed: boolean;
}

export class LinkedList<Item extends Linked<Item>> {
  #first: Item | null = null;
  #last: Item | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The oldest. */
  get first(): Item | null {
    return this.#first;
  }

  /** At the end. What stands in a list already must be deleted there first. */
  add(item: Item): void {
    item.previous = this.#last;
    if (this.#last === null) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    item.isListed = true;
    this.#size++;
  }

  /** False when it is not there. */
  delete(item: Item): boolean {
    const { previous, next } = item;
    if (!item.isListed) return false;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    // What is gone must keep nothing alive.
    item.previous = null;
    item.next = null;
    item.isListed = false;
    this.#size--;
    return true;
  }

  /** The one at hand may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<Item, void> {
    for (let item = this.#first; item !== null;) {
      const { next } = item;
      yield item;
      item = next;
    }
  }
}
