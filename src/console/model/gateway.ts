/**
 * The page's requests to the gateway beside the stream: three GraphQL documents, by their ids, and the decoding of
 * their answers.
 */
import { errorRules, isErrorCode } from "../../core/error.js";
import type { consoleDocuments } from "../../wire/console-events.js";

export interface Problem {
  readonly code: string;
  readonly message: string;
  /** What to do; empty when unknown. */
  readonly advice: string;
}

/** Posts a JSON body to `/graphql` and resolves to the parsed answer. */
export type Post = (body: object) => Promise<unknown>;

export type FindResult =
  | {
      readonly kind: "found" | "missing" | "unreadable";
      readonly key: string;
      readonly place: Place;
      /** Null unless the key was found. */
      readonly entry: FoundEntry | null;
      /** Null when the key was found. */
      readonly problem: Problem | null;
    }
  | { readonly kind: "failed"; readonly key: string; readonly problem: Problem };

export interface Place {
  readonly shard: number;
  readonly state: string;
  readonly epoch: number;
  readonly node: string | null;
}

export interface FoundEntry {
  /** The JSON text as stored. */
  readonly valueText: string;
  readonly version: string | null;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly expiresAt: string | null;
  readonly sizeBytes: number;
}

/** Finds the shard and storage node of the key, and its value. */
export async function findKey(post: Post, key: string): Promise<FindResult> {
  const answer = await ask<FindData>(post, "console/find", { key });
  if (answer.problem !== null) return { kind: "failed", key, problem: answer.problem };
  const { shardForKey, entries } = answer.data;
  const { number: shard, state, epoch, primary } = shardForKey;
  const place = { shard, state, epoch, node: primary?.name ?? null };
  const [result] = entries;
  if (result.__typename === "Entry") return { kind: "found", key, place, entry: result, problem: null };
  const problem = problemOf(result.code, result.message);
  return { kind: result.__typename === "KeyNotFound" ? "missing" : "unreadable", key, place, entry: null, problem };
}

export type ShardDetailsResult =
  { readonly kind: "known"; readonly details: ShardDetails } | { readonly kind: "failed"; readonly problem: Problem };

export interface ShardDetails {
  readonly number: number;
  /** Null when the storage node does not report it. */
  readonly keys: number | null;
  readonly bytes: number | null;
  /** Newest first. */
  readonly history: readonly HistoryRow[];
}

export interface HistoryRow {
  readonly epoch: number;
  readonly node: string | null;
  readonly at: string;
  readonly cause: string;
}

export async function shardDetails(post: Post, number: number): Promise<ShardDetailsResult> {
  const { data, problem } = await ask<ShardData>(post, "console/shard", { number });
  if (problem !== null) return { kind: "failed", problem };
  const { shard } = data;
  if (shard === null) return { kind: "failed", problem: problemOf("", `Shard ${number} does not exist.`) };
  const details = {
    number: shard.number,
    keys: shard.keyCount === null ? null : Number(shard.keyCount),
    bytes: shard.sizeBytes === null ? null : Number(shard.sizeBytes),
    history: shard.history.map(({ storageNodeName: node, ...change }) => ({ ...change, node })),
  };
  return { kind: "known", details };
}

export interface AssignInput {
  readonly shard: number;
  readonly storageNode: string;
  /** The shard's epoch as the page shows it, so that an assignment replaces only what its user has seen. */
  readonly ifEpoch: number;
  readonly force: boolean;
}

export type AssignResult =
  | { readonly kind: "assigned"; readonly epoch: number }
  /** `isForceable`: whether the same request with `force` would succeed. */
  | { readonly kind: "refused"; readonly problem: Problem; readonly isForceable: boolean };

export async function assignShard(post: Post, input: AssignInput): Promise<AssignResult> {
  const { data, problem } = await ask<AssignData>(post, "console/assign", { input });
  if (problem === null) return { kind: "assigned", epoch: data.assignShard.shard.epoch };
  return { kind: "refused", problem, isForceable: problem.code === "ASSIGNMENT_WOULD_HIDE_DATA" };
}

type Answer<Data> =
  { readonly data: Data; readonly problem: null } | { readonly data: null; readonly problem: Problem };

/** Any error counts as a failure of the whole request: each document has one field. */
async function ask<Data>(
  post: Post,
  documentId: keyof typeof consoleDocuments,
  variables: object,
): Promise<Answer<Data>> {
  try {
    const { data, errors } = (await post({ documentId, variables })) as GraphqlAnswer<Data>;
    const [error] = errors ?? [];
    if (error !== undefined) return { data: null, problem: problemOf(error.extensions?.code ?? "", error.message) };
    return { data: data as Data, problem: null };
  } catch (error) {
    const message = `The gateway did not answer: ${error instanceof Error ? error.message : String(error)}.`;
    return { data: null, problem: { code: "UNREACHABLE", message, advice: "Check that the gateway is running." } };
  }
}

interface GraphqlAnswer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

interface FindData {
  readonly shardForKey: {
    readonly number: number;
    readonly state: string;
    readonly epoch: number;
    readonly primary: { readonly name: string } | null;
  };
  readonly entries: readonly [
    | ({ readonly __typename: "Entry" } & FoundEntry)
    | { readonly __typename: "KeyNotFound" | "ShardUnavailable"; readonly code: string; readonly message: string },
  ];
}

interface ShardData {
  readonly shard: {
    readonly number: number;
    readonly keyCount: string | null;
    readonly sizeBytes: string | null;
    readonly history: readonly {
      readonly epoch: number;
      readonly storageNodeName: string | null;
      readonly at: string;
      readonly cause: string;
    }[];
  } | null;
}

interface AssignData {
  readonly assignShard: { readonly shard: { readonly epoch: number } };
}

/** The problem in a body of problem details (RFC 9457). */
export function problemInBody(body: unknown): Problem {
  const { code, detail } = body as { readonly code?: unknown; readonly detail?: unknown };
  return problemOf(String(code), String(detail));
}

function problemOf(code: string, message: string): Problem {
  return { code, message, advice: isErrorCode(code) ? errorRules[code].advice : "" };
}
