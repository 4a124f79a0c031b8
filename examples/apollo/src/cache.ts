/** Apollo's normalised cache for our schema: an entry is one object, whichever field of whichever query brought it. */
import { InMemoryCache } from "@apollo/client";
import { possibleTypes } from "./generated/possible-types.js";

export const cache = new InMemoryCache({
  possibleTypes,
  typePolicies: {
    // By its key instead of its `id`, so that `get` below can find it.
    Entry: { keyFields: ["key"] },
    Query: {
      fields: {
        // `get(key)` may be answered by an entry that another query has brought.
        get: {
          read: (known, { args, toReference }) =>
            known === undefined ? toReference({ __typename: "Entry", key: args?.["key"] }) : known,
        },
      },
    },
  },
});
