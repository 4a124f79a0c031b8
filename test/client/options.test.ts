import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createClient } from "../../src/client/index.js";
import { ClientHarness } from "./client-harness.js";

let harness: ClientHarness;
beforeEach(async () => {
  harness = await ClientHarness.start();
  harness.router.seed("a", 1);
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await harness.close();
});

it("requires only the endpoint", async () => {
  const client = createClient({ endpoint: harness.url });
  expect(await client.get("a")).toMatchObject({ kind: "found", value: 1 });
  harness.router.refuse("a", "SHARD_UNAVAILABLE");
  expect(await client.get("a")).toMatchObject({ kind: "unavailable" });
});

it("calls the global fetch without a this", async () => {
  const seen: unknown[] = [];
  const real = globalThis.fetch;
  vi.stubGlobal("fetch", function (this: unknown, ...request: Parameters<typeof fetch>) {
    seen.push(this);
    return real(...request);
  });
  await createClient({ endpoint: harness.url }).get("a");
  expect([undefined, globalThis]).toContain(seen[0]);
});

it.each(["foo", "", "localhost:4000/graphql", "ftp://127.0.0.1/graphql", "http://", "//127.0.0.1/graphql"])(
  "refuses the endpoint %j at once",
  (endpoint) => {
    expect(() => createClient({ endpoint })).toThrow(
      new TypeError(
        `\`endpoint\` is ${JSON.stringify(endpoint)}; it must be an http or https URL such as ` +
          '"http://127.0.0.1:4000/graphql", or a path such as "/graphql" in a browser.',
      ),
    );
  },
);

it("refuses an endpoint that is not text, or has a password, which the message does not repeat", () => {
  expect(() => createClient({ endpoint: undefined as never })).toThrow("`endpoint` is undefined; it must be");
  const endpoint = "https://ada:secret@127.0.0.1/graphql";
  const refusal = "`endpoint` must have no user name and no password; send them in `headers`.";
  expect(() => createClient({ endpoint })).toThrow(new TypeError(refusal));
});

it.each(["http://127.0.0.1:4000/graphql", "HTTPS://api.example/graphql", "/graphql", "/sg/graphql"])(
  "accepts the endpoint %j",
  (endpoint) => expect(createClient({ endpoint })).toMatchObject({ get: expect.any(Function) as unknown }),
);

it("collects reads in an environment without setImmediate", async () => {
  vi.stubGlobal("setImmediate", undefined);
  const client = harness.client();
  await Promise.all([client.get("a"), client.get("b")]);
  expect(harness.requests).toHaveLength(1);
});

it("gives up by itself after timeoutMs", async () => {
  const client = createClient({ endpoint: harness.url, fetch: () => new Promise(() => {}), timeoutMs: 1 });
  await expect(client.get("a")).rejects.toMatchObject({ code: "TIMEOUT", message: "There was no answer within 1 ms." });
});
