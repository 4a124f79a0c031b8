/**
 * The gateway's short calls to its storage nodes that are not operations of clients: probes, reports and assignments.
 */
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { StopSource } from "../../core/tasks/stop-signal.js";
import type { ClusterMap } from "../../registry/cluster-map.js";
import { assignmentsOf } from "../../routing/node-assignments.js";
import {
  NodeFault,
  type NodeCallOptions,
  type NodeClient,
  type NodeSign,
} from "../../routing/node-client/node-client.js";
import type { NodePlace, NodePool } from "../../routing/node-pool.js";
import type { HostedShard } from "../../wire/membership.js";

/** How long a storage node may take to answer a probe, or to take its assignments; a node slower than this is silent. */
const probeTimeoutMs = 1_000;

export type NodeCallsPool = Pick<NodePool, "client" | "probeAt">;

export class NodeCalls {
  readonly #pool: NodeCallsPool;
  readonly #log: Log;
  /** The signal has one listener for each storage node that is being called. */
  readonly #stopping = new StopSource();

  constructor(pool: NodeCallsPool, log: Log) {
    this.#pool = pool;
    this.#log = log;
  }

  /** What the node says of itself; "refused" when nothing listens at its address, "silent" when it gave no answer over HTTP. */
  async probe(name: string): Promise<NodeSign | "refused" | "silent"> {
    let isRefused = false;
    const sign = await this.#sign(name, async () => {
      try {
        return await this.#client(name).probe(this.#options());
      } catch (error) {
        isRefused = error instanceof NodeFault && error.reason === "connectionRefused";
        throw error;
      }
    });
    return sign ?? (isRefused ? "refused" : "silent");
  }

  /** The same of a node that need not be registered. Throws BAD_REQUEST when a gateway answers, this one or another. */
  probeAt(place: NodePlace): Promise<NodeSign | null> {
    return this.#sign(place.name, async () => {
      try {
        return await this.#pool.probeAt(place, this.#options());
      } catch (error) {
        throw error instanceof NodeFault && error.reason === "gateway" ? gatewayThere(place) : error;
      }
    });
  }

  /** The shards of the node; "plain" when it cannot report them, "silent" when it did not answer. */
  async shards(name: string): Promise<readonly HostedShard[] | "plain" | "silent"> {
    try {
      return (await this.#client(name).shards(this.#options())) ?? "plain";
    } catch (error) {
      this.#log.debug({ err: error, node: name }, "A storage node did not report its shards.");
      return "silent";
    }
  }

  /** The name of its engine; null when it does not answer, or is a plain one. */
  async engine(name: string): Promise<string | null> {
    try {
      return await this.#client(name).engine(this.#options());
    } catch (error) {
      this.#log.debug({ err: error, node: name }, "A storage node did not report its engine.");
      return null;
    }
  }

  /** Sends the node its assignments; a plain one needs none. Rejects with a NodeFault. */
  async assign(name: string, map: ClusterMap): Promise<void> {
    await this.#client(name).assign(assignmentsOf(map, name), this.#options());
  }

  /** Gives up the calls in flight. */
  stop(): void {
    this.#stopping.abort();
  }

  async #sign(name: string, ask: () => Promise<NodeSign>): Promise<NodeSign | null> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof ShardgateError) throw error;
      this.#log.debug({ err: error, node: name }, "A storage node did not answer the probe.");
      return null;
    }
  }

  #client(name: string): NodeClient {
    return this.#pool.client(name);
  }

  #options(): NodeCallOptions {
    return { timeoutMs: probeTimeoutMs, signal: this.#stopping };
  }
}

function gatewayThere({ name, url }: NodePlace): ShardgateError {
  const message = `${url} is a gateway, not storage node ${name}. Use the storage node's own URL.`;
  return new ShardgateError("BAD_REQUEST", message, { node: name });
}
