/** Time as a parameter. Only cli/ creates the real clock; tests use a fake one. */

export interface Clock {
  /** Wall clock, milliseconds since 1970: for times that people see and for expiry. It may jump in either direction. */
  nowMs(): number;
  /** Milliseconds since an arbitrary moment, never decreasing: for deadlines, intervals and durations. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`. Returns the function that cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}
