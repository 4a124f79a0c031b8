/** The request that operations came with. */
import type { Span } from "../core/tracing.js";

export interface Caller {
  /** When requests are traced. */
  readonly span?: Span | undefined;
  /** Of a gateway's batch: its id, as in the gateway's log. */
  readonly requestId?: string | undefined;
  /** Id of the gateway's cluster; absent when the caller names none. */
  readonly clusterId?: string | undefined;
}
