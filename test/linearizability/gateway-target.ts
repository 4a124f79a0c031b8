/**
 * A gateway as clients use it, by GraphQL and REST, with each answer as a result of the history. A lost answer makes
 * the outcome unknown; an answer that no client should ever get is thrown.
 */
import type { Action, Condition, Result, ShownEntry } from "./history.js";
import type { Target } from "./clients.js";
import type { Ask, Request } from "./workload.js";

export interface GatewayTargetOptions {
  readonly origin: string;
  /** After this time the client gives up, with an unknown outcome. */
  readonly timeoutMs: number;
}

export function gatewayTarget(options: GatewayTargetOptions): Target {
  return async (request) => {
    try {
      return request.way === "rest" ? await askRest(options, request) : await askGraphql(options, request);
    } catch (error) {
      if (error instanceof UnexpectedAnswer) throw error;
      // Only without a connection is it certain that nothing left this process.
      const isUnsent = codeOf(error) === "ECONNREFUSED";
      const result: Result = isUnsent
        ? { kind: "refused", code: "ECONNREFUSED" }
        : { kind: "unknown", cause: String(error) };
      return request.asks.map(() => result);
    }
  };
}

/** An answer that violates the contract, whatever the faults. */
class UnexpectedAnswer extends Error {}

const entryFields = "... on Entry { value version }";
const problemFields = "... on Problem { code message }";
const putFields = `__typename ... on PutSuccess { isNew entry { version } } ... on VersionConflict { current { value version } } ${problemFields}`;
const deleteFields = `__typename ... on DeleteSuccess { version } ... on VersionConflict { current { value version } } ${problemFields}`;

const documents = {
  get: "query ($key: String!) { result: get(key: $key) { __typename value version } }",
  put: `mutation ($key: String!, $value: JSON!, $condition: WriteCondition) {
    result: put(key: $key, value: $value, condition: $condition) { ${putFields} } }`,
  delete: `mutation ($key: String!, $condition: WriteCondition) {
    result: delete(key: $key, condition: $condition) { ${deleteFields} } }`,
} as const;

const batchDocuments = {
  get: `query ($keys: [String!]!) { result: entries(keys: $keys) { __typename ${entryFields} ${problemFields} } }`,
  put: `mutation ($items: [PutInput!]!) { result: putMany(items: $items) { ${putFields} } }`,
  delete: `mutation ($items: [DeleteInput!]!) { result: deleteMany(items: $items) { ${deleteFields} } }`,
} as const;

interface Member {
  readonly __typename: string;
  readonly value?: number;
  readonly version?: string | null;
  readonly isNew?: boolean;
  readonly entry?: { readonly version: string | null };
  readonly current?: { readonly value: number; readonly version: string | null } | null;
  readonly code?: string;
  readonly message?: string;
}

interface GraphqlBody {
  readonly data?: { readonly result: Member | readonly Member[] | null } | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
  /** Present in problem details, with which a stopping gateway answers. */
  readonly code?: string;
}

async function askGraphql({ origin, timeoutMs }: GatewayTargetOptions, request: Request): Promise<readonly Result[]> {
  const { asks, way } = request;
  const [first] = asks;
  if (first === undefined) return [];
  const { kind } = first.action;
  const isBatch = way === "graphqlBatch";
  const response = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      query: isBatch ? batchDocuments[kind] : documents[kind],
      variables: isBatch ? { keys: asks.map(({ key }) => key), items: asks.map(inputOf) } : inputOf(first),
    }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  const body = parsed(text) as GraphqlBody;
  const code = body.code ?? body.errors?.[0]?.extensions?.code;
  if (code !== undefined) return asks.map(() => resultOfCode(code, text));
  const result = body.data?.result ?? null;
  if (result === null) return [{ kind: "notFound" }];
  return (Array.isArray(result) ? (result as readonly Member[]) : [result as Member]).map(resultOfMember);
}

function inputOf({ key, action }: Ask) {
  if (action.kind === "get") return { key };
  const { condition } = action;
  return {
    key,
    ...(action.kind === "put" && { value: action.value }),
    ...(condition !== null && {
      condition: condition.kind === "ifVersion" ? { ifVersion: String(condition.version) } : { [condition.kind]: true },
    }),
  };
}

function resultOfMember(member: Member): Result {
  switch (member.__typename) {
    case "Entry":
      return { kind: "found", entry: shown(member) };
    case "KeyNotFound":
      return { kind: "notFound" };
    case "PutSuccess":
      return { kind: "written", isNew: member.isNew === true, version: versionOf(member.entry?.version) };
    case "DeleteSuccess":
      return { kind: "deleted", version: versionOf(member.version) };
    case "VersionConflict":
      return { kind: "conflict", current: member.current == null ? null : shown(member.current) };
    default:
      return resultOfCode(member.code ?? "", JSON.stringify(member));
  }
}

async function askRest({ origin, timeoutMs }: GatewayTargetOptions, { asks }: Request): Promise<readonly Result[]> {
  const [ask] = asks;
  if (ask === undefined) return [];
  const { key, action } = ask;
  const response = await fetch(`${origin}/data/${encodeURIComponent(key)}`, {
    method: action.kind.toUpperCase(),
    headers: action.kind === "get" ? {} : headersOf(action.condition),
    ...(action.kind === "put" && { body: String(action.value) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  return [response.ok ? resultOfSuccess(action, response, text) : resultOfProblem(text)];
}

function headersOf(condition: Condition | null): Record<string, string> {
  switch (condition?.kind) {
    case "ifVersion":
      return { "if-match": `"${condition.version}"` };
    case "ifPresent":
      return { "if-match": "*" };
    case "ifAbsent":
      return { "if-none-match": "*" };
    default:
      return {};
  }
}

function resultOfSuccess(action: Action, { status, headers }: Response, text: string): Result {
  if (action.kind === "delete") return { kind: "deleted", version: null };
  const version = versionOf(headers.get("etag")?.replaceAll('"', ""));
  if (action.kind === "put") return { kind: "written", isNew: status === 201, version };
  return { kind: "found", entry: { value: Number(text), version } };
}

function resultOfProblem(text: string): Result {
  const { code = "", version } = parsed(text) as { readonly code?: string; readonly version?: string | null };
  if (code === "KEY_NOT_FOUND") return { kind: "notFound" };
  if (code !== "VERSION_CONFLICT") return resultOfCode(code, text);
  return { kind: "conflict", current: version == null ? null : { value: null, version: versionOf(version) } };
}

function resultOfCode(code: string, answer: string): Result {
  switch (code) {
    case "SHARD_UNAVAILABLE":
    case "OVERLOADED":
    case "DRAINING":
      return { kind: "refused", code };
    case "OUTCOME_UNKNOWN":
      return { kind: "unknown", cause: answer };
    default:
      throw new UnexpectedAnswer(`The gateway answered ${answer}`);
  }
}

function shown({ value, version }: Pick<Member, "value" | "version">): ShownEntry {
  return { value: value ?? null, version: versionOf(version) };
}

function versionOf(text: string | null | undefined): number | null {
  return text == null ? null : Number(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UnexpectedAnswer(`The gateway answered what is no JSON: ${text}`);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error && "code" in error.cause ? error.cause.code : null;
}
