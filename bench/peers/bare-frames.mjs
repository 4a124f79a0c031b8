/**
 * The ceiling over frames: bare-batching.mjs, but batches travel in frames of `shardgate-batch/1` over one kept connection to
 * each storage node, however many are on their way. `POST /graphql` takes {"variables":{"key":…}}.
 */
import { Client } from "undici";
import { answer, serve } from "./bare-gateway.mjs";

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

await serve(async (origin) => {
  const { socket } = await new Client(origin).upgrade({ path: "/batch", protocol: "shardgate-batch/1" });
  return new Batcher(socket);
});
