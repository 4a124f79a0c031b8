/** Reads two users in one batch; then a `put` answers with the new entry, and all who watch that entry see it. */
import { ApolloClient, gql, HttpLink, type TypedDocumentNode } from "@apollo/client";
import { cache } from "./cache.js";

interface Entry {
  readonly __typename: "Entry";
  readonly key: string;
  readonly value: unknown;
  readonly version: string;
}
interface Problem {
  readonly __typename: "KeyNotFound" | "ShardUnavailable" | "VersionConflict";
  readonly message: string;
}

const ENTRY = gql`
  fragment EntryParts on Entry {
    key
    value
    version
  }
`;
const PUT: TypedDocumentNode<
  { put: { __typename: "PutSuccess"; entry: Entry } | Problem | null },
  { key: string; value: unknown }
> = gql`
  mutation Put($key: String!, $value: JSON!) {
    put(key: $key, value: $value) {
      ... on PutSuccess {
        entry {
          ...EntryParts
        }
      }
      ... on Problem {
        message
      }
    }
  }
  ${ENTRY}
`;
const ENTRIES: TypedDocumentNode<{ entries: (Entry | Problem)[] | null }, { keys: string[] }> = gql`
  query Entries($keys: [String!]!) {
    entries(keys: $keys) {
      ...EntryParts
      ... on Problem {
        message
      }
    }
  }
  ${ENTRY}
`;
const GET: TypedDocumentNode<{ get: Entry | null }, { key: string }> = gql`
  query Get($key: String!) {
    get(key: $key) {
      ...EntryParts
    }
  }
  ${ENTRY}
`;

let requestCount = 0;
const uri = process.env["SHARDGATE_URL"] ?? "http://127.0.0.1:4000/graphql";
const link = new HttpLink({ uri, fetch: (...request) => (requestCount++, fetch(...request)) });
const client = new ApolloClient({ cache, link });

async function put(key: string, value: unknown): Promise<void> {
  const { data } = await client.mutate({ mutation: PUT, variables: { key, value } });
  if (data?.put?.__typename !== "PutSuccess") throw new Error(data?.put?.message ?? "No answer.");
}

await put("user/ada", { logins: 1 });
await put("user/grace", { logins: 1 });

const keys = ["user/ada", "user/nobody", "user/grace"];
const watching = client.watchQuery({ query: ENTRIES, variables: { keys } }).subscribe(({ data, dataState }) => {
  if (dataState !== "complete") return;
  const texts = data.entries?.map((one) => (one.__typename === "Entry" ? JSON.stringify(one.value) : one.__typename));
  console.log(`the batch is ${texts?.join(", ")} after ${requestCount} requests`);
});
await client.query({ query: ENTRIES, variables: { keys } });

await put("user/ada", { logins: 2 });

const { data } = await client.query({ query: GET, variables: { key: "user/ada" } });
console.log(`ada is ${JSON.stringify(data?.get?.value)} after ${requestCount} requests`);
watching.unsubscribe();
