import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GraphqlServer } from "../graphql-server.js";

let server: GraphqlServer;
beforeEach(async () => {
  server = await GraphqlServer.start();
  await server.addNode("node1");
  for (const key of ["a", "b1", "b2", "b3", "b4", "b5", "c"]) server.router.seed(key, key);
});
afterEach(() => server.close());

interface Page {
  readonly keys: readonly string[];
  readonly cursors: readonly string[];
  readonly pageInfo: Record<string, unknown>;
  readonly unavailableShards: readonly { number: number }[];
}

async function scan(variables: Readonly<Record<string, unknown>>): Promise<Page> {
  const answer = await server.run(
    `query($prefix: String! = "b", $first: Int, $after: String, $last: Int, $before: String) {
      scan(prefix: $prefix, first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { key } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        unavailableShards { number }
      }
    }`,
    variables,
  );
  expect(answer.errors).toBeUndefined();
  const { edges, ...rest } = answer.data["scan"] as unknown as Page & {
    edges: { cursor: string; node: { key: string } }[];
  };
  return { ...rest, keys: edges.map(({ node }) => node.key), cursors: edges.map(({ cursor }) => cursor) };
}

describe("scan", () => {
  it("returns all entries with a prefix in key order, and all entries without one", async () => {
    const page = await scan({});
    expect(page.keys).toEqual(["b1", "b2", "b3", "b4", "b5"]);
    expect(page.pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: page.cursors[0],
      endCursor: page.cursors[4],
    });
    expect(page.unavailableShards).toEqual([]);
    expect((await scan({ prefix: "" })).keys).toHaveLength(7);
    expect((await server.run("{ scan { edges { node { key } } } }")).text).toContain('"c"');
    expect((await scan({ prefix: ".." })).keys).toEqual([]);
  });

  it("pages forwards", async () => {
    const one = await scan({ first: 2 });
    expect(one.keys).toEqual(["b1", "b2"]);
    expect(one.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const two = await scan({ first: 2, after: one.pageInfo["endCursor"] });
    expect(two.keys).toEqual(["b3", "b4"]);
    expect(two.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    const three = await scan({ first: 2, after: two.pageInfo["endCursor"] });
    expect(three.keys).toEqual(["b5"]);
    expect(three.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it("pages backwards, each page still in key order", async () => {
    const one = await scan({ last: 2 });
    expect(one.keys).toEqual(["b4", "b5"]);
    expect(one.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const two = await scan({ last: 2, before: one.pageInfo["startCursor"] });
    expect(two.keys).toEqual(["b2", "b3"]);
    expect(two.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    const three = await scan({ last: 2, before: two.pageInfo["startCursor"] });
    expect(three.keys).toEqual(["b1"]);
    expect(three.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  });

  it("stays within both bounds", async () => {
    const { cursors } = await scan({});
    expect((await scan({ after: cursors[0], before: cursors[4] })).keys).toEqual(["b2", "b3", "b4"]);
    expect((await scan({ after: cursors[0], before: cursors[4], last: 1 })).keys).toEqual(["b4"]);
  });

  it("continues from a cursor whose key was deleted, and knows whether anything precedes it", async () => {
    const { cursors } = await scan({ first: 1 });
    await server.run('mutation { delete(key: "b1") { __typename } }');
    const page = await scan({ first: 1, after: cursors[0] });
    expect(page.keys).toEqual(["b2"]);
    expect(page.pageInfo).toMatchObject({ hasPreviousPage: false });
    server.router.seed("b0", 0);
    expect((await scan({ first: 1, after: cursors[0] })).pageInfo).toMatchObject({ hasPreviousPage: true });
  });

  it("ignores a cursor's key when its prefix is another", async () => {
    const { cursors } = await scan({ prefix: "a" });
    expect((await scan({ prefix: "b", after: cursors[0], first: 1 })).pageInfo).toMatchObject({
      hasPreviousPage: false,
    });
  });

  it("reads the other side only when it is requested", async () => {
    const { cursors } = await scan({});
    server.router.calls.splice(0);
    await server.run("query($after: String) { scan(after: $after) { pageInfo { hasNextPage endCursor } } }", {
      after: cursors[0],
    });
    expect(server.router.calls).toHaveLength(1);
  });

  it("returns a page of zero entries, which still reports whether there are more", async () => {
    const none = await scan({ first: 0 });
    expect(none).toMatchObject({ keys: [], pageInfo: { hasNextPage: true, startCursor: null, endCursor: null } });
    expect((await scan({ prefix: "zzz", last: 0 })).pageInfo).toMatchObject({ hasPreviousPage: false });
  });

  it("names the shards that did not answer", async () => {
    server.router.deadShards.add(1);
    server.router.deadShards.add(3);
    const page = await scan({ first: 1 });
    expect(page.keys).toEqual(["b1"]);
    expect(page.unavailableShards).toEqual([{ number: 1 }, { number: 3 }]);
  });

  it.each([
    [{ first: -1 }, "`first` is -1"],
    [{ last: -1 }, "`last` is -1"],
    [{ first: 1001 }, "0 to 1000"],
    [{ last: 1001 }, "0 to 1000"],
    [{ first: 1, last: 1 }, "not both"],
    [{ after: "x" }, "`after` is not a cursor"],
    // A cursor of b1 in another encoding, and one of bytes that are not text.
    [{ after: "MTpiMQ==" }, "`after` is not a cursor"],
    [{ after: "!MTpiMQ" }, "`after` is not a cursor"],
    [{ after: "MTpiMR" }, "`after` is not a cursor"],
    [{ after: Buffer.from([0x31, 0x3a, 0xff]).toString("base64url") }, "`after` is not a cursor"],
    [{ after: Buffer.from("2:key").toString("base64url") }, "`after` is not a cursor"],
    [{ before: Buffer.from("1:").toString("base64url") }, "`before` is not a cursor"],
    [{ before: Buffer.from(`1:${"x".repeat(1025)}`).toString("base64url") }, "`before` is not a cursor"],
    [{ prefix: "a\nb" }, "`prefix` has a control character"],
    [{ prefix: "x".repeat(1025) }, "`prefix` is longer"],
  ])("refuses %j before anything is read", async (variables, message) => {
    const answer = await server.run(
      `query($prefix: String! = "", $first: Int, $after: String, $last: Int, $before: String) {
        scan(prefix: $prefix, first: $first, after: $after, last: $last, before: $before) { edges { cursor } }
      }`,
      variables,
    );
    expect(answer.data).toEqual({ scan: null });
    expect(answer.errors).toMatchObject([
      { message: expect.stringContaining(message), extensions: { code: "BAD_USER_INPUT" } },
    ]);
    expect(server.router.calls).toHaveLength(0);
  });
});
