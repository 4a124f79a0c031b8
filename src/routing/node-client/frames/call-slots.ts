/**
 * The calls in flight on one connection by their ids, in an array with reused slots. A Map would keep old calls in
 * memory: see core/tasks/linked-list.ts.
 */

/** An item with a slot. */
export interface WithId {
  readonly id: number;
}

const placesMin = 8;

export class CallSlots<Call extends WithId> {
  /** The slot of a call is its id modulo the length, which is a power of two. */
  #places: (Call | null)[] = places(placesMin);
  #size = 0;
  #lastId = 0;

  get size(): number {
    return this.#size;
  }

  /** A 32-bit id for the next call, whose slot is free. */
  nextId(): number {
    if (this.#size === this.#places.length) this.#grow();
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#places[this.#placeOf(this.#lastId)] !== null);
    return this.#lastId;
  }

  /** `call` must have the id that `nextId` returned last. */
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
