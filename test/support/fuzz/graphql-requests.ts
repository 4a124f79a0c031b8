/** GraphQL requests as clients send them: a generated document, now and then damaged, in a body or a query string. */
import * as fc from "fast-check";
import type { GraphQLSchema } from "graphql";
import { operationsOf, writeDocument, type Operation } from "./graphql-documents.js";

export interface GraphqlRequest {
  readonly method: "GET" | "POST";
  /** With the query string. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Cannot write, so that it may be sent twice. */
  readonly isRead: boolean;
  /** Asks for nothing that differs from one moment to the next. */
  readonly isSteady: boolean;
}

export function graphqlRequestsOf(schema: GraphQLSchema): fc.Arbitrary<GraphqlRequest> {
  const careful = fc.record({
    operations: fc.array(operationsOf(schema, "careful"), { minLength: 1, maxLength: 2 }),
    isNamed: fc.boolean(),
    operationName: fc.constant('"A"'),
    damage: fc.constant(null),
    members: fc.constant(""),
    accept: fc.constant("application/json"),
    isGet: fc.constant(false),
  });
  const careless = fc.record({
    operations: fc.array(operationsOf(schema, "careless"), { minLength: 1, maxLength: 2 }),
    isNamed: fc.boolean(),
    operationName: fc.constantFrom('"A"', '"A"', null, "null", '"B"', '"Z"', '""', "7"),
    damage: fc.option(damages),
    members: fc.constantFrom("", ...otherMembers),
    accept: fc.constantFrom("application/json", ...accepts),
    isGet: fc.boolean(),
  });
  return fc.oneof({ arbitrary: careful, weight: 2 }, careless).map((parts) => requestOf(parts));
}

interface Parts {
  readonly operations: readonly Operation[];
  readonly isNamed: boolean;
  readonly operationName: string | null;
  readonly damage: Damage | null;
  readonly members: string;
  readonly accept: string;
  readonly isGet: boolean;
}

function requestOf({ operations, isNamed, damage, members, accept, isGet, ...parts }: Parts): GraphqlRequest {
  const { text, variablesText } = writeDocument(operations, isNamed);
  const query = damage === null ? text : withDamage(text, damage);
  const name = isNamed || operations.length > 1 ? parts.operationName : null;
  return {
    ...(isGet ? asGet(query, variablesText, name) : asPost(query, variablesText, name, members)),
    headers: { "content-type": "application/json", accept, "x-request-id": "fuzz" },
    isRead: !query.includes("mutation"),
    isSteady: !/latencyMs|lastSeenAt/.test(query),
  };
}

interface Damage {
  readonly place: number;
  readonly removed: number;
  readonly text: string;
}

const damages: fc.Arbitrary<Damage> = fc.record({
  place: fc.nat({ max: 999 }),
  removed: fc.nat({ max: 3 }),
  text: fc.oneof(
    fc.constantFrom(
      "{",
      "}",
      "(",
      ")",
      "@",
      "...",
      '"',
      '"""',
      "$",
      ":",
      "!",
      "\0",
      "\ud800",
      "#",
      "\\u{1F4A9}",
      "&",
      "|",
    ),
    fc.string({ unit: "grapheme", maxLength: 3 }),
  ),
});

function withDamage(text: string, { place, removed, text: inserted }: Damage): string {
  const at = Math.floor((text.length * place) / 1000);
  return text.slice(0, at) + inserted + text.slice(at + removed);
}

const otherMembers = [
  '"extensions":null,',
  '"extensions":{"a":1},',
  '"extensions":[],',
  '"variables":null,',
  '"variables":{"v0":1},',
  '"query":"{__typename}",',
  '"more":1,',
  '"__proto__":{},',
  '"documentId":"none",',
  '"documentId":null,',
];

const accepts = [
  "*/*",
  "application/graphql-response+json",
  "application/json;q=0.9",
  "application/json, */*",
  "text/html",
  "a,;",
  "application/graphql-response+json, application/json;q=0.5",
];

type Sent = Pick<GraphqlRequest, "method" | "path" | "body">;

/** Of a member that stands twice the last one counts. */
function asPost(query: string, variables: string, operationName: string | null, members: string): Sent {
  const name = operationName === null ? "" : `,"operationName":${operationName}`;
  const body = `{${members}"query":${JSON.stringify(query)}${name},"variables":${variables}}`;
  return { method: "POST", path: "/graphql", body };
}

function asGet(query: string, variables: string, operationName: string | null): Sent {
  const search = new URLSearchParams({ query, variables, ...(operationName !== null && { operationName: "A" }) });
  return { method: "GET", path: `/graphql?${search.toString()}`, body: "" };
}
