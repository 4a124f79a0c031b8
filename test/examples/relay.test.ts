import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startExample, type Example } from "../support/example.js";

let example: Example;
beforeAll(async () => {
  example = await startExample("relay");
});
afterAll(async () => example.stop());

describe("the Relay example", () => {
  it("is accepted by the compiler, which generates the committed artifacts (run its generate script when this fails)", async () => {
    const committed = example.generatedFiles();
    example.removeGeneratedFiles();
    const run = await example.run("generate");
    expect(await run.ended(), run.stdout + run.stderr).toBe(0);
    expect(example.generatedFiles()).toEqual(committed);
  });

  it("compiles in strict mode, pages through a connection and refetches one entry by its id", async () => {
    const run = await example.run("start");
    const [earth, mars] = ['planet/Earth {"moons":1}', 'planet/Mars {"moons":2}'];
    expect(run.stdout).toBe(
      [
        `first page: ${earth}, planet/Jupiter {"moons":79}\n`,
        `with the second page: ${earth}, planet/Jupiter {"moons":79}, ${mars}\n`,
        `with Jupiter refetched: ${earth}, planet/Jupiter {"moons":95}, ${mars}\n`,
      ].join(""),
    );
    expect(await run.ended()).toBe(0);
  });
});
