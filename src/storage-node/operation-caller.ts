/** The request that operations came with. */
import type { Span } from "../core/tracing.js";

export interface OperationCaller {
  /** When requests are traced. */
  readonly span?: Span | undefined;
  /** Of a gateway's batch: its id, as in the gateway's log. */
  readonly requestId?: string | undefined;
  /** Id of the gateway's cluster; absent when the caller names none. */
  readonly clusterId?: string | undefined;
  /**
   * The caller has proved that it is a gateway of this cluster, and says that it has checked the values of its puts: they
   * are JSON within the bounds of a value. Absent: not known, and each value is checked.
   */
  readonly areValuesChecked?: boolean | undefined;
}
