/** How a follower calls the gateway that leads. A cluster member uses no other way. */
import type { GatewayBeat, LeaderAnswer } from "../../../wire/gateway-peers.js";
import type { ClusterCommands } from "../cluster-commands.js";

/** As the cluster map names it. */
export interface GatewayAddress {
  readonly name: string | null;
  readonly url: string;
}

export interface LeaderTransport {
  /**
   * The leader's own. They reject with its refusals, and with REGISTRY_UNAVAILABLE when it gives no usable answer: what was
   * asked for may have happened all the same.
   */
  commands(leader: GatewayAddress): ClusterCommands;

  /** Sends the beat of gateway `name`. Rejects as the commands do. */
  beat(leader: GatewayAddress, name: string, beat: GatewayBeat): Promise<LeaderAnswer>;

  /** Calls in flight are rejected. */
  close(): Promise<void>;
}
