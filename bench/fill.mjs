/** Puts the entries that reading workloads ask for into the store, through the gateway. */
import { keyCount, keyOf, sizes, valueOf } from "./workloads.mjs";

const perRequest = 500;
/** Of many storage nodes on a busy machine, one may be late, and is left alone for a second then. */
const attemptsMax = 20;
const pauseMs = 1000;

export async function fill(origin) {
  for (const bytes of sizes) {
    for (let start = 0; start < keyCount; start += perRequest) await putRange(origin, bytes, start);
  }
}

async function putRange(origin, bytes, start) {
  for (let attempt = 1; ; attempt++) {
    const result = await answerTo(origin, bytes, start);
    const refused = result.errors ?? result.data.putMany.filter(({ __typename }) => __typename !== "PutSuccess");
    if (refused.length === 0) return;
    if (attempt === attemptsMax) throw new Error(`The store could not be filled: ${JSON.stringify(refused[0])}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function answerTo(origin, bytes, start) {
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
  return answer.json();
}
