/**
 * The GraphQL documents that the client sends: few and fixed, so that the gateway parses each only once and can be
 * configured to accept no others. A test validates them against the schema. Every root field has the alias `result`.
 */

export interface Documents {
  readonly entries: string;
  readonly putMany: string;
  readonly deleteMany: string;
  readonly scan: string;
  readonly shardFor: string;
}

/** Values arrive as JSON, parsed with the answer. */
export const jsonDocuments = documentsWith("value");

/** Values arrive as their JSON text, for the application's own parser. */
export const textDocuments = documentsWith("value: valueText");

/**
 * All documents of the client by name. As JSON this is a manifest of persisted documents for the gateway; a client with
 * `sendsDocumentIds` then works with a gateway that refuses all other documents.
 */
export const clientDocuments: Readonly<Record<string, string>> = {
  ...jsonDocuments,
  entriesAsText: textDocuments.entries,
  putManyAsText: textDocuments.putMany,
  deleteManyAsText: textDocuments.deleteMany,
  scanAsText: textDocuments.scan,
};

function documentsWith(value: string): Documents {
  const times = "version createdAt updatedAt expiresAt";
  const entry = `key ${value} ${times}`;
  const problem = "... on Problem { code message isRetryable } ... on ShardUnavailable { shard { number } }";
  const writeProblem = `${problem}
    ... on OutcomeUnknown { shard { number } }
    ... on VersionConflict { current { ${entry} } }`;
  return {
    entries: oneLine(`query Entries($keys: [String!]!) {
      result: entries(keys: $keys) { __typename ... on Entry { ${entry} } ${problem} }
    }`),
    putMany: oneLine(`mutation PutMany($items: [PutInput!]!) {
      result: putMany(items: $items) { __typename ... on PutSuccess { isNew entry { ${times} } } ${writeProblem} }
    }`),
    deleteMany: oneLine(`mutation DeleteMany($items: [DeleteInput!]!) {
      result: deleteMany(items: $items) { __typename ... on DeleteSuccess { version } ${writeProblem} }
    }`),
    // Requesting both sides would cost the gateway another read.
    scan: oneLine(`query Scan(
      $prefix: String!, $first: Int, $after: String, $last: Int, $before: String, $reverse: Boolean!
    ) {
      result: scan(prefix: $prefix, first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { ${entry} } }
        pageInfo { hasNextPage @skip(if: $reverse) hasPreviousPage @include(if: $reverse) }
        unavailableShards { number }
      }
    }`),
    shardFor: oneLine(`query ShardFor($key: String!) {
      result: shardForKey(key: $key) { number state epoch primary { name url state } }
    }`),
  };
}

function oneLine(document: string): string {
  return document.replace(/\s+/g, " ");
}
