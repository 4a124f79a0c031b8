/** Puts the entries that reading workloads ask for into the store, through the gateway. */
import { keyCount, keyOf, sizes, valueOf } from "./workloads.mjs";

const perRequest = 500;

export async function fill(origin) {
  for (const bytes of sizes) {
    for (let start = 0; start < keyCount; start += perRequest) await putRange(origin, bytes, start);
  }
}

async function putRange(origin, bytes, start) {
  const items = Array.from({ length: perRequest }, (_, offset) => {
    const index = start + offset;
    return `{"key":"${keyOf(bytes, index)}","value":${valueOf(bytes, index)}}`;
  });
  const query = "mutation($items:[PutInput!]!){putMany(items:$items){__typename}}";
  const answer = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"query":${JSON.stringify(query)},"variables":{"items":[${items.join(",")}]}}`,
  });
  const result = await answer.json();
  if (result.errors || result.data.putMany.some(({ __typename }) => __typename !== "PutSuccess"))
    throw new Error(`The store could not be filled: ${JSON.stringify(result).slice(0, 500)}`);
}
