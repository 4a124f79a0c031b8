/**
 * The calls in flight on one connection by their ids, in an array whose places are used again. A Map would keep old calls
 * alive: see core/tasks/linked-list.ts.
 */

/** What has a place. */
export interface WithId {
  readonly id: number;
}

const placesMin = 8;

export class CallSlots<Call extends WithId> {
  /** A call has the place of its id modulo the length, which is a power of two. */
  #places: (Call | null)[] = places(placesMin);
  #size = 0;
  #lastId = 0;

  get size(): number {
    return this.#size;
  }

  /** An id for the next call, of 32 bits, whose place is free. */
  nextId(): number {
    if (this.#size === this.#places.length) this.#grow();
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#places[this.#placeOf(this.#lastId)] !== null);
    return this.#lastId;
  }

  /** `call` has the id that `nextId` gave last. */
  add(call: Call): void {
    this.#places[this.#placeOf(call.id)] = call;
    this.#size++;
  }

  get(id: number): Call | null {
    const call = this.#places[this.#placeOf(id)] ?? null;
    return call?.id === id ? call : null;
  }

  delete(call: Call): void {
    if (this.get(call.id) !== call) return;
    this.#places[this.#placeOf(call.id)] = null;
    this.#size--;
  }

  all(): readonly Call[] {
    return this.#places.filter((call) => call !== null);
  }

  clear(): void {
    this.#places = places(placesMin);
    this.#size = 0;
  }

  #placeOf(id: number): number {
    return id & (this.#places.length - 1);
  }

  #grow(): void {
    const calls = this.all();
    this.#places = places(2 * this.#places.length);
    for (const call of calls) this.#places[this.#placeOf(call.id)] = call;
  }
}

function places(count: number): null[] {
  return Array.from({ length: count }, () => null);
}
