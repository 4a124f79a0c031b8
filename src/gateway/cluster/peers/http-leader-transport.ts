/**
 * The way to the gateway that leads over HTTP: every call with a deadline, every answer with a bound, and the peer token of the
 * cluster on each. Only URLs of the cluster map come here, and only http and https are spoken.
 */
import type { Clock } from "../../../core/clock.js";
import { ShardgateError, type ErrorCode } from "../../../core/error.js";
import { parseGatewayUrl } from "../../../registry/address/node-url.js";
import { registryBatchMax } from "../../../registry/registry.js";
import { ClusterPosts } from "../../../tls/cluster-posts.js";
import { noTls, type TlsSource } from "../../../tls/tls-source.js";
import { tokenHeader } from "../../../wire/cluster-token.js";
import {
  beatPath,
  leaderPath,
  type GatewayBeat,
  type LeaderAnswer,
  type LeaderCommand,
} from "../../../wire/gateway-peers.js";
import { peerCallsMax, peerCallTimeoutMs } from "../../../wire/peer.js";
import { errorOfProblem } from "../../../wire/problem.js";
import { parseAssignments } from "../../../wire/received-assignments.js";
import type { ClusterCommands } from "../cluster-commands.js";
import type { GatewayAddress, LeaderTransport } from "./leader-transport.js";
import { parseHistories, parseLeaderAnswer, parseShardList, parseShardRecord } from "./received-answers.js";

export interface HttpLeaderTransportOptions {
  /** Proves to the leader that this is a gateway of the cluster; null: the cluster has no secret. */
  readonly token: string | null;
  readonly clock: Pick<Clock, "after">;
  /** The certificate presented to the leader, and the CA that verifies the leader's. */
  readonly tls?: TlsSource;
}

/** Longest answer of the leader: the whole log of the registry takes half of it. */
const answerBytesMax = 16 * 1024 * 1024;

/** Commands at the leader at once: as many as share one write of the registry. The others wait here, within their deadlines. */
const connectionsMax = registryBatchMax;

/** A storage node waits a second for the answer to its heartbeat; the refusal has to reach it before that. */
const heartbeatTimeoutMs = 750;

/** A leader that takes longer than this is silent: the next beat is due. */
const beatTimeoutMs = 1_000;

interface Call<Result> {
  /** As messages name it. */
  readonly what: string;
  readonly path: string;
  readonly body: unknown;
  readonly timeoutMs: number;
  readonly parse: (content: unknown) => Result;
}

export class HttpLeaderTransport implements LeaderTransport {
  readonly #tls: TlsSource;
  readonly #posts: ClusterPosts;
  #waiting = 0;

  constructor({ token, clock, tls = noTls }: HttpLeaderTransportOptions) {
    this.#tls = tls;
    const bounds = { connections: connectionsMax, answerBytesMax };
    this.#posts = new ClusterPosts({ headers: tokenHeader(token), ...bounds, clock, tls });
  }

  commands(leader: GatewayAddress): ClusterCommands {
    const ask = <Result>(
      command: LeaderCommand,
      body: unknown,
      parse: (content: unknown) => Result,
      timeoutMs = peerCallTimeoutMs,
    ): Promise<Result> =>
      this.#post(leader, { what: `\`${command}\``, path: leaderPath(command), body, parse, timeoutMs });
    const nothing = (): void => {};
    return {
      register: (registration) => ask("register", registration, parseAssignments),
      heartbeat: (name, heartbeat) => ask("heartbeat", { name, heartbeat }, parseAssignments, heartbeatTimeoutMs),
      remove: (name, isForced) => ask("remove", { name, isForced }, parseShardList),
      assign: (wanted) => ask("assign", wanted, parseShardRecord),
      acceptLoss: (name) => ask("acceptLoss", { name }, nothing),
      drain: (name, isUndone) => ask("drain", { name, isUndone }, parseShardList),
      histories: (shards) => ask("histories", { shards }, parseHistories),
      refresh: (node) => ask("refresh", { node }, nothing),
    };
  }

  beat(leader: GatewayAddress, name: string, beat: GatewayBeat): Promise<LeaderAnswer> {
    const path = beatPath(name);
    return this.#post(leader, { what: "a beat", path, body: beat, parse: parseLeaderAnswer, timeoutMs: beatTimeoutMs });
  }

  close(): Promise<void> {
    return this.#posts.close();
  }

  async #post<Result>(leader: GatewayAddress, call: Call<Result>): Promise<Result> {
    const url = this.#urlOf(leader);
    if (this.#waiting >= peerCallsMax) {
      throw new ShardgateError(
        "OVERLOADED",
        `${peerCallsMax} calls wait for ${textOf(leader)} already, which is the maximum.`,
      );
    }
    this.#waiting++;
    try {
      const { status, content } = await this.#posts.post(url + call.path, JSON.stringify(call.body), call.timeoutMs);
      if (status >= 200 && status < 300) return readable(content, call);
      throw errorOfProblem(content) ?? new Error(`It answered with status ${status}.`);
    } catch (error) {
      throw refusalOf(error, leader, call);
    } finally {
      this.#waiting--;
    }
  }

  /** Throws REGISTRY_UNAVAILABLE for a URL that is not called. */
  #urlOf(leader: GatewayAddress): string {
    try {
      const url = parseGatewayUrl(leader.url);
      if (this.#tls.current.clusterCa === null || url.startsWith("https:")) return url;
    } catch (error) {
      throw notCalled(leader, "the registry names a URL for it that is none of a gateway", error);
    }
    throw notCalled(leader, "its URL is not https, and this gateway was started with `--tls-ca`");
  }
}

/** An answer that does not parse is not a refusal of the leader. */
function readable<Result>(content: unknown, { parse }: Call<Result>): Result {
  try {
    return parse(content);
  } catch (error) {
    throw new Error("Its answer cannot be understood.", { cause: error });
  }
}

/**
 * Codes of a leader that concern the call between gateways: the command was not executed, and its sender is not at
 * fault.
 */
const ofTheCall: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "HOST_NOT_ALLOWED",
  "TOO_MANY_REQUESTS",
  "DRAINING",
]);

/** The leader's refusal as it is, or REGISTRY_UNAVAILABLE. */
function refusalOf(error: unknown, leader: GatewayAddress, { what }: Call<unknown>): ShardgateError {
  const { name: gateway } = leader;
  if (!(error instanceof ShardgateError)) {
    const message = `The leader, ${textOf(leader)}, gave no usable answer to ${what}. What was asked for may or may not have happened.`;
    return new ShardgateError("REGISTRY_UNAVAILABLE", message, { gateway }, error);
  }
  if (ofTheCall.has(error.code)) {
    const message = `The leader, ${textOf(leader)}, refused ${what} with ${error.code}: ${error.message}`;
    return new ShardgateError("REGISTRY_UNAVAILABLE", message, { gateway }, error);
  }
  // The leader's request id means nothing to this gateway's client.
  const { requestId: _requestId, ...details } = error.details;
  return new ShardgateError(error.code, error.message, details, error);
}

function notCalled(leader: GatewayAddress, why: string, cause?: unknown): ShardgateError {
  const message = `The leader, gateway ${leader.name ?? "without a name"}, is not called: ${why}.`;
  return new ShardgateError("REGISTRY_UNAVAILABLE", message, { gateway: leader.name }, cause);
}

function textOf({ name, url }: GatewayAddress): string {
  return name === null ? `gateway ${url}` : `gateway ${name} (${url})`;
}
