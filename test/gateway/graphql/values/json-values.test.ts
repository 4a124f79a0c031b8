/** Values are returned byte for byte as they were written, however they are written and read. */
import { buildSchema, execute, parse, type ExecutionResult } from "graphql";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { valueBytesMax } from "../../../../src/core/limits.js";
import { typeDefs } from "../../../../src/gateway/graphql/generated/type-defs.js";
import { GraphqlServer, type Answer } from "../graphql-server.js";

let server: GraphqlServer;
beforeAll(async () => {
  server = await GraphqlServer.start();
  await server.addNode("node1");
});
afterAll(() => server.close());
beforeEach(() => server.router.calls.splice(0));

const put = `mutation($v: JSON!) {
  put(key: "k", value: $v) { ... on PutSuccess { entry { value valueText } } ... on Problem { __typename code message } }
}`;
const putMany = `mutation($items: [PutInput!]!) {
  putMany(items: $items) { __typename ... on PutSuccess { entry { key value } } ... on Problem { code message } }
}`;

function stored(): string | undefined {
  const [call] = server.router.calls;
  const operation = call?.operations[0];
  return operation?.kind === "put" ? operation.value : undefined;
}

function expectNoErrors(answer: Answer): void {
  expect(answer.errors).toBeUndefined();
}

const exactTexts = [
  "9007199254740993",
  "12345678901234567890",
  "1e400",
  "1.10",
  "-0",
  "-0.0",
  "1E+2",
  "0.1000000000000000055511151231257827",
  "null",
  "true",
  '""',
  '"\\u00e9 \\/ \\ud83d\\ude00 é 😀"',
  '"\\ud800"',
  "[]",
  "{}",
  '[ 1 , 2.50 ,\n\t{ "a" : [ ] } ]',
  '{"2":1,"1":2,"b":3,"a":4,"10":5}',
  '{"__proto__":{"x":1},"toJSON":"f","constructor":null,"hasOwnProperty":1}',
  '{"a\\"b\\\\":"\\\\\\""}',
  '{"text":"a variable","start":0,"end":3}',
];

describe("a value in a variable", () => {
  it.each(exactTexts)("is stored and returned exactly: %s", async (text) => {
    const answer = await server.runText(put, `{"v":${text}}`);
    expectNoErrors(answer);
    expect(stored()).toBe(text);
    expect(answer.text).toContain(`"value":${text},"valueText":${JSON.stringify(text)}`);
    const read = await server.run(
      '{ get(key: "k") { v: value list: value } entries(keys: ["k", "k"]) { ... on Entry { value } } }',
    );
    expect(read.text).toBe(
      `{"data":{"get":{"v":${text},"list":${text}},"entries":[{"value":${text}},{"value":${text}}]}}`,
    );
  });

  it("is exact within the items of putMany, and other fields are read as usual", async () => {
    const items = exactTexts.map(
      (text, index) => `{ "value" :${text}, "key":"many${index}", "expiry":{"ttlSeconds":5}}`,
    );
    const answer = await server.runText(putMany, ` { "items" : [${items.join(" , ")}] } `);
    expectNoErrors(answer);
    const written = exactTexts.map(
      (text, index) => `{"__typename":"PutSuccess","entry":{"key":"many${index}","value":${text}}}`,
    );
    expect(answer.text).toBe(`{"data":{"putMany":[${written.join(",")}]}}`);
  });

  it("is exact in a variable for one member, one item, and one item that stands for a list", async () => {
    await server.runText(
      'mutation($v: JSON!) { putMany(items: [{ key: "m", value: $v }]) { __typename } }',
      '{"v":1.10}',
    );
    expect(stored()).toBe("1.10");
    server.router.calls.splice(0);
    await server.runText(
      "mutation($i: PutInput!) { putMany(items: [$i]) { __typename } }",
      '{"i":{"key":"m","value":2.20}}',
    );
    expect(stored()).toBe("2.20");
    server.router.calls.splice(0);
    await server.runText(putMany, '{"items":{"key":"m","value":3.30}}');
    expect(stored()).toBe("3.30");
  });

  it.each([
    ["the body", `{"query":"{ __typename }","query":${JSON.stringify(put)},"variables":{"v":1}}`],
    ["the variables", `{"query":${JSON.stringify(put)},"variables":{"v":2.0,"\\u0076":3.0}}`],
  ])("fails the request when %s has a name twice", async (_, body) => {
    const answer = await server.post(body);
    expect(answer.errors).toMatchObject([{ extensions: { code: "BAD_REQUEST" } }]);
    expect(server.router.calls).toEqual([]);
  });

  it("fails only its item when the value has a name twice", async () => {
    const items = '[{"key":"a","value":1},{"key":"b","key":"c","value":2},{"key":"d","value":3,"value":4}]';
    const answer = await server.runText(putMany, `{"items":${items}}`);
    const kinds = ["PutSuccess", "InvalidValue", "InvalidValue"];
    expect(answer.data).toMatchObject({ putMany: kinds.map((__typename) => ({ __typename })) });
    expect(stored()).toBe("1");
  });

  it("may have a default, which is a literal", async () => {
    expectNoErrors(await server.run('mutation($v: JSON! = {a: 1.10}) { put(key: "k", value: $v) { __typename } }'));
    expect(stored()).toBe('{"a":1.10}');
    expectNoErrors(await server.run('mutation($v: JSON! = 5.0) { put(key: "k", value: $v) { __typename } }', {}));
  });

  it("fails the request when it is missing, or null where null is not a value", async () => {
    const missing = await server.run(put, {});
    expect(missing.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT", isRetryable: false } }]);
    const nothing = await server.run('mutation($v: JSON = 1) { put(key: "k", value: $v) { __typename } }', { v: null });
    expect(nothing.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
    const badItems = await server.run(putMany, { items: [1, null, { key: 5 }] });
    expect(badItems.errors?.every(({ extensions }) => extensions["code"] === "BAD_USER_INPUT")).toBe(true);
    expect(badItems.text).not.toContain("JsonInput");
  });
});

describe("a value as a literal", () => {
  it.each([
    ["9007199254740993", "9007199254740993"],
    ["1.10", "1.10"],
    ["1e400", "1e400"],
    ["-0", "-0"],
    ["true", "true"],
    ['"a\\"\\u00e9"', '"a\\"é"'],
    ['"""block "text\n""" ', '"block \\"text"'],
    ["[1, [2.0], null, {}]", "[1,[2.0],null,{}]"],
    ["{b: 1.50, a: {__proto__: 1, toJSON: false}}", '{"b":1.50,"a":{"__proto__":1,"toJSON":false}}'],
  ])("keeps its digits and order: %s", async (literal, text) => {
    const answer = await server.run(`mutation { put(key: "k", value: ${literal}) { __typename } }`);
    expectNoErrors(answer);
    expect(stored()).toBe(text);
  });

  it("may contain variables", async () => {
    const answer = await server.runText(
      `mutation($j: JSON, $s: String, $i: Int, $b: Boolean, $n: Int, $m: Int, $p: [PutInput], $x: JSON!) {
        put(key: "k", value: {j: $j, s: $s, i: $i, b: $b, n: $n, m: $m, list: [$m, $x], p: $p}) { __typename }
      }`,
      '{"j":{"n":1.10},"s":"a\\"b","i":-7,"b":true,"n":null,"x":9007199254740993,"p":[{"key":"q","value":2.20}]}',
    );
    expectNoErrors(answer);
    expect(stored()).toBe(
      '{"j":{"n":1.10},"s":"a\\"b","i":-7,"b":true,"n":null,"list":[null,9007199254740993],"p":[{"key":"q","value":2.20}]}',
    );
  });

  it("is refused alone when its variables have numbers that may have lost digits", async () => {
    for (const text of ["1.10", "9007199254740993", "-0"]) {
      const answer = await server.runText(
        'mutation($f: Float) { putMany(items: [{key: "a", value: {n: $f}}, {key: "b", value: 1}]) { __typename ... on Problem { message } } }',
        `{"f":${text}}`,
      );
      expectNoErrors(answer);
      expect(answer.data["putMany"]).toMatchObject([
        { __typename: "InvalidValue", message: expect.stringContaining("declare it as JSON") },
        { __typename: "PutSuccess" },
      ]);
    }
  });

  it("fails the request with enum values, and as null", async () => {
    for (const literal of ["ACTIVE", "[{a: ACTIVE}]", "null"]) {
      const answer = await server.run(`mutation { put(key: "k", value: ${literal}) { __typename } }`);
      expect(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"]).toContain(answer.errors[0]?.extensions["code"]);
      expect(answer.data).toBeUndefined();
    }
  });

  it("cannot become arbitrarily long by repeating one variable", async () => {
    const half = JSON.stringify("x".repeat(valueBytesMax / 2));
    const query = `mutation($v: JSON!) { put(key: "k", value: [${"$v ".repeat(2000)}]) { __typename } }`;
    const answer = await server.runText(query, `{"v":${half}}`);
    expect(answer.data["put"]).toEqual({ __typename: "InvalidValue" });
  });
});

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

describe("an invalid value", () => {
  it("is an outcome of its item, not an error of the request", async () => {
    const bad = [nested(65), '{"a":1,"\\u0061":2}', `"${"x".repeat(valueBytesMax)}"`];
    const good = [nested(64), '{"a":1,"b":{"a":1}}', `"${"x".repeat(valueBytesMax - 2)}"`];
    const items = [...bad, ...good].map((text, index) => `{"key":"k${index}","value":${text}}`);
    const answer = await server.runText(
      "mutation($items: [PutInput!]!) { putMany(items: $items) { __typename ... on InvalidValue { key code isRetryable } } }",
      `{"items":[${items.join(",")}]}`,
    );
    expectNoErrors(answer);
    expect(answer.data["putMany"]).toEqual([
      { __typename: "InvalidValue", key: "k0", code: "INVALID_VALUE", isRetryable: false },
      { __typename: "InvalidValue", key: "k1", code: "INVALID_VALUE", isRetryable: false },
      { __typename: "InvalidValue", key: "k2", code: "INVALID_VALUE", isRetryable: false },
      { __typename: "PutSuccess" },
      { __typename: "PutSuccess" },
      { __typename: "PutSuccess" },
    ]);
    expect(server.router.calls.map(({ operations }) => operations.length)).toEqual([3]);
  });

  it("is the same outcome of put, in variables and in literals", async () => {
    expect((await server.runText(put, `{"v":${nested(65)}}`)).data["put"]).toMatchObject({ code: "INVALID_VALUE" });
    const deep = await server.run(`mutation { put(key: "k", value: ${nested(66)}) { ... on Problem { code } } }`);
    expect(deep.data["put"]).toEqual({ code: "INVALID_VALUE" });
    const fits = await server.run(`mutation { put(key: "k", value: ${nested(64)}) { __typename } }`);
    expect(fits.data["put"]).toEqual({ __typename: "PutSuccess" });
    expect(server.router.calls).toHaveLength(1);
  });
});

/** Names with a meaning in JavaScript's objects, but none here. */
describe.each(["__proto__", "constructor", "toJSON", "hasOwnProperty", "valueOf", "then"])("the name %s", (name) => {
  const text = `{"${name}":{"${name}":[1.10]},"a":{"toString":0}}`;

  it("works as a variable", async () => {
    const query = put.replaceAll("$v", `$${name}`);
    for (const accept of ["application/json", "application/graphql-response+json"]) {
      server.router.calls.splice(0);
      const body = `{"query":${JSON.stringify(query)},"variables":{"${name}":${text},"other":1}}`;
      expectNoErrors(await server.post(body, { accept }));
      expect(stored()).toBe(text);
    }
  });

  it("works as an alias, an operation, a fragment and a name in a literal", async () => {
    const literal = text.replaceAll(/"(\w+)":/g, "$1:");
    const document = `mutation ${name} { ${name}: put(key: "${name}", value: ${literal}) { ...${name} } }
      fragment ${name} on PutSuccess { entry { ${name}: value } }`;
    const answer = await server.post(JSON.stringify({ query: document, operationName: name }));
    expectNoErrors(answer);
    expect(stored()).toBe(text);
    expect(answer.text).toContain(`"${name}":${text}`);
  });

  it("is missing where it is only inherited", async () => {
    const { errors } = await server.runText(`query ($${name}: String!) { get(key: $${name}) { key } }`, "{}");
    expect(errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
    expect(server.router.calls).toEqual([]);
  });
});

describe("JSON's null as a value", () => {
  const schema = buildSchema(typeDefs);

  /** The result of a gateway in front of this one, which executes the same document over this one's answer. */
  function stitched(document: string, { data }: Answer): ExecutionResult {
    return execute({ schema, document: parse(document), rootValue: data }) as ExecutionResult;
  }

  it("reaches clients behind another gateway, without an error and without a loss of others", async () => {
    await server.run(putMany, {
      items: [
        { key: "nothing", value: null },
        { key: "one", value: 1 },
      ],
    });
    const documents = [
      '{ get(key: "nothing") { key value valueText sizeBytes } }',
      '{ entries(keys: ["one", "nothing"]) { __typename ... on Entry { key value } } }',
      "{ scan { edges { node { key value } } } }",
    ];
    for (const document of documents) {
      const answer = await server.run(document);
      expectNoErrors(answer);
      expect(answer.text).toContain('"value":null');
      expect(stitched(document, answer)).toEqual({ data: answer.data });
    }
  });
});
