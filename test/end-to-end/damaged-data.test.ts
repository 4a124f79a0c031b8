/** Flipped bits in a data file: a changed value is never served. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Random } from "../linearizability/random.js";
import { graphqlData } from "../support/gateway-calls.js";
import { untilAnswered } from "../support/data-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { shardgate } from "../support/processes.js";

const entries = 139;
const flips = 60;
const items = Array.from({ length: entries }, (_, index) => ({ key: `key${index}`, value: valueOf(index) }));

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4 });
});
afterAll(() => cluster.stop());

interface Result {
  readonly value?: unknown;
  readonly code?: string;
}

it("refuses the entries with flipped bits one by one, and lists them when the folder is verified", async () => {
  const { origin } = cluster;
  await graphqlData(origin, "mutation ($items: [PutInput!]!) { putMany(items: $items) { __typename } }", { items });
  await cluster.run("node1").stop();
  const damaged = flipBits(`${cluster.folder}/node1/data.mdb`, new Random(1));

  const verify = shardgate(["node", "verify", "--id", "node1", "--data", cluster.folder, "-o", "json"]);
  expect(await verify.ended()).toBe(1);
  const { problems } = JSON.parse(verify.stdout) as { readonly problems: readonly { readonly key: string | null }[] };
  expect([...new Set(problems.map(({ key }) => key).filter((key) => key !== null))].toSorted()).toEqual(damaged);

  cluster.startNode("node1");
  await cluster.ready();
  await untilAnswered(origin, items.find(({ key }) => !damaged.includes(key))?.key ?? "");
  const { entries: results } = await graphqlData<{ entries: readonly Result[] }>(
    origin,
    "query ($keys: [String!]!) { entries(keys: $keys) { ... on Entry { value } ... on Problem { code } } }",
    { keys: items.map(({ key }) => key) },
  );
  for (const [index, { key, value }] of items.entries()) {
    expect(results[index]).toEqual(damaged.includes(key) ? { code: "ENTRY_DAMAGED" } : { value });
  }
});

/** Found in the file by its beginning; letters, so that a flipped bit often leaves valid JSON text. */
function valueOf(index: number): string {
  return `${beginning(index)}${"abcdefgh".repeat(40)}`;
}

function beginning(index: number): string {
  return `value ${String(index).padStart(4, "0")}:`;
}

/** Flips one bit each in random values, in every copy that the file has of them; returns their keys, in order. */
function flipBits(file: string, random: Random): readonly string[] {
  const bytes = readFileSync(file);
  const hit = new Set<string>();
  for (let flip = 0; flip < flips; flip++) {
    const index = random.between(0, entries - 1);
    if (hit.has(`key${index}`)) continue;
    hit.add(`key${index}`);
    const [at, bit] = [random.between(0, valueOf(index).length - 1), random.between(0, 7)];
    for (
      let start = bytes.indexOf(beginning(index));
      start !== -1;
      start = bytes.indexOf(beginning(index), start + 1)
    ) {
      bytes.writeUInt8(bytes.readUInt8(start + at) ^ (1 << bit), start + at);
    }
  }
  writeFileSync(file, bytes);
  return [...hit].toSorted();
}
