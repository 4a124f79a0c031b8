/* eslint-disable */
import * as types from './graphql.js';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  mutation PutCities($items: [PutInput!]!) {\n    putMany(items: $items) {\n      __typename\n      ... on PutSuccess {\n        entry {\n          key\n        }\n      }\n      ... on Problem {\n        code\n        message\n      }\n    }\n  }\n": typeof types.PutCitiesDocument,
    "\n  query ReadCities($keys: [String!]!) {\n    entries(keys: $keys) {\n      __typename\n      ... on Entry {\n        key\n        value\n      }\n      ... on Problem {\n        code\n        message\n      }\n    }\n  }\n": typeof types.ReadCitiesDocument,
};
const documents: Documents = {
    "\n  mutation PutCities($items: [PutInput!]!) {\n    putMany(items: $items) {\n      __typename\n      ... on PutSuccess {\n        entry {\n          key\n        }\n      }\n      ... on Problem {\n        code\n        message\n      }\n    }\n  }\n": types.PutCitiesDocument,
    "\n  query ReadCities($keys: [String!]!) {\n    entries(keys: $keys) {\n      __typename\n      ... on Entry {\n        key\n        value\n      }\n      ... on Problem {\n        code\n        message\n      }\n    }\n  }\n": types.ReadCitiesDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation PutCities($items: [PutInput!]!) {\n    putMany(items: $items) {\n      __typename\n      ... on PutSuccess {\n        entry {\n          key\n        }\n      }\n      ... on Problem {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.js').PutCitiesDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ReadCities($keys: [String!]!) {\n    entries(keys: $keys) {\n      __typename\n      ... on Entry {\n        key\n        value\n      }\n      ... on Problem {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.js').ReadCitiesDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
