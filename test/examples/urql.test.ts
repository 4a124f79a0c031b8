import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyExample, startExample, type Example } from "../support/example.js";

let example: Example;
beforeAll(async () => {
  example = await startExample("urql");
});
afterAll(async () => example.stop());

describe("the urql example", () => {
  it("has the introspection that its script generates from the schema (run its generate script when this fails)", async () => {
    const committed = example.generatedFiles();
    example.removeGeneratedFiles();
    const run = await example.run("generate");
    expect(await run.ended(), run.stderr).toBe(0);
    expect(example.generatedFiles()).toEqual(committed);
  });

  it("compiles in strict mode and reads books page by page", async () => {
    const run = await example.run("start");
    expect(run.stdout).toBe(
      [
        'page 1: book/Dune {"title":"Dune"} in a shard that is ACTIVE\n',
        'page 1: book/Emma {"title":"Emma"} in a shard that is ACTIVE\n',
        'page 2: book/Ulysses {"title":"Ulysses"} in a shard that is ACTIVE\n',
      ].join(""),
    );
    expect(await run.ended()).toBe(0);
  });

  it("does not compile with a field that its document does not select", async () => {
    const broken = copyExample("urql", "");
    broken.replace("main.ts", "shard.state", "shard.number");
    const run = await broken.run("start");
    expect(run.stdout).toMatch(/main\.ts.* TS2339: Property 'number' does not exist/);
    expect(await run.ended()).not.toBe(0);
    await broken.stop();
  });
});
