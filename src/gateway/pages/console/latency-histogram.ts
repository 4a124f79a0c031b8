/**
 * A histogram of durations with bins that grow by a tenth, so that each quantile is accurate to 5 % in a few hundred
 * bytes of fixed size. And a ring of such histograms over time, which drops old ones by itself. Why Node.js's own is
 * not used: docs/decisions/own-or-kept.md.
 */

const growth = 1.1;
const smallestMs = 0.02;
/** The last bin counts everything longer than a minute. */
const binCount = Math.ceil(Math.log(60_000 / smallestMs) / Math.log(growth)) + 1;

export class LatencyHistogram {
  readonly #bins = new Uint32Array(binCount);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  record(ms: number): void {
    const bin = Math.floor(Math.log(ms / smallestMs) / Math.log(growth));
    const index = Math.min(binCount - 1, Math.max(0, bin));
    this.#bins[index] = (this.#bins[index] ?? 0) + 1;
    this.#count++;
  }

  add(other: LatencyHistogram): void {
    other.#bins.forEach((count, index) => (this.#bins[index] = (this.#bins[index] ?? 0) + count));
    this.#count += other.#count;
  }

  /** The duration in milliseconds within which the share `quantile` (0 to 1) of all was done; null before the first. */
  quantileMs(quantile: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.max(1, Math.ceil(quantile * this.#count));
    let seen = 0;
    const bin = this.#bins.findIndex((count) => (seen += count) >= rank);
    return smallestMs * growth ** (bin + 0.5);
  }
}

/** Histograms of consecutive periods, of which the newest `parts` are kept. Times are monotonic. */
export class HistogramRing {
  readonly #partMs: number;
  readonly #slots: ({ readonly part: number; readonly histogram: LatencyHistogram } | null)[];

  constructor(parts: number, partMs: number) {
    this.#partMs = partMs;
    this.#slots = Array.from({ length: parts }, () => null);
  }

  /** The number of the period that contains a moment. */
  partAt(atMs: number): number {
    return Math.floor(atMs / this.#partMs);
  }

  record(atMs: number, ms: number): void {
    const part = this.partAt(atMs);
    const index = part % this.#slots.length;
    let slot = this.#slots[index] ?? null;
    if (slot?.part !== part) this.#slots[index] = slot = { part, histogram: new LatencyHistogram() };
    slot.histogram.record(ms);
  }

  /** Null when nothing was recorded in that period, or when it has been dropped. */
  part(part: number): LatencyHistogram | null {
    const slot = this.#slots[part % this.#slots.length] ?? null;
    return slot?.part === part ? slot.histogram : null;
  }

  /** The sum of all histograms that are kept at that moment. */
  recent(atMs: number): LatencyHistogram {
    const oldest = this.partAt(atMs) - this.#slots.length + 1;
    const sum = new LatencyHistogram();
    for (const slot of this.#slots) if (slot !== null && slot.part >= oldest) sum.add(slot.histogram);
    return sum;
  }
}
