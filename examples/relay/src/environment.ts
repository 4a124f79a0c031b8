/** Relay's store and its way to shardgate, and how this example reads fragments and sends mutations outside React. */
import { commitMutation, Environment, getSingularSelector, Network, RecordSource, Store } from "relay-runtime";
import type { ConcreteRequest, GraphQLResponse, MutationParameters, ReaderFragment } from "relay-runtime";

const url = process.env["SHARDGATE_URL"] ?? "http://127.0.0.1:4000/graphql";

export const environment = new Environment({
  network: Network.create(async ({ text }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: text, variables }),
    });
    return (await response.json()) as GraphQLResponse;
  }),
  store: new Store(new RecordSource()),
});

/** What the store has for a fragment at this moment; `key` comes from the query or fragment that spreads it. */
export function read<Key extends { readonly " $data"?: unknown }>(
  fragment: ReaderFragment,
  key: Key,
): Required<Key>[" $data"] {
  const selector = getSingularSelector(fragment, key);
  if (selector?.kind !== "SingularReaderSelector") throw new Error(`${fragment.name} was not fetched.`);
  return environment.lookup(selector).data;
}

/** Sends a mutation; its answer goes into the store and to the caller. */
export async function mutate<Mutation extends MutationParameters>(
  mutation: ConcreteRequest,
  variables: Mutation["variables"],
): Promise<Mutation["response"]> {
  return new Promise((resolve, reject) => {
    commitMutation<Mutation>(environment, { mutation, variables, onCompleted: resolve, onError: reject });
  });
}
