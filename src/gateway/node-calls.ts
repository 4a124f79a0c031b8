/** The short calls with which the gateway looks after its storage nodes, beside the operations of clients. */
import { probeTimeoutMs } from "../core/limits.js";
import type { Log } from "../core/log.js";
import { StopSource } from "../core/stop-signal.js";
import type { ClusterMap } from "../registry/cluster-map.js";
import { assignmentsOf } from "../routing/node-assignments.js";
import type { CallOptions, NodeClient } from "../routing/node-client.js";
import type { HostedShard } from "../wire/membership.js";

export class NodeCalls {
  readonly #client: (name: string) => NodeClient;
  readonly #log: Log;
  /** As many calls listen to it as there are storage nodes. */
  readonly #stopping = new StopSource();

  constructor(client: (name: string) => NodeClient, log: Log) {
    this.#client = client;
    this.#log = log;
  }

  /** Whether the node gave any answer over HTTP. */
  async answers(name: string): Promise<boolean> {
    try {
      await this.#client(name).probe(this.#options());
      return true;
    } catch (error) {
      this.#log.debug({ err: error, node: name }, "A storage node did not answer the probe.");
      return false;
    }
  }

  /** What the node has; "plain" when it cannot say, "silent" when it did not answer. */
  async shards(name: string): Promise<readonly HostedShard[] | "plain" | "silent"> {
    try {
      return (await this.#client(name).shards(this.#options())) ?? "plain";
    } catch (error) {
      this.#log.debug({ err: error, node: name }, "A storage node did not say which shards it has.");
      return "silent";
    }
  }

  /** The name of its engine; null when it does not answer, or is a plain one. */
  async engine(name: string): Promise<string | null> {
    try {
      return await this.#client(name).engine(this.#options());
    } catch (error) {
      this.#log.debug({ err: error, node: name }, "A storage node did not say which engine it has.");
      return null;
    }
  }

  /** Tells the node its shards. A node that misses it learns it from its next heartbeat, or from the router. */
  async tell(name: string, map: ClusterMap): Promise<void> {
    try {
      await this.#client(name).assign(assignmentsOf(map, name), this.#options());
    } catch (error) {
      this.#log.warn(
        { err: error, node: name },
        "A storage node was not told its shards; its next heartbeat tells it.",
      );
    }
  }

  /** Gives up the calls in flight. */
  stop(): void {
    this.#stopping.abort();
  }

  #options(): CallOptions {
    return { timeoutMs: probeTimeoutMs, signal: this.#stopping };
  }
}
