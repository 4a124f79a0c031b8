/** Counts visits: every increment reads the counter and writes it back on the condition that nobody else did meanwhile. */
import { GraphQLClient, gql } from "graphql-request";

interface Counter {
  readonly value: { readonly visits: number };
  readonly version: string;
}
type PutOutcome =
  | { readonly __typename: "PutSuccess" }
  | { readonly __typename: "VersionConflict" | "ShardUnavailable"; readonly message: string };

const READ = gql`
  query ReadCounter($key: String!) {
    get(key: $key) {
      value
      version
    }
  }
`;
const WRITE = gql`
  mutation WriteCounter($key: String!, $value: JSON!, $condition: WriteCondition!) {
    put(key: $key, value: $value, condition: $condition) {
      __typename
      ... on Problem {
        message
      }
    }
  }
`;
const RESET = gql`
  mutation ResetCounter($key: String!) {
    delete(key: $key) {
      __typename
    }
  }
`;

const client = new GraphQLClient(process.env["SHARDGATE_URL"] ?? "http://127.0.0.1:4000/graphql");
const key = "counter/visits";

async function readCounter(): Promise<Counter | null> {
  return (await client.request<{ get: Counter | null }>(READ, { key })).get;
}

/** Ends after as many rounds as there are others: in each round somebody's write succeeds. */
async function increment(): Promise<void> {
  for (;;) {
    const counter = await readCounter();
    const value = { visits: (counter?.value.visits ?? 0) + 1 };
    const condition = counter === null ? { ifAbsent: true } : { ifVersion: counter.version };
    const { put } = await client.request<{ put: PutOutcome }>(WRITE, { key, value, condition });
    if (put.__typename === "PutSuccess") return;
    if (put.__typename !== "VersionConflict") throw new Error(put.message);
    console.log("somebody was faster: once more");
  }
}

await client.request(RESET, { key });
await Promise.all([increment(), increment(), increment()]);
console.log(`${(await readCounter())?.value.visits} visits`);
