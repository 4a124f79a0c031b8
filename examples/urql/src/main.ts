/** Writes three books and reads them back page by page. Rename a field in a document, and the types below follow. */
import { Client, fetchExchange } from "@urql/core";
import { readFragment } from "gql.tada";
import { graphql } from "./graphql.js";

const PutBooks = graphql(`
  mutation PutBooks($items: [PutInput!]!) {
    putMany(items: $items) {
      __typename
      ... on Problem {
        message
      }
    }
  }
`);

const BookLine = graphql(`
  fragment BookLine on Entry {
    key
    value
    shard {
      state
    }
  }
`);

const ReadBooks = graphql(
  `
    query ReadBooks($first: Int!, $after: String) {
      scan(prefix: "book/", first: $first, after: $after) {
        edges {
          node {
            ...BookLine
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  `,
  [BookLine],
);

const url = process.env["SHARDGATE_URL"] ?? "http://127.0.0.1:4000/graphql";
const client = new Client({ url, exchanges: [fetchExchange], preferGetMethod: false });

const items = ["Dune", "Emma", "Ulysses"].map((title) => ({ key: `book/${title}`, value: { title } }));
const { data, error } = await client.mutation(PutBooks, { items });
if (error) throw error;
for (const outcome of data?.putMany ?? []) {
  if (outcome.__typename !== "PutSuccess") throw new Error(outcome.message);
}

let after: string | null = null;
for (let page = 1, isMore = true; isMore; page++) {
  const scan = await readPage(after);
  for (const { node } of scan.edges) {
    const { key, value, shard } = readFragment(BookLine, node);
    console.log(`page ${page}: ${key} ${JSON.stringify(value)} in a shard that is ${shard.state}`);
  }
  after = scan.pageInfo.endCursor;
  isMore = scan.pageInfo.hasNextPage;
}

async function readPage(after: string | null) {
  const { data, error } = await client.query(ReadBooks, { first: 2, after });
  if (!data?.scan) throw error ?? new Error("No page.");
  return data.scan;
}
