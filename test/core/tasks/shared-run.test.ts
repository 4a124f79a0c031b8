import { describe, expect, it } from "vitest";
import { SharedRun } from "../../../src/core/tasks/shared-run.js";
import { settle } from "../../support/fake-clock.js";

/** Runs that end when the test decides. */
function open() {
  const ends: ((error: Error | null) => void)[] = [];
  const shared = new SharedRun<void>(
    () => new Promise((resolve, reject) => void ends.push((error) => (error === null ? resolve() : reject(error)))),
  );
  return { shared, ends };
}

describe("SharedRun", () => {
  it("runs once for all callers before it begins, and once more for all callers while it runs", async () => {
    const { shared, ends } = open();
    const first = [shared.next(), shared.next()];
    await settle();
    const second = [shared.next(), shared.next(), shared.next()];
    await settle();
    expect(ends).toHaveLength(1);
    ends[0]?.(null);
    await Promise.all(first);
    await settle();
    expect(ends).toHaveLength(2);
    ends[1]?.(null);
    await Promise.all(second);
    expect(ends).toHaveLength(2);
  });

  it("rejects for all callers that share a failed run, and continues with the next", async () => {
    const { shared, ends } = open();
    const failed = expect(Promise.all([shared.next(), shared.next()])).rejects.toThrow("no");
    await settle();
    const next = shared.next();
    ends[0]?.(new Error("no"));
    await failed;
    await settle();
    ends[1]?.(null);
    await next;
  });

  it("is idle once the current and the requested run have ended, however they ended", async () => {
    const { shared, ends } = open();
    await shared.idle();
    const first = shared.next().catch(() => "failed");
    await settle();
    const second = shared.next();
    let isIdle = false;
    const idle = shared.idle().then(() => (isIdle = true));
    ends[0]?.(new Error("no"));
    await settle();
    expect(isIdle).toBe(false);
    ends[1]?.(null);
    await idle;
    expect(await first).toBe("failed");
    await second;
  });
});
