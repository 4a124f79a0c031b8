/** Writes two cities, then reads three keys in one batch. Every name and type below is checked against the schema. */
import { execute } from "./execute.js";
import { graphql } from "./generated/gql.js";

const PutCities = graphql(`
  mutation PutCities($items: [PutInput!]!) {
    putMany(items: $items) {
      __typename
      ... on PutSuccess {
        entry {
          key
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`);

const ReadCities = graphql(`
  query ReadCities($keys: [String!]!) {
    entries(keys: $keys) {
      __typename
      ... on Entry {
        key
        value
      }
      ... on Problem {
        code
        message
      }
    }
  }
`);

const { putMany } = await execute(PutCities, {
  items: [
    { key: "city/Oslo", value: { people: 709_037 } },
    { key: "city/Lima", value: { people: 10_092_000 } },
  ],
});
for (const outcome of putMany ?? []) {
  console.log(outcome.__typename === "PutSuccess" ? `wrote ${outcome.entry.key}` : outcome.message);
}

const { entries } = await execute(ReadCities, { keys: ["city/Oslo", "city/Atlantis", "city/Lima"] });
for (const outcome of entries ?? []) {
  if (outcome.__typename === "Entry") console.log(outcome.key, JSON.stringify(outcome.value));
  else console.log(outcome.code);
}
