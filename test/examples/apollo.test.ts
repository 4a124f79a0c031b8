import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startExample, type Example } from "../support/example.js";

let example: Example;
beforeAll(async () => {
  example = await startExample("apollo");
});
afterAll(async () => example.stop());

describe("the Apollo Client example", () => {
  it("has the possible types that its script generates from the schema (run its generate script when this fails)", async () => {
    const committed = example.generatedFiles();
    example.removeGeneratedFiles();
    const run = await example.run("generate");
    expect(await run.ended(), run.stderr).toBe(0);
    expect(example.generatedFiles()).toEqual(committed);
  });

  it("compiles in strict mode; a put updates the watched batch, and a get needs no request", async () => {
    const run = await example.run("start");
    expect(run.stdout).toBe(
      [
        'the batch is {"logins":1}, KeyNotFound, {"logins":1} after 3 requests\n',
        'the batch is {"logins":2}, KeyNotFound, {"logins":1} after 4 requests\n',
        'ada is {"logins":2} after 4 requests\n',
      ].join(""),
    );
    expect(await run.ended()).toBe(0);
  });
});
