/**
 * A model with some of its rules changed, and its expected result: the rules as implemented hold, simpler ones break.
 */
import { explore, type Finding, type Model, type ModelState } from "./checker.js";

export interface Variant {
  /** A sentence about the rules. */
  readonly name: string;
  readonly expected: "holds" | "breaks";
  /** Explored within a fraction of a second, so that the suite runs it too. */
  readonly isShort: boolean;
  run(): Finding;
}

/** Creates the variants of one model: `holds` and `breaks` run each night only, the short ones in the suite as well. */
export function variantsOf<Rules, State extends ModelState>(model: (rules: Partial<Rules>) => Model<State>) {
  const variant =
    (expected: Variant["expected"], isShort: boolean) =>
    (name: string, rules: Partial<Rules>): Variant => ({ name, expected, isShort, run: () => explore(model(rules)) });
  return {
    holds: variant("holds", false),
    breaks: variant("breaks", false),
    shortHolds: variant("holds", true),
    shortBreaks: variant("breaks", true),
  };
}
