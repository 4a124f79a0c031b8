/**
 * The ceiling: what is left of a gateway that shares batches when everything else is left out. node:http, undici and one
 * body at a time for each storage node; no GraphQL (the document is not looked at), no limits, no errors, no retries, and
 * nothing but a get. `POST /graphql` takes {"variables":{"key":…}}.
 */
import http from "node:http";
import { Pool } from "undici";
import { readShardMap } from "../shard-map.mjs";

const [port, gatewayOrigin] = process.argv.slice(2);
const map = await readShardMap(gatewayOrigin);
const batchType = "application/vnd.shardgate.batch";
const newline = 0x0a;

/** What waits for one storage node, and goes there together when nothing is on its way. */
class Batcher {
  #waiting = [];
  #isUnderWay = false;
  #isPlanned = false;
  #pool;

  constructor(origin) {
    this.#pool = new Pool(origin, { connections: 1 });
  }

  get(shard, key, onValue) {
    this.#waiting.push({ shard, key, onValue });
    this.#plan();
  }

  #plan() {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      if (!this.#isUnderWay && this.#waiting.length > 0) this.#send();
    });
  }

  #send() {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#isUnderWay = true;
    const operations = batch.map(({ shard, key }) => ({ op: "get", shard, key }));
    const chunks = [];
    this.#pool.dispatch(
      {
        method: "POST",
        path: "/batch",
        headers: { "content-type": batchType, accept: batchType },
        body: `${JSON.stringify({ operations })}\n`,
      },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData: (_controller, chunk) => chunks.push(chunk),
        onResponseEnd: () => {
          this.#isUnderWay = false;
          answer(batch, Buffer.concat(chunks));
          this.#plan();
        },
        onResponseError(_controller, error) {
          throw error;
        },
      },
    );
  }
}

function answer(batch, body) {
  const headEnd = body.indexOf(newline);
  const { outcomes } = JSON.parse(body.latin1Slice(0, headEnd));
  const values = body.latin1Slice(headEnd + 1);
  let at = 0;
  for (const [index, { valueBytes }] of outcomes.entries()) {
    batch[index].onValue(values.slice(at, at + valueBytes));
    at += valueBytes;
  }
}

const batchers = new Map([...new Set(map.shards.map(map.originOf))].map((origin) => [origin, new Batcher(origin)]));

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
