/** A session that was never connected; connected ones are tested with the pool. */
import { expect, it, vi } from "vitest";
import { Session } from "../../src/postgres/session.js";
import { FakeClock } from "../support/fake-clock.js";

function newSession(): Session {
  const host = { host: "127.0.0.1", port: 1 };
  return new Session({ host, access: {}, callMs: 1_000, clock: new FakeClock(), onNotice: () => {} });
}

it("calls each listener once when it ends, and a later one at once", () => {
  const session = newSession();
  const [early, removed, late] = [vi.fn<() => void>(), vi.fn<() => void>(), vi.fn<() => void>()];
  session.onEnd(early);
  session.onEnd(removed)();
  session.cut("first");
  session.cut("second");
  session.onEnd(late);
  expect(early).toHaveBeenCalledOnce();
  expect(removed).not.toHaveBeenCalled();
  expect(late).toHaveBeenCalledWith(expect.objectContaining({ message: "first", outcome: "nothing" }));
  expect(session.isOpen).toBe(false);
});

it("sends nothing after its end", async () => {
  const session = newSession();
  session.cut("it is over");
  await expect(session.run("SELECT 1")).rejects.toMatchObject({ message: "it is over", outcome: "nothing" });
  await expect(session.transaction("write", async () => 1)).rejects.toMatchObject({ outcome: "nothing" });
});
