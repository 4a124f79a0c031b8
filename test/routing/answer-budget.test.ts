import { expect, it } from "vitest";
import { answerBytes } from "../../src/core/answer-bytes.js";
import { parseJsonText } from "../../src/core/text/json-text.js";
import { parseKey } from "../../src/core/key.js";
import { defaultBounds } from "../../src/core/bounds.js";
import { valueBytesMax } from "../../src/core/limits.js";
import type { Outcome } from "../../src/core/operation.js";
import { AnswerBudget } from "../../src/routing/answer-budget.js";

const value = parseJsonText(`"${"x".repeat(valueBytesMax - 2)}"`);
const entry = { key: parseKey("k"), value, version: null, createdAtMs: null, updatedAtMs: null, expiresAtMs: null };

it.each<[string, Outcome, number]>([
  ["found entries", { kind: "found", entry }, 1],
  ["the entries of conflicts", { kind: "conflict", current: entry }, 1],
  ["every entry of a page", { kind: "page", entries: [entry, entry], hasMore: false }, 2],
])("is spent by %s", (_, outcome, values) => {
  const budget = new AnswerBudget(defaultBounds.answerBytes);
  for (let sum = 0; sum < defaultBounds.answerBytes; sum += values * valueBytesMax) {
    expect(budget.isSpent).toBe(false);
    budget.spend([outcome]);
  }
  expect(budget.isSpent).toBe(true);
});

it.each<[string, Outcome]>([
  ["bytes, not characters", { kind: "found", entry: { ...entry, value: parseJsonText('"日本"') } }],
  ["of a page also its keys", { kind: "page", entries: [{ ...entry, value: parseJsonText("1") }], hasMore: false }],
])("counts %s, as storage nodes do", (_, outcome) => {
  const bytes = answerBytes(outcome);
  const [roomy, tight] = [new AnswerBudget(bytes + 1), new AnswerBudget(bytes)];
  for (const budget of [roomy, tight]) budget.spend([outcome]);
  expect([roomy.isSpent, tight.isSpent]).toEqual([false, true]);
  expect(bytes).toBeGreaterThan(7);
});

it("is not affected by outcomes without values", () => {
  const budget = new AnswerBudget(defaultBounds.answerBytes);
  const without: Outcome[] = [
    { kind: "notFound" },
    { kind: "conflict", current: null },
    { kind: "deleted", version: null },
  ];
  for (let times = 0; times < 1000; times++) budget.spend(without);
  expect(budget.isSpent).toBe(false);
});
