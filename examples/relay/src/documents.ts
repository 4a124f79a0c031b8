/**
 * What the Relay compiler reads. In an application a bundler's Relay plug-in puts the compiled artifact in the place of each
 * of these; here, where nothing but tsc runs, main.ts imports the artifacts itself and this module is never loaded.
 */
import { graphql } from "relay-runtime";

export const planetsQuery = graphql`
  query planetsQuery {
    ...planetList
  }
`;

export const planetList = graphql`
  fragment planetList on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" })
  @refetchable(queryName: "planetListPageQuery") {
    scan(prefix: "planet/", first: $first, after: $after) @connection(key: "planetList_scan") {
      edges {
        node {
          id
          ...planetLine
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

export const planetLine = graphql`
  fragment planetLine on Entry @refetchable(queryName: "planetLineQuery") {
    key
    value
  }
`;

export const putPlanetsMutation = graphql`
  mutation putPlanetsMutation($items: [PutInput!]!) {
    putMany(items: $items) {
      __typename
      ... on Problem {
        message
      }
    }
  }
`;
