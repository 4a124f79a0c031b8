import { expect, it } from "vitest";
import { parseJsonText } from "../../src/core/json-text.js";
import { parseKey } from "../../src/core/key.js";
import { requestAnswerBytesMax, valueBytesMax } from "../../src/core/limits.js";
import type { Outcome } from "../../src/core/operation.js";
import { AnswerBudget } from "../../src/routing/answer-budget.js";

const value = parseJsonText(`"${"x".repeat(valueBytesMax - 2)}"`);
const entry = { key: parseKey("k"), value, version: null, createdAtMs: null, updatedAtMs: null, expiresAtMs: null };

it.each<[string, Outcome, number]>([
  ["found entries", { kind: "found", entry }, 1],
  ["the entries of conflicts", { kind: "conflict", current: entry }, 1],
  ["every entry of a page", { kind: "page", entries: [entry, entry], hasMore: false }, 2],
])("is spent by %s", (_, outcome, values) => {
  const budget = new AnswerBudget(requestAnswerBytesMax);
  for (let sum = 0; sum < requestAnswerBytesMax; sum += values * valueBytesMax) {
    expect(budget.isSpent).toBe(false);
    budget.spend([outcome]);
  }
  expect(budget.isSpent).toBe(true);
});

it("is not touched by outcomes without values", () => {
  const budget = new AnswerBudget(requestAnswerBytesMax);
  const without: Outcome[] = [
    { kind: "notFound" },
    { kind: "conflict", current: null },
    { kind: "deleted", version: null },
  ];
  for (let times = 0; times < 1000; times++) budget.spend(without);
  expect(budget.isSpent).toBe(false);
});
