/**
 * Makes a storage node known to its gateway: registers it, says every `heartbeatIntervalMs` that it lives, and hands the
 * assignments in the answers to the shard host, until it is stopped. A storage node that restarts in a loop registers
 * after a pause, because each start that is acknowledged takes new epochs.
 */
import { buildConnector, Agent as ConnectionPool, request } from "undici";
import type { Clock } from "../../core/clock.js";
import { membershipBodyBytesMax, attemptTimeoutMs, connectTimeoutMs, heartbeatIntervalMs } from "../../core/limits.js";
import { clusterCaller, noTls, type TlsSource } from "../../tls/tls-source.js";
import { tokenHeader } from "../../wire/cluster-token.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../wire/membership.js";
import { errorOfProblem } from "../../wire/problem.js";
import { MembershipLoop, type MembershipGateway, type MembershipOptions } from "./membership-loop.js";
import { parseAssignments } from "../../wire/received-assignments.js";
import { restartPauseMs } from "../identity/node-state.js";

export interface AgentOptions extends MembershipOptions {
  /** Proves to the gateway that this is a storage node of the cluster; null: it does not ask. */
  readonly token: string | null;
  readonly clock: Clock;
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
  let beating = Promise.resolve();

  const beatAfter = (delayMs: number): void => {
    cancel = clock.after(delayMs, () => {
      beating = beat();
    });
  };
  async function beat(): Promise<void> {
    await membership.beat(() => isStopped);
    if (!isStopped) beatAfter(heartbeatIntervalMs);
  }
  const pauseMs = firstPauseMs(options);
  if (pauseMs > 0) beatAfter(pauseMs);
  else beating = beat();

  return {
    async stop() {
      isStopped = true;
      cancel?.();
      await gateway.close();
      await beating;
    },
  };
}

/** A process that was started again under an acknowledged start takes no new epochs, and waits for nothing. */
function firstPauseMs({ host, clock, log }: AgentOptions): number {
  const pauseMs = host.isAcknowledged ? 0 : restartPauseMs(host.document.starts, clock.nowMs());
  if (pauseMs > 0) {
    log.warn(
      { pauseMs },
      "This storage node was restarted very often within minutes, and each start uses up epochs of its shards, so it waits before it registers. Check the end of its earlier logs for the cause of the restarts.",
    );
  }
  return pauseMs;
}

/** The agent's way to the gateway: one connection, every call with a deadline, every answer with a bound. */
class GatewayConnection implements MembershipGateway {
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
      maxResponseSize: membershipBodyBytesMax,
    });
  }

  register(registration: NodeRegistration): Promise<NodeAssignments> {
    return this.#post("/nodes", registration);
  }

  heartbeat(name: string, heartbeat: Heartbeat): Promise<NodeAssignments> {
    return this.#post(`/nodes/${encodeURIComponent(name)}/heartbeat`, heartbeat);
  }

  /** Calls in flight are rejected. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #post(path: string, body: Heartbeat | NodeRegistration): Promise<NodeAssignments> {
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
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
