/** The ceiling: what is left of a gateway that shares batches when everything else is left out; one body at a time for each storage node. */
import { Pool } from "undici";
import { answer, serve } from "./bare-gateway.mjs";

const batchType = "application/vnd.shardgate.batch";

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

await serve((origin) => new Batcher(origin));
