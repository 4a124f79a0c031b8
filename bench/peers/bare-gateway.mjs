/**
 * What the ceilings share: a server of node:http that reads a key, leaves it to the batcher of its storage node, and answers
 * with the value. No GraphQL (the document is not looked at), no limits, no errors, no retries, and nothing but a get.
 * `POST /graphql` takes {"variables":{"key":…}}.
 */
import http from "node:http";
import { readShardMap } from "../shard-map.mjs";

const newline = 0x0a;

/** Gives each of `batch` its value from the body of a batch's answer. */
export function answer(batch, body) {
  const headEnd = body.indexOf(newline);
  const { outcomes } = JSON.parse(body.latin1Slice(0, headEnd));
  const values = body.latin1Slice(headEnd + 1);
  let at = 0;
  for (const [index, { valueBytes }] of outcomes.entries()) {
    batch[index].onValue(values.slice(at, at + valueBytes));
    at += valueBytes;
  }
}

/** `createBatcher`: for the origin of a storage node, something with `get(shard, key, onValue)`, or a promise of it. */
export async function serve(createBatcher) {
  const [port, gatewayOrigin] = process.argv.slice(2);
  const map = await readShardMap(gatewayOrigin);
  const batchers = new Map();
  for (const origin of new Set(map.shards.map(map.originOf))) batchers.set(origin, await createBatcher(origin));
  http
    .createServer((request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        if (request.method !== "POST") return response.end();
        const { key } = JSON.parse(Buffer.concat(chunks)).variables;
        const shard = map.shardOf(key);
        batchers.get(map.originOf(shard)).get(shard, key, (value) => {
          const text = `{"data":{"get":{"value":${value}}}}`;
          response.writeHead(200, [
            "content-type",
            "application/json; charset=utf-8",
            "content-length",
            `${text.length}`,
          ]);
          response.end(text, "latin1");
        });
      });
    })
    .listen(Number(port), "127.0.0.1");
}
