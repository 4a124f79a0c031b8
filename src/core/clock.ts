/** Time as a parameter. The real clock is made in cli/ only; tests drive a fake one. */

export interface Clock {
  /** Wall clock, milliseconds since 1970: for times that people see and for expiry. It may jump either way. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, never going back: for deadlines, intervals and silence. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; returns the function that cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}
