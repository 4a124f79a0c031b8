/**
 * A doubly linked list for items that come and go with every request, oldest first. A Set would be more expensive than
 * it seems: when its table is replaced by a larger one, the old table keeps a pointer to the new one. Once an old table
 * has been moved to the garbage collector's old generation, it keeps alive all later tables and everything that was
 * ever in them, until that generation is collected.
 */

/** An item that can be in one list at a time. Only the list writes these fields. */
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

  /** The oldest item. */
  get first(): Item | null {
    return this.#first;
  }

  /** Appends the item. An item that is in a list must be deleted there first. */
  add(item: Item): void {
    item.previous = this.#last;
    if (this.#last === null) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    item.isListed = true;
    this.#size++;
  }

  /** Returns false when the item is not in the list. */
  delete(item: Item): boolean {
    const { previous, next } = item;
    if (!item.isListed) return false;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    // A deleted item must not keep other items alive.
    item.previous = null;
    item.next = null;
    item.isListed = false;
    this.#size--;
    return true;
  }

  /** The current item may be deleted during iteration. */
  *[Symbol.iterator](): Generator<Item, void> {
    for (let item = this.#first; item !== null;) {
      const { next } = item;
      yield item;
      item = next;
    }
  }
}
