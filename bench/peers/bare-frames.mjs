/**
 * The ceiling over frames: bare-batching.mjs, but batches travel in frames of `shardgate-batch/1` over one kept connection to
 * each storage node, however many are on their way. `POST /graphql` takes {"variables":{"key":…}}.
 */
import http from "node:http";
import { Client } from "undici";
import { readShardMap } from "../shard-map.mjs";

const [port, gatewayOrigin] = process.argv.slice(2);
const map = await readShardMap(gatewayOrigin);
const newline = 0x0a;
const headBytes = 9;
const types = { request: 1, answer: 3 };
const moreBit = 0x80;
/** What comes before a batch: two seconds, no request id, no trace. */
const facts = Buffer.from([0, 0, 7, 208, 0, 0]);

/** What waits for one storage node, and goes there together once in a turn. */
class Batcher {
  #waiting = [];
  #isPlanned = false;
  #socket;
  #onWay = new Map();
  #lastId = 0;
  #rest = Buffer.alloc(0);
  #parts = new Map();

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#received(bytes));
    socket.on("error", (error) => {
      throw error;
    });
  }

  get(shard, key, onValue) {
    this.#waiting.push({ shard, key, onValue });
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => this.#send());
  }

  #send() {
    this.#isPlanned = false;
    const batch = this.#waiting;
    this.#waiting = [];
    const operations = batch.map(({ shard, key }) => ({ op: "get", shard, key }));
    const body = `${JSON.stringify({ operations })}\n`;
    const id = (this.#lastId = (this.#lastId + 1) >>> 0);
    const head = Buffer.allocUnsafe(headBytes);
    const length = Buffer.byteLength(body);
    head.writeUInt32BE(facts.length + length, 0);
    head[4] = types.request;
    head.writeUInt32BE(id, 5);
    this.#onWay.set(id, batch);
    this.#socket.write(Buffer.concat([head, facts, Buffer.from(body)]));
  }

  #received(bytes) {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (rest.length >= headBytes) {
      const end = headBytes + rest.readUInt32BE(0);
      if (rest.length < end) break;
      this.#take(rest[4], rest.readUInt32BE(5), rest.subarray(headBytes, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
  }

  #take(type, id, body) {
    const batch = this.#onWay.get(id);
    // The hello.
    if (batch === undefined) return;
    const parts = [...(this.#parts.get(id) ?? []), body];
    if (type & moreBit) {
      this.#parts.set(id, parts);
      return;
    }
    if (type !== types.answer && parts.length === 1) throw new Error(`A batch was refused: ${body}`);
    this.#parts.delete(id);
    this.#onWay.delete(id);
    answer(batch, parts.length === 1 ? body : Buffer.concat(parts));
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

const batchers = new Map();
for (const origin of new Set(map.shards.map(map.originOf))) {
  const { socket } = await new Client(origin).upgrade({ path: "/batch", protocol: "shardgate-batch/1" });
  batchers.set(origin, new Batcher(socket));
}

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
