/**
 * Calls to an etcd cluster over its JSON gateway (etcd 3.4 and newer), which every member serves beside gRPC. A call that
 * certainly did not reach a member goes to the next one; a read goes to every member in turn; a transaction whose answer
 * was lost is never repeated, because it may have happened.
 */
import { buildConnector, Pool, type Dispatcher } from "undici";
import type { Clock } from "../../../core/clock.js";
import { ShardgateError } from "../../../core/error.js";
import { registryCallMs } from "../../../core/limits.js";
import { clusterCaller, type TlsSource } from "../../../tls/tls-source.js";

export interface EtcdClientOptions {
  /** Origins of the members: `http://host:2379`. At least one. */
  readonly members: readonly string[];
  /** Credentials for an etcd with authentication; null: it has none. */
  readonly credentials: EtcdCredentials | null;
  readonly tls: TlsSource;
  readonly clock: Clock;
}

export interface EtcdCredentials {
  readonly name: string;
  /** Read whenever a token is requested, so that a renewed password is used from then on. */
  readonly password: () => Promise<string>;
}

/** Whether a call may be repeated when its answer was lost. */
export type EtcdCallKind = "read" | "transaction";

/** An answer, or a part of it, as JSON. Numbers of 64 bits are texts there; what is 0, false or empty is left out. */
export type EtcdAnswer = Readonly<Record<string, unknown>>;

export class EtcdClient {
  readonly #options: EtcdClientOptions;
  readonly #pools: readonly Pool[];
  /** The member that answered last. */
  #current = 0;
  /** The authentication token; null: not requested yet, or no longer accepted. */
  #token: string | null = null;

  constructor(options: EtcdClientOptions) {
    this.#options = options;
    const connector = clusterCaller(options.tls, (tls) => buildConnector({ ...tls, timeout: registryCallMs }));
    const connect: buildConnector.connector = (target, callback) => connector()(target, callback);
    this.#pools = options.members.map((origin) => new Pool(origin, { connect, headersTimeout: 0, bodyTimeout: 0 }));
  }

  /** The answer to a call. Throws REGISTRY_UNAVAILABLE; a transaction may then have happened. */
  async call(path: string, body: object, kind: EtcdCallKind): Promise<EtcdAnswer> {
    let failure: unknown = null;
    const first = this.#current;
    for (let attempt = 0; attempt < this.#pools.length; attempt++) {
      const index = (first + attempt) % this.#pools.length;
      try {
        return await this.#callMember(index, path, body);
      } catch (error) {
        failure = error;
        if (error instanceof EtcdRefusal && !error.isPassing) break;
        // Another call may have left this member meanwhile.
        if (this.#current === index) this.#current = (index + 1) % this.#pools.length;
        if (kind === "transaction" && !isUnsent(error)) break;
      }
    }
    throw unavailable(failure);
  }

  /**
   * A call whose answer goes on, one JSON text a line, each given to `onLine`. Resolves when the member ends it or the
   * signal aborts. Throws REGISTRY_UNAVAILABLE.
   */
  async stream(path: string, body: object, onLine: (line: EtcdAnswer) => void, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.#send(this.#current, path, body, signal);
      let rest = "";
      for await (const chunk of answer.body.setEncoding("utf8") as AsyncIterable<string>) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) onLine(jsonObject(line));
      }
    } catch (error) {
      if (!signal.aborted) throw unavailable(error);
    }
  }

  /** Calls in flight fail. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }

  async #callMember(index: number, path: string, body: object): Promise<EtcdAnswer> {
    try {
      return await this.#exchange(index, path, body);
    } catch (error) {
      // The token has run out, or the member has lost it; nothing was done.
      if (!(error instanceof EtcdRefusal && error.isTokenInvalid && this.#token !== null)) throw error;
      this.#token = null;
      return this.#exchange(index, path, body);
    }
  }

  async #exchange(index: number, path: string, body: object): Promise<EtcdAnswer> {
    const limit = new AbortController();
    const overdue = new Error(`no answer within ${registryCallMs} ms`);
    const stopWaiting = this.#options.clock.after(registryCallMs, () => limit.abort(overdue));
    try {
      const answer = await this.#send(index, path, body, limit.signal);
      return jsonObject(await answer.body.text());
    } finally {
      stopWaiting();
    }
  }

  /** The answer, unless it reports a failure. */
  async #send(index: number, path: string, body: object, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { credentials } = this.#options;
    if (this.#token === null && credentials !== null) await this.#authenticate(index, credentials, signal);
    return this.#post(index, path, body, signal);
  }

  async #authenticate(index: number, { name, password }: EtcdCredentials, signal: AbortSignal): Promise<void> {
    const answer = await this.#post(index, "/v3/auth/authenticate", { name, password: await password() }, signal);
    const { token } = jsonObject(await answer.body.text());
    if (typeof token !== "string") throw new Error("etcd gave no token to the name and password");
    this.#token = token;
  }

  async #post(index: number, path: string, body: object, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (this.#token !== null) headers["authorization"] = this.#token;
    const pool = this.#pools[index];
    if (pool === undefined) throw new Error("No member of etcd was given.");
    const answer = await pool.request({ method: "POST", path, headers, body: JSON.stringify(body), signal });
    if (answer.statusCode === 200) return answer;
    throw new EtcdRefusal(answer.statusCode, jsonObject(await answer.body.text()));
  }
}

/** An answer that reports a failure. */
class EtcdRefusal extends Error {
  /** Another member, or the same one later, may answer otherwise. */
  readonly isPassing: boolean;
  readonly isTokenInvalid: boolean;

  constructor(status: number, { message, error, code }: EtcdAnswer) {
    super(`etcd answered ${status}: ${String(message ?? error ?? "nothing more")}`);
    // The second message is about a token from before users or roles were changed.
    this.isTokenInvalid =
      status === 401 || code === unauthenticated || /auth store is old/.test(String(message ?? error));
    this.isPassing = status >= 500;
  }
}

/** Code of gRPC. */
const unauthenticated = 16;

/** The JSON object in a text. */
function jsonObject(text: string): EtcdAnswer {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as EtcdAnswer;
  } catch {
    // The error below reports it.
  }
  throw new Error(`the answer is not that of etcd's JSON gateway: ${JSON.stringify(text.slice(0, 80))}`);
}

/** Whether certainly nothing reached the member. */
function isUnsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && unsentCodes.has(String(error.code));
}

const unsentCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function unavailable(cause: unknown): ShardgateError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ShardgateError("REGISTRY_UNAVAILABLE", `The registry in etcd cannot be used: ${reason}.`, {}, cause);
}
