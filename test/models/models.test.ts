/** The protocols as models: the rules as implemented hold in every reachable state, and each simpler rule breaks. */
import { describe, expect, it } from "vitest";
import { models } from "./models.js";

describe.each(models)("the model of $subject", ({ variants }) => {
  const short = variants.filter(({ isShort }) => isShort);
  it.each(short.map((variant) => [variant.expected, variant.name, variant] as const))(
    "%s: %s",
    (expected, _, variant) => {
      const { kind, why, trace } = variant.run();
      expect(kind, [why, ...trace].join("\n")).toBe(expected);
    },
  );
});
