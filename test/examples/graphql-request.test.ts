import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startExample, type Example } from "../support/example.js";

let example: Example;
beforeAll(async () => {
  example = await startExample("graphql-request");
});
afterAll(async () => example.stop());

describe("the graphql-request example", () => {
  it("compiles in strict mode and loses no visit, however increments overlap", async () => {
    const run = await example.run("start");
    expect(run.stdout).toMatch(/^(somebody was faster: once more\n)*3 visits\n$/);
    expect(await run.ended()).toBe(0);
  });
});
