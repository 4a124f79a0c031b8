/** POST requests to other processes of the cluster: kept connections, each call with a deadline, each answer with a bound. */
import { Agent, buildConnector, request } from "undici";
import type { Clock } from "../core/clock.js";
import { connectTimeoutMs } from "../core/limits.js";
import { clusterCaller, type TlsSource } from "./tls-source.js";

export interface ClusterPostsOptions {
  /** Beside those that say that bodies are JSON. */
  readonly headers: Readonly<Record<string, string>>;
  /** Connections kept to each process, and so calls that it gets at once; further ones wait. */
  readonly connections: number;
  /** Length from which an answer is not read. */
  readonly answerBytesMax: number;
  readonly clock: Pick<Clock, "after">;
  readonly tls: TlsSource;
}

export interface PostAnswer {
  readonly status: number;
  /** The body as JSON; null: it is none. */
  readonly content: unknown;
}

export class ClusterPosts {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Pick<Clock, "after">;
  readonly #pool: Agent;

  constructor({ headers, connections, answerBytesMax, clock, tls }: ClusterPostsOptions) {
    this.#headers = { "content-type": "application/json", accept: "application/json", ...headers };
    this.#clock = clock;
    const connector = clusterCaller(tls, (options) => buildConnector({ ...options, timeout: connectTimeoutMs }));
    this.#pool = new Agent({
      connections,
      connect: (options, callback) => connector()(options, callback),
      maxResponseSize: answerBytesMax,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Sends `body`, which is JSON text. Rejects when no answer has come whole within `timeoutMs`. */
  async post(url: string, body: string, timeoutMs: number): Promise<PostAnswer> {
    const deadline = new AbortController();
    const cancel = this.#clock.after(timeoutMs, () => deadline.abort(new Error(`No answer within ${timeoutMs} ms.`)));
    try {
      const answer = await request(url, {
        method: "POST",
        headers: this.#headers,
        body,
        dispatcher: this.#pool,
        signal: deadline.signal,
      });
      return { status: answer.statusCode, content: parsed(await answer.body.text()) };
    } finally {
      cancel();
    }
  }

  /** Calls in flight are rejected. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
