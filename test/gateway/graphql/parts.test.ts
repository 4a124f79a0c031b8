/** The pure parts of the GraphQL layer, for cases that requests cannot easily reach. */
import fc from "fast-check";
import { buildSchema, executeSync, getOperationAST, GraphQLError, parse, type OperationDefinitionNode } from "graphql";
import { describe, expect, it } from "vitest";
import { defaultBounds } from "../../../src/core/bounds.js";
import { clientError } from "../../../src/gateway/graphql/request/client-error.js";
import { RequestLog } from "../../../src/gateway/graphql/request/request-log.js";
import { openRules, parseDocument } from "../../../src/gateway/graphql/documents/document-rules.js";
import { ExactVariables } from "../../../src/gateway/graphql/values/exact-variables.js";
import { decodeGlobalId, encodeGlobalId } from "../../../src/gateway/graphql/values/global-id.js";
import { JsonInput } from "../../../src/gateway/graphql/values/json-input.js";
import { problemInstead } from "../../../src/gateway/graphql/values/problems.js";
import {
  DocumentCache,
  graphqlDocumentsCachedMax,
  graphqlDocumentCachedCharactersMax,
} from "../../../src/gateway/graphql/execution/prepared-documents.js";
import { RawJson, ResultObject, resultPieces, resultText } from "../../../src/gateway/graphql/values/result-text.js";
import { dateTimeScalar, jsonScalar, versionScalar } from "../../../src/gateway/graphql/values/scalars.js";
import { RecordLog } from "../../support/record-log.js";

describe("ExactVariables", () => {
  const schema = buildSchema(`
    scalar JSON
    input Tree { value: JSON, children: [Tree!], name: String }
    input Plain { name: String, self: Plain }
    type Query { a(t: Tree, l: [[JSON!]], p: Plain): Int }
  `);
  const variables = new ExactVariables(schema);
  const of = (definitions: string, text: string): Readonly<Record<string, unknown>> =>
    variables.of(operationOf(`query(${definitions}) { a }`), { parsed: JSON.parse(text), text: () => text });

  it("finds every JSON position, however deep, with the original text", () => {
    const jsonText = fc.json({ maxDepth: 4 });
    fc.assert(
      fc.property(fc.array(jsonText), jsonText, (texts, text) => {
        const children = texts.map((each) => `{ "name":"n", "value":${each} }`).join(" ,\n");
        const { t, l } = of(
          "$t: Tree, $l: [[JSON!]]",
          `{"l": [[ ${texts.join(" , ")} ], null], "t":{"value": ${text}, "children":[${children}]}}`,
        ) as { t: { value: JsonInput; children: { value: JsonInput }[] }; l: [JsonInput[], null] };
        expect(textOf(t.value)).toBe(text);
        expect(t.children.map(({ value }) => textOf(value))).toEqual(texts);
        expect(l[0].map(textOf)).toEqual(texts);
        expect(l[1]).toBeNull();
      }),
    );
  });

  it("leaves everything else as it was parsed, and values of the wrong type to coercion", () => {
    const parsed = { p: { name: "a", self: null }, extra: 1 };
    const text = (): string => JSON.stringify(parsed);
    expect(variables.of(operationOf("query($p: Plain) { a }"), { parsed, text })).toBe(parsed);
    expect(variables.of(operationOf("{ a }"), { parsed, text })).toBe(parsed);
    expect(of("$t: Tree, $u: Unknown", '{"t":5,"u":1}')).toEqual({ t: 5, u: 1 });
    expect(of("$t: Tree", '{"t":[1]}')).toEqual({ t: [1] });
    expect(of("$t: Tree", '{"t":null}')).toEqual({ t: null });
    expect(of("$t: Tree", "{}")).toEqual({});
  });

  it("keeps a value out of messages", () => {
    expect(JSON.stringify(new JsonInput("secret"))).toBe('"(JSON)"');
  });
});

describe("resultText", () => {
  it("writes errors first, and raw values wherever they are", () => {
    const data = {
      a: [new RawJson("1.10"), null, [new RawJson('{"b": 1}')]],
      c: { d: true, e: undefined },
      f: "\u2028",
    };
    const errors = [new GraphQLError("m", { path: ["a", 1], extensions: { code: "X" } })];
    expect(resultText({ data, errors, extensions: { cost: 1 } })).toBe(
      '{"errors":[{"message":"m","path":["a",1],"extensions":{"code":"X"}}],' +
        '"data":{"a":[1.10,null,[{"b": 1}]],"c":{"d":true,"e":null},"f":"\u2028"},"extensions":{"cost":1}}',
    );
    expect(resultText({ data: null })).toBe('{"data":null}');
  });

  it("refuses to exceed its maximum length", () => {
    const data = { a: new RawJson('"12345678"'), b: [new RawJson("12345"), "12345678"] };
    expect(resultText({ data }, 25)).toBe('{"data":{"a":"12345678","b":[12345,"12345678"]}}');
    expect(() => resultText({ data }, 24)).toThrowError(expect.objectContaining({ code: "ANSWER_TOO_LARGE" }));
  });

  it("has long values as separate pieces, so that they are not copied", () => {
    const long = JSON.stringify("x".repeat(2000));
    const [before, value, between, , behind] = resultPieces({
      data: { a: new RawJson(long), b: [new RawJson(long), 1] },
    });
    expect([before, between, behind]).toEqual(['{"data":{"a":', ',"b":[', ",1]}}"]);
    expect(value).toBe(long);
  });

  it("writes objects without members, however they were created", () => {
    const data = { a: {}, b: [], c: new ResultObject([], []), d: new ResultObject([{ prefix: '"e":' }], [null]) };
    expect(resultText({ data })).toBe('{"data":{"a":{},"b":[],"c":{},"d":{"e":null}}}');
    expect(resultText({})).toBe("{}");
    expect(resultText({ extensions: {} })).toBe('{"extensions":{}}');
  });

  it("equals JSON.stringify when there is nothing raw", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
        expect(JSON.parse(resultText({ data }))).toEqual(JSON.parse(JSON.stringify({ data })));
      }),
    );
  });
});

describe("global IDs", () => {
  it("are decoded as they were encoded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (local) => {
        expect(decodeGlobalId(encodeGlobalId("Entry", local))).toEqual({ type: "Entry", local });
      }),
    );
  });
});

describe("DocumentCache", () => {
  it("drops the least recently used document", () => {
    const cache = new DocumentCache<number>();
    for (let index = 0; index < graphqlDocumentsCachedMax; index++) cache.set(`d${index}`, index);
    expect(cache.get("d0")).toBe(0);
    cache.set("one more", 1);
    expect(cache.get("d0")).toBe(0);
    expect(cache.get("d1")).toBeUndefined();
    expect(cache.get("d2")).toBe(2);
  });

  it("does not keep long documents", () => {
    const cache = new DocumentCache<number>();
    cache.set("x".repeat(graphqlDocumentCachedCharactersMax), 1);
    cache.set("x".repeat(graphqlDocumentCachedCharactersMax + 1), 1);
    expect(cache.get("x".repeat(graphqlDocumentCachedCharactersMax))).toBe(1);
    expect(cache.get("x".repeat(graphqlDocumentCachedCharactersMax + 1))).toBeUndefined();
  });
});

describe("parseDocument", () => {
  it("parses documents, and passes on syntax errors", () => {
    expect(parseDocument("{ a }", defaultBounds).kind).toBe("Document");
    expect(() => parseDocument("{", defaultBounds)).toThrow(GraphQLError);
  });
});

describe("the scalars", () => {
  it("refuse values that resolvers and coercion must not pass to them", () => {
    expect(() => jsonScalar.serialize({ a: 1 })).toThrow("something other than JSON text");
    expect(() => jsonScalar.parseValue({ a: 1 })).toThrow("not read from the request");
    expect(() => dateTimeScalar.serialize("now")).toThrow("something other than a number");
    expect(() => versionScalar.parseValue(1)).toThrow("must be a string");
  });

  it("accept RFC 3339 timestamps with any offset", () => {
    const atMs = Date.parse("2024-02-29T23:30:00.125Z");
    for (const text of [
      "2024-02-29T23:30:00.125Z",
      "2024-03-01T00:30:00.125+01:00",
      "2024-02-29t18:30:00.1250-05:00",
    ]) {
      expect(dateTimeScalar.parseValue(text)).toBe(atMs);
    }
    for (const text of ["2023-02-29T00:00:00Z", "2024-02-29T24:01:00Z", "2024-02-29T00:00:00", "2024-02-29", ""]) {
      expect(() => dateTimeScalar.parseValue(text)).toThrow("RFC 3339");
    }
  });
});

describe("clientError", () => {
  it("gives an error of GraphQL.js with a code of its own the nearest code of the closed list", () => {
    const error = new GraphQLError("m", { extensions: { code: "SOMETHING_ELSE" } });
    expect(clientError(error, requestLog(new RecordLog()), openRules).extensions).toMatchObject({
      code: "BAD_REQUEST",
      isRetryable: false,
    });
  });

  it("treats a result that cannot be serialized as the server's fault, and a wrong argument as the client's", () => {
    const log = new RecordLog();
    const schema = buildSchema("type Query { large: Int, list: [Int!], echo(n: Int!): Int }");
    const rootValue = { large: 2 ** 40, list: [1, "x"], echo: ({ n }: { n: number }) => n };
    const document = parse("query ($n: Int) { large list echo(n: $n) }");
    const { errors = [] } = executeSync({ schema, document, rootValue, variableValues: { n: null } });
    expect(
      errors
        .map((error) => [error.path?.[0], clientError(error, requestLog(log), openRules).extensions["code"]])
        .toSorted(),
    ).toEqual([
      ["echo", "BAD_USER_INPUT"],
      ["large", "INTERNAL_SERVER_ERROR"],
      ["list", "INTERNAL_SERVER_ERROR"],
    ]);
    expect(log.lines).toHaveLength(2);
  });

  it("logs an unexpected error and masks it", () => {
    const log = new RecordLog();
    const error = new GraphQLError("private", { originalError: new TypeError("private"), path: ["get"] });
    expect(clientError(error, requestLog(log), openRules)).toMatchObject({
      path: ["get"],
      extensions: { code: "INTERNAL_SERVER_ERROR", requestId: "r1" },
    });
    expect(log.lines).toMatchObject([{ level: "error", facts: { err: new TypeError("private"), path: ["get"] } }]);
  });
});

function requestLog(log: RecordLog): RequestLog {
  return new RequestLog(log, "r1");
}

function operationOf(document: string): OperationDefinitionNode {
  const operation = getOperationAST(parse(document));
  if (operation == null) throw new Error("The document has no operation.");
  return operation;
}

function textOf(input: JsonInput | null): string {
  return input === null ? "null" : input.text;
}

function fails(): never {
  throw new TypeError("a bug");
}

describe("problemInstead", () => {
  it("rethrows errors with another code", () => {
    expect(() => problemInstead("INVALID_KEY", fails, () => null)).toThrow("a bug");
  });
});
