/** The agent's calls to gateways: one connection to each, every call with a deadline, every answer with a bound. */
import type { Clock } from "../../core/clock.js";
import { membershipBodyBytesMax } from "../../core/limits.js";
import { ClusterPosts } from "../../tls/cluster-posts.js";
import { noTls, type TlsSource } from "../../tls/tls-source.js";
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
  readonly #posts: ClusterPosts;

  constructor({ token, clock, tls = noTls }: GatewayCallsParts) {
    const answerBytesMax = membershipBodyBytesMax;
    this.#posts = new ClusterPosts({ headers: tokenHeader(token), connections: 1, answerBytesMax, clock, tls });
  }

  /** Throws a refusal as ShardgateError, and anything else when no usable answer came within `timeoutMs`. */
  async post(url: string, body: string, timeoutMs: number): Promise<NodeAssignments> {
    const { status, content } = await this.#posts.post(url, body, timeoutMs);
    if (status >= 200 && status < 300) return parseAssignments(content);
    throw errorOfProblem(content) ?? new Error(`The gateway answered with status ${status}.`);
  }

  /** Calls in flight are rejected. */
  close(): Promise<void> {
    return this.#posts.close();
  }
}
