/** Calls of a gateway as its users make them: GraphQL over POST and plain HTTP. */
import { eventually } from "./processes.js";

export interface GraphqlAnswer<T> {
  readonly data?: T | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly unknown[];
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

/** Posts a document to `${origin}/graphql` and reads the answer, errors and all. */
export async function graphql<T = Record<string, unknown>>(
  origin: string,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<GraphqlAnswer<T>> {
  const response = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as GraphqlAnswer<T>;
}

/** The data of an answer that must have no errors. */
export async function graphqlData<T = Record<string, unknown>>(
  origin: string,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  const answer = await graphql<T>(origin, query, variables);
  if (answer.errors !== undefined || !answer.data) throw new Error(`GraphQL failed: ${JSON.stringify(answer)}`);
  return answer.data;
}

/** The sum of a counter's samples on a gateway's /metrics, over all labels that `labels` allows. */
export async function counter(origin: string, name: string, labels: RegExp = /.*/): Promise<number> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  let sum = 0;
  for (const line of text.split("\n")) {
    const match = /^(\w+)(\{.*\})? (\S+)$/.exec(line);
    if (match?.[1] === name && labels.test(match[2] ?? "")) sum += Number(match[3]);
  }
  return sum;
}

/** Waits until the gateway says that every shard has a live primary and nothing is wrong. */
export async function untilReady(origin: string, withinMs?: number): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`${origin}/ready`);
    const text = await response.text();
    if (response.status !== 200 || (JSON.parse(text) as { readonly status: string }).status !== "ready") {
      throw new Error(text);
    }
  }, withinMs);
}
