/** The agent's calls to gateways: one connection to each, every call with a deadline, every answer with a bound. */
import { buildConnector, Agent as ConnectionPool, request } from "undici";
import type { Clock } from "../../core/clock.js";
import { membershipBodyBytesMax, connectTimeoutMs } from "../../core/limits.js";
import { clusterCaller, noTls, type TlsSource } from "../../tls/tls-source.js";
import { tokenHeader } from "../../wire/cluster-token.js";
import type { NodeAssignments } from "../../wire/membership.js";
import { errorOfProblem } from "../../wire/problem.js";
import { parseAssignments } from "../../wire/received-assignments.js";

export interface GatewayCallsParts {
  /** Proves to a gateway that this is a storage node of the cluster; null: it does not ask. */
  readonly token: string | null;
  readonly clock: Clock;
  /** The certificate that the node presents to a gateway, and the CA that verifies the gateway's. */
  readonly tls?: TlsSource;
}

export class GatewayCalls {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #pool: ConnectionPool;

  constructor({ token, clock, tls = noTls }: GatewayCallsParts) {
    this.#headers = { "content-type": "application/json", accept: "application/json", ...tokenHeader(token) };
    this.#clock = clock;
    const connector = clusterCaller(tls, (options) => buildConnector({ ...options, timeout: connectTimeoutMs }));
    this.#pool = new ConnectionPool({
      connections: 1,
      connect: (options, callback) => connector()(options, callback),
      maxResponseSize: membershipBodyBytesMax,
    });
  }

  /** Throws a refusal as ShardgateError, and anything else when no usable answer came within `timeoutMs`. */
  async post(url: string, body: string, timeoutMs: number): Promise<NodeAssignments> {
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
      const content = parsed(await answer.body.text());
      if (answer.statusCode >= 200 && answer.statusCode < 300) return parseAssignments(content);
      throw errorOfProblem(content) ?? new Error(`The gateway answered with status ${answer.statusCode}.`);
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
