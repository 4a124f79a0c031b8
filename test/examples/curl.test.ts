import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyExample, startExample, type Example } from "../support/example.js";

let example: Example;
beforeAll(async () => {
  example = await startExample("curl");
});
afterAll(async () => example.stop());

describe("the curl example", () => {
  it("puts, reads a batch with every digit as written, and scans", async () => {
    const run = await example.run("start");
    expect(run.stdout.split("\n")).toEqual([
      '{"data":{"putMany":[{"__typename":"PutSuccess"},{"__typename":"PutSuccess"}]}}',
      '{"data":{"entries":[{"key":"river/Oder","value":{"km": 866.0}},{"code":"KEY_NOT_FOUND"},{"key":"river/Nile","value":{"km": 6650}}]}}',
      '{"data":{"scan":{"edges":[{"node":{"key":"river/Nile"}}],"pageInfo":{"hasNextPage":true}}}}',
      "",
    ]);
    expect(await run.ended()).toBe(0);
  });

  it("ends with an error when the gateway is not running", async () => {
    const lonely = copyExample("curl", "http://127.0.0.1:1/graphql");
    const run = await lonely.run("start");
    expect(await run.ended()).not.toBe(0);
    expect(run.stderr).toMatch(/^curl: \(7\)/m);
    await lonely.stop();
  });
});
