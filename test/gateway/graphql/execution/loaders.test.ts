/** Which keys one request reads, and when: over the MemoryRouter, without a server. */
import { beforeEach, describe, expect, it } from "vitest";
import { parseKey } from "../../../../src/core/key.js";
import type { RequestServices } from "../../../../src/gateway/guard/request-services.js";
import { RequestLoaders, type LoadOutcome } from "../../../../src/gateway/graphql/execution/loaders.js";
import { MemoryRouter } from "../memory-router.js";

let router: MemoryRouter;
let loaders: RequestLoaders;
beforeEach(() => {
  router = new MemoryRouter();
  router.seed("a", 1);
  const services = { router, membership: { shardCount: 4 } } as unknown as RequestServices;
  loaders = new RequestLoaders(services, { deadlineMs: 0 } as never, null);
});

const info = { path: { prev: undefined, key: "field", typename: undefined } };
const kindsOf = (outcomes: readonly LoadOutcome[]) => outcomes.map(({ kind }) => kind);
const read = (...keys: string[]) => loaders.read(keys, info, kindsOf);
const callsOf = () =>
  router.calls.map(({ operations }) => operations.map((operation) => "key" in operation && operation.key));

describe("the keys of one request", () => {
  it("are read together when they are requested in one turn, each once", async () => {
    expect(await Promise.all([read("a", "b", "a"), read("c", "b")])).toEqual([
      ["found", "notFound", "found"],
      ["notFound", "notFound"],
    ]);
    expect(callsOf()).toEqual([["a", "b", "c"]]);
  });

  it("are read once, and awaited while they are being read", async () => {
    const opens: (() => void)[] = [];
    router.gate = () => new Promise((resolve) => opens.push(resolve));
    const first = read("a");
    await new Promise(setImmediate);
    const second = read("a", "b");
    await new Promise(setImmediate);
    for (const open of opens) open();
    expect([await first, await second]).toEqual([["found"], ["found", "notFound"]]);
    expect(await read("b", "a")).toEqual(["notFound", "found"]);
    expect(callsOf()).toEqual([["a"], ["b"]]);
  });

  it("are used at once by every field when they were read ahead, including refusals", async () => {
    router.refuse("busy", "OVERLOADED");
    const used = await loaders.readAhead(["a", "busy", "", "a"], () => [read("a", "busy"), read("", "busy")]);
    expect(used).toEqual([
      ["found", "refused"],
      ["refused", "refused"],
    ]);
    expect(callsOf()).toEqual([["a", "busy"]]);
  });

  it("are refused without a read when they are invalid", () => {
    expect(loaders.readAhead(["", ".."], () => read("", ".."))).toEqual(["refused", "refused"]);
    expect(loaders.read([""], info, ([outcome]) => outcome)).toEqual({
      kind: "refused",
      code: "INVALID_KEY",
      message: 'Key "" is empty.',
    });
    expect(router.calls).toEqual([]);
  });

  it("are read again after a write, and after a refusal that a retry may overcome", async () => {
    router.refuse("busy", "OVERLOADED");
    router.refuse("wrong", "FORBIDDEN");
    await read("a", "busy", "wrong");
    loaders.forget(parseKey("a"));
    router.refusals.clear();
    expect(await read("a", "busy", "wrong")).toEqual(["found", "notFound", "refused"]);
    expect(callsOf()).toEqual([
      ["a", "busy", "wrong"],
      ["a", "busy"],
    ]);
  });

  it.each([
    ["the values are too large", () => router.refuse("b", "ANSWER_TOO_LARGE", "Too large."), "Too large."],
    ["the router fails", () => (router.gate = () => Promise.reject(new Error("broken"))), "broken"],
    ["the router leaves a key out", () => (router.execute = () => Promise.resolve([])), "no outcome"],
    [
      "the router answers something else",
      () => (router.execute = () => Promise.resolve([{ kind: "deleted", version: null }])),
      "answered a get with deleted",
    ],
  ])("fail together when %s", async (_, fail, message) => {
    fail();
    await expect(read("a", "b")).rejects.toThrow(message);
    await loaders.readAhead(["a", "b"], () => expect(() => read("a", "b")).toThrow(message));
  });
});
