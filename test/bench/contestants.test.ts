/** Who can take part in a benchmark on this machine, and what is said of the others. */
import { expect, it } from "vitest";
import { benchModule } from "./bench-module.js";

const { takingPart } = await benchModule<{
  takingPart: (
    names: readonly string[],
    options: { readonly before: string | undefined; readonly say: (line: string) => void },
  ) => Readonly<Record<string, object>>;
}>("contestants.mjs");

function namesTakingPart(before: string | undefined) {
  const said: string[] = [];
  const taking = takingPart(["shardgate", "before", "bare proxy"], { before, say: (line) => said.push(line) });
  return { names: Object.keys(taking), said };
}

it("includes an earlier build in the comparison when one is given", () => {
  expect(namesTakingPart("/elsewhere")).toEqual({ names: ["shardgate", "before", "bare proxy"], said: [] });
});

it("omits the earlier build when none is given, and reports that", () => {
  const { names, said } = namesTakingPart(undefined);
  expect(names).toEqual(["shardgate", "bare proxy"]);
  expect(said).toEqual(["before is left out: no build of an earlier commit is given (--before)."]);
});
