import { describe, expect, it } from "vitest";
import { StopSource, type StopSignal } from "../../../src/core/tasks/stop-signal.js";

/** Both kinds of signal, each with the function that aborts it. */
const kinds: readonly [string, () => { readonly signal: StopSignal; readonly abort: (reason?: unknown) => void }][] = [
  [
    "a StopSource",
    () => {
      const source = new StopSource();
      return { signal: source, abort: (reason) => source.abort(reason) };
    },
  ],
  [
    "an AbortController",
    () => {
      const controller = new AbortController();
      return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
    },
  ],
];

describe.each(kinds)("%s", (_, create) => {
  it("calls its listeners once, with the first reason", () => {
    const { signal, abort } = create();
    const told: unknown[] = [];
    signal.addEventListener("abort", () => told.push(signal.reason), { once: true });
    expect(signal.aborted).toBe(false);
    abort("first");
    abort("second");
    expect(told).toEqual(["first"]);
    expect(signal).toMatchObject({ aborted: true, reason: "first" });
  });

  it("does not call listeners that were removed, or added too late", () => {
    const { signal, abort } = create();
    const told: string[] = [];
    const second = (): void => void told.push("second");
    const first = (): void => {
      told.push("first");
      signal.removeEventListener("abort", second);
      signal.addEventListener("abort", second, { once: true });
    };
    signal.removeEventListener("abort", second);
    signal.addEventListener("abort", first, { once: true });
    signal.addEventListener("abort", second, { once: true });
    abort();
    expect(told).toEqual(["first"]);
  });
});
