/**
 * Registration or heartbeat of a storage node, whichever is due, one at a time. Only the answer to its own registration
 * acknowledges the node's start; heartbeats bring newer assignments and keep the node alive for its gateway. It never
 * throws; a problem is logged when it begins, changes and ends.
 */
import { adviceFor, ShardgateError, type ErrorCode } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import type { Heartbeat, NodeAssignments, NodeRegistration } from "../../wire/membership.js";
import type { ShardHost } from "../shards/shard-host.js";

export interface MembershipOptions {
  readonly name: string;
  /** Where the gateway reaches the node. */
  readonly advertisedUrl: string;
  /** Id of this start. */
  readonly incarnation: string;
  /** The store forgets everything when the process ends. */
  readonly isEphemeral: boolean;
  readonly host: RegisteredHost;
  readonly log: Log;
}

export type RegisteredHost = Pick<
  ShardHost,
  | "document"
  | "isStoreShared"
  | "isStoreLost"
  | "isAcknowledged"
  | "refresh"
  | "acknowledge"
  | "applyAssignments"
  | "hostedShards"
  | "exhausted"
>;

/** The way to the gateways. Throws their refusals as ShardgateError, and anything else when there is no usable answer. */
export interface MembershipGateway {
  /** URL of the gateway that was asked last. */
  readonly url: string;
  register(registration: NodeRegistration): Promise<NodeAssignments>;
  heartbeat(name: string, heartbeat: Heartbeat): Promise<NodeAssignments>;
}

export class MembershipLoop {
  readonly #options: MembershipOptions;
  readonly #gateway: MembershipGateway;
  #isRegistered = false;
  /** Mark of the last restored registry, from a gateway's refusal; null: none. */
  #mark: string | null = null;
  #trouble: string | null = null;

  constructor(options: MembershipOptions, gateway: MembershipGateway) {
    this.#options = options;
    this.#gateway = gateway;
  }

  /** Resolves to false when no gateway has answered at all. `isLeaving`: the storage node is about to end. */
  async beat(isStopped: () => boolean, isLeaving = false): Promise<boolean> {
    const wasRegistered = this.#isRegistered;
    try {
      // A store that was restored under the running process may lack its start; the registry has to judge that.
      const { isAcknowledged, isStoreLost } = this.#options.host;
      // Without its store it cannot say what it has, and a heartbeat says at least that.
      const isToRegister = !isAcknowledged || (!this.#isRegistered && !isStoreLost);
      if (isToRegister || !(await this.#heartbeat(isLeaving))) await this.#register();
      this.#isRegistered = true;
      this.#trouble = null;
      const { url: gatewayUrl } = this.#gateway;
      if (!wasRegistered) this.#options.log.info({ gatewayUrl }, "The storage node has registered with the gateway.");
      return true;
    } catch (error) {
      this.#isRegistered = false;
      if (!isStopped()) this.#report(error);
      return error instanceof ShardgateError;
    }
  }

  /** False when the node has to register again. */
  async #heartbeat(isLeaving: boolean): Promise<boolean> {
    const { name, incarnation, host, log } = this.#options;
    const exhausted = host.exhausted();
    const { isStoreLost } = host;
    const { mapVersion } = host.document;
    const heartbeat = {
      incarnation,
      mapVersion,
      ...(isLeaving && { isLeaving }),
      ...(isStoreLost && { isStoreLost }),
      ...(exhausted.length > 0 && { exhausted }),
    };
    try {
      const assignments = await this.#gateway.heartbeat(name, heartbeat);
      // They are applied in the store. While it is lost, that would hold up the next heartbeats.
      if (!isStoreLost) await host.applyAssignments(assignments);
      return true;
    } catch (error) {
      if (this.#isNewMark(error)) return false;
      if (!(error instanceof ShardgateError) || error.code !== "NODE_NOT_FOUND") throw error;
      log.info({}, "The gateway requires this storage node to register again.");
      return false;
    }
  }

  async #register(): Promise<void> {
    let assignments: NodeAssignments;
    try {
      assignments = await this.#gateway.register(await this.#registration());
    } catch (error) {
      if (!this.#isNewMark(error)) throw error;
      assignments = await this.#gateway.register(await this.#registration());
    }
    const { host } = this.#options;
    await host.acknowledge(assignments);
    if (!host.isAcknowledged) {
      throw new Error("The gateway's answer is older than the assignments that this storage node already has.");
    }
  }

  async #registration(): Promise<NodeRegistration> {
    const { name, advertisedUrl, incarnation, isEphemeral, host } = this.#options;
    const shards = await host.hostedShards();
    // After the claims: if another storage node has just given a shared store its cluster, both are known or neither is.
    await host.refresh(true);
    const { isStoreShared } = host;
    const { storeId, clusterId, shardCount, mapVersion, starts } = host.document;
    return {
      id: name,
      url: advertisedUrl,
      clusterId,
      shardCount,
      mapVersion,
      shards,
      incarnation,
      ...(storeId !== null && { storeId }),
      isEphemeral,
      ...(isStoreShared && { isStoreShared }),
      starts: starts.map(({ id }) => id),
      mark: this.#mark,
    };
  }

  /** Whether `error` names a mark that this node has not named yet. The next registration names it. */
  #isNewMark(error: unknown): boolean {
    if (!(error instanceof ShardgateError) || error.code !== "REGISTRY_PUT_BACK") return false;
    const { mark } = error.details;
    if (typeof mark !== "string" || mark === this.#mark) return false;
    this.#mark = mark;
    const { url: gatewayUrl } = this.#gateway;
    this.#options.log.warn(
      { gatewayUrl, mark },
      "The gateway's registry was restored from an older copy; registering again.",
    );
    return true;
  }

  #report(error: unknown): void {
    const { name, log } = this.#options;
    const { url: gatewayUrl } = this.#gateway;
    const isRefusal = error instanceof ShardgateError;
    // While no gateway leads, the refusals of several gateways may differ each second.
    const isPassing = !isRefusal || (error.rule.isRetryable && error.code !== "REGISTRY_PUT_BACK");
    const trouble = isPassing ? "noAnswer" : `${error.code} ${error.message}`;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (isRefusal && !error.rule.isRetryable) {
      const { code, message } = error;
      log.error(
        { gatewayUrl, code, advice: memberAdvice[code] ?? adviceFor(code, name) },
        `This storage node is not part of the cluster: ${message}`,
      );
    } else {
      log.warn({ gatewayUrl, err: error }, "No gateway sends a usable answer; trying again every second.");
    }
  }
}

const sharedSecret = "Start the storage node and its gateways with the same --cluster-secret-file.";

/** Advice for operators who start storage nodes, where the general advice is for clients. */
const memberAdvice: Partial<Record<ErrorCode, string>> = {
  UNAUTHENTICATED: sharedSecret,
  FORBIDDEN: sharedSecret,
  BAD_REQUEST: "Start the storage node with other options, as the message says.",
};
