/**
 * The floor: what a backend engineer writes by hand in an hour. node:http and undici, hashes the key, forwards to the
 * storage node's plain route, streams nothing, checks nothing. `POST /many` takes {"keys":[…]} and asks key by key.
 */
import http from "node:http";
import { Pool } from "undici";

const [port, gatewayOrigin] = process.argv.slice(2);
const { shardCount, shards } = await (await fetch(`${gatewayOrigin}/shards`)).json();
const { nodes } = await (await fetch(`${gatewayOrigin}/nodes`)).json();
const pools = new Map(nodes.map(({ id, url }) => [id, new Pool(url, { connections: 64 })]));
const owners = [];
for (const { shardId, nodeId } of shards) owners[shardId] = pools.get(nodeId);

function shardOf(key) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % shardCount;
}

async function forward(method, key, body) {
  const shard = shardOf(key);
  const answer = await owners[shard].request({
    method,
    path: `/shard/${shard}/store/${encodeURIComponent(key)}`,
    body,
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

http
  .createServer(async (request, response) => {
    try {
      if (request.url === "/health") return response.end();
      if (request.url === "/many") {
        const { keys } = JSON.parse(await bodyOf(request));
        const answers = await Promise.all(keys.map((key) => forward("GET", key)));
        const texts = answers.map(({ status, text }) => (status === 200 ? text : "null"));
        response.setHeader("content-type", "application/json");
        return response.end(`[${texts.join(",")}]`);
      }
      const key = decodeURIComponent(request.url.slice("/data/".length));
      const answer = await forward(request.method, key, request.method === "PUT" ? await bodyOf(request) : undefined);
      response.statusCode = answer.status;
      response.setHeader("content-type", "application/json");
      return response.end(answer.text);
    } catch (error) {
      response.statusCode = 502;
      return response.end(String(error));
    }
  })
  .listen(Number(port), "127.0.0.1");
