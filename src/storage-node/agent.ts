/**
 * Makes a storage node known to its gateway: registers it, says every `heartbeatIntervalMs` that it lives, registers
 * again whenever the gateway forgot it or was away, and hands the assignments in the answers to the shard host. It never
 * gives up and never throws; trouble is logged when it begins, changes and ends.
 */
import { buildConnector, Agent as ConnectionPool, request } from "undici";
import type { Clock } from "../core/clock.js";
import { ShardgateError } from "../core/error.js";
import { adminBodyBytesMax, attemptTimeoutMs, connectTimeoutMs, heartbeatIntervalMs } from "../core/limits.js";
import type { Log } from "../core/log.js";
import { clusterCaller, noTls, type TlsSource } from "../tls/tls-source.js";
import { tokenHeader } from "../wire/cluster-token.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../wire/membership.js";
import { errorOfProblem } from "../wire/problem.js";
import { parseAssignments } from "./node-assignments.js";
import type { ShardHost } from "./shard-host.js";

export interface AgentOptions {
  readonly name: string;
  readonly gatewayUrl: string;
  /** Where the gateway reaches the node. */
  readonly advertisedUrl: string;
  readonly incarnation: string;
  /** Proves to the gateway that this is a storage node of the cluster; null: it does not ask. */
  readonly token: string | null;
  readonly host: Pick<ShardHost, "applyAssignments" | "hostedShards" | "mapVersion" | "clusterId" | "shardCount">;
  readonly clock: Clock;
  readonly log: Log;
  /** What it shows to the gateway, and by which CA it believes it. */
  readonly tls?: TlsSource;
}

export interface Agent {
  /** Gives up the call in flight; resolves when nothing of the agent runs. */
  stop(): Promise<void>;
}

export function startAgent(options: AgentOptions): Agent {
  const { clock } = options;
  const gateway = new GatewayConnection(options);
  const membership = new MembershipLoop(options, gateway);
  let isStopped = false;
  let cancel: (() => void) | null = null;
  let beating = beat();

  async function beat(): Promise<void> {
    await membership.beat(() => isStopped);
    if (isStopped) return;
    cancel = clock.after(heartbeatIntervalMs, () => {
      beating = beat();
    });
  }

  return {
    async stop() {
      isStopped = true;
      cancel?.();
      await gateway.close();
      await beating;
    },
  };
}

/** Registration or heartbeat, whichever is due, one at a time. */
class MembershipLoop {
  readonly #options: AgentOptions;
  readonly #gateway: GatewayConnection;
  #isRegistered = false;
  #trouble: string | null = null;

  constructor(options: AgentOptions, gateway: GatewayConnection) {
    this.#options = options;
    this.#gateway = gateway;
  }

  async beat(isStopped: () => boolean): Promise<void> {
    const wasRegistered = this.#isRegistered;
    try {
      if (!this.#isRegistered || !(await this.#heartbeat())) await this.#register();
      this.#isRegistered = true;
      this.#trouble = null;
      const { gatewayUrl, log } = this.#options;
      if (!wasRegistered) log.info({ gatewayUrl }, "The storage node is registered at the gateway.");
    } catch (error) {
      this.#isRegistered = false;
      if (!isStopped()) this.#report(error);
    }
  }

  /** False when the gateway does not know the node. */
  async #heartbeat(): Promise<boolean> {
    const { name, incarnation, host } = this.#options;
    const heartbeat: Heartbeat = { incarnation, mapVersion: host.mapVersion };
    try {
      await host.applyAssignments(await this.#gateway.post(`/nodes/${encodeURIComponent(name)}/heartbeat`, heartbeat));
      return true;
    } catch (error) {
      if (!(error instanceof ShardgateError) || error.code !== "NODE_NOT_FOUND") throw error;
      this.#options.log.info({}, "The gateway does not know this storage node any more; registering again.");
      return false;
    }
  }

  async #register(): Promise<void> {
    const { name, advertisedUrl, incarnation, host } = this.#options;
    // First, because it takes up what other processes of this storage node were told.
    const shards = await host.hostedShards();
    const registration: NodeRegistration = {
      id: name,
      url: advertisedUrl,
      clusterId: host.clusterId,
      shardCount: host.shardCount,
      mapVersion: host.mapVersion,
      shards,
      incarnation,
    };
    await host.applyAssignments(await this.#gateway.post("/nodes", registration));
  }

  #report(error: unknown): void {
    const { gatewayUrl, log } = this.#options;
    const isRefusal = error instanceof ShardgateError;
    const trouble = isRefusal ? `${error.code} ${error.message}` : "noAnswer";
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (isRefusal && !error.rule.isRetryable) {
      const { code, message, rule } = error;
      log.error({ gatewayUrl, code, advice: rule.advice }, `This storage node is not part of the cluster: ${message}`);
    } else {
      log.warn({ gatewayUrl, err: error }, "The gateway gives no usable answer; trying again every second.");
    }
  }
}

/** The agent's way to the gateway: one connection, every call with a deadline, every answer with a bound. */
class GatewayConnection {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #pool: ConnectionPool;

  constructor({ gatewayUrl, token, clock, tls = noTls }: AgentOptions) {
    this.#headers = { "content-type": "application/json", accept: "application/json", ...tokenHeader(token) };
    this.#url = gatewayUrl.replace(/\/+$/, "");
    this.#clock = clock;
    const connector = clusterCaller(tls, (options) => buildConnector({ ...options, timeout: connectTimeoutMs }));
    this.#pool = new ConnectionPool({
      connections: 1,
      connect: (options, callback) => connector()(options, callback),
      maxResponseSize: adminBodyBytesMax,
    });
  }

  /** Throws the gateway's refusal as ShardgateError, and anything else when there is no usable answer. */
  async post(path: string, body: Heartbeat | NodeRegistration): Promise<NodeAssignments> {
    const deadline = new AbortController();
    const cancel = this.#clock.after(attemptTimeoutMs, () => {
      deadline.abort(new Error(`No answer within ${attemptTimeoutMs} ms.`));
    });
    try {
      const answer = await request(`${this.#url}${path}`, {
        method: "POST",
        headers: this.#headers,
        body: JSON.stringify(body),
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
