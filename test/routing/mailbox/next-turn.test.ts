import { expect, it } from "vitest";
import { NextTurn } from "../../../src/routing/mailbox/next-turn.js";
import { settle } from "../../support/fake-clock.js";

it("does in one turn what was planned for it, and what is planned meanwhile in the turn after", async () => {
  const turn = new NextTurn();
  const done: string[] = [];
  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
  turn.plan(() => {
    done.push("first");
    turn.plan(() => done.push("later"));
  });
  turn.plan(() => done.push("second"));
  queueMicrotask(() => done.push("microtask"));
  await nextTurn();
  expect(done).toEqual(["microtask", "first", "second"]);
  await settle();
  expect(done).toEqual(["microtask", "first", "second", "later"]);
});
