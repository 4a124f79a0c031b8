/** The gateway's answer about a storage node, and its presentation. */
import { ask, callFailure } from "../calls/gateway-call.js";
import type { GatewayClient } from "../calls/gateway-client.js";
import { objectText } from "../terminal/json-output.js";
import type { Columns } from "../terminal/print.js";

/** What `askForNodes` selects of a storage node. */
export interface NodeAnswer {
  readonly name: string;
  readonly url: string;
  readonly state: string;
  readonly latencyMs: number | null;
  readonly lastSeenAt: string | null;
  readonly shards: readonly { readonly number: number }[];
  /** Why the gateway does not accept the node; null when it does. */
  readonly problem: ProblemOfNode | null;
  /** Numbers of the shards that it has data of, but that others own under a later epoch. */
  readonly staleShards: readonly number[];
  /** Absent in answers of a gateway of the previous release, as is `isDraining`. */
  readonly isStoreShared?: boolean;
  readonly isDraining?: boolean;
}

const oldFields =
  "name url state latencyMs lastSeenAt shards{number}problem{code message advice shards storeId}staleShards";

/**
 * The data of a document that asks for storage nodes by the selection that it is given. A gateway of the previous release
 * refuses the newest fields, and does nothing, so it is asked again without them (`isPrevious`). Throws CommandFailure.
 */
export async function askForNodes<T>(
  client: Pick<GatewayClient, "post">,
  documentWith: (nodeFields: string, isPrevious: boolean) => string,
  variables = "{}",
): Promise<T> {
  const query = documentWith(`${oldFields} isStoreShared isDraining`, false);
  const answer = await client.post(`{"query":${JSON.stringify(query)},"variables":${variables}}`);
  if (answer.kind === "data") return answer.data as T;
  if (answer.code === "GRAPHQL_VALIDATION_FAILED") return ask<T>(client, documentWith(oldFields, true), variables);
  throw callFailure(answer, query.startsWith("mutation") ? "change" : "read");
}

export const nodeColumns: Columns<NodeAnswer> = [
  { title: "name", of: ({ name }) => name },
  { title: "state", isState: true, of: ({ state }) => state },
  { title: "shards", isRight: true, of: ({ shards }) => shards.length },
  {
    title: "latency",
    isRight: true,
    of: ({ latencyMs }) => (latencyMs === null ? null : `${latencyMs.toFixed(1)} ms`),
  },
  { title: "last seen", of: ({ lastSeenAt }) => lastSeenAt },
  { title: "url", of: ({ url }) => url },
];

/** JSON text of a storage node, followed by the members `more`. */
export function nodeText(
  { name, url, state, latencyMs, lastSeenAt, shards, problem, staleShards, ...rest }: NodeAnswer,
  more: Readonly<Record<string, string>> = {},
): string {
  return objectText({
    name: JSON.stringify(name),
    url: JSON.stringify(url),
    state: JSON.stringify(state),
    latencyMs: String(latencyMs),
    lastSeenAt: JSON.stringify(lastSeenAt),
    shards: JSON.stringify(shards.map(({ number }) => number)),
    problem: JSON.stringify(problem),
    staleShards: JSON.stringify(staleShards),
    isStoreShared: String(rest.isStoreShared ?? false),
    isDraining: String(rest.isDraining ?? false),
    ...more,
  });
}

/** The gateway's answer about a storage node that it does not accept. */
export interface ProblemOfNode {
  readonly code: string;
  readonly message: string;
  readonly advice: string;
  /** Numbers of the shards that the node owns and that are not served meanwhile. */
  readonly shards: readonly number[];
  readonly storeId: string | null;
}
