/** The request that operations arrived with. */
import type { Span } from "../core/tracing.js";

export interface OperationCaller {
  /** Present when requests are traced. */
  readonly span?: Span | undefined;
  /** The id of a gateway's batch, which the gateway logs too. */
  readonly requestId?: string | undefined;
  /** Id of the gateway's cluster; absent when the caller names none. */
  readonly clusterId?: string | undefined;
  /**
   * True when the caller has authenticated as a gateway of this cluster and states that it has checked the values of
   * its puts: they are JSON within the bounds of a value. Otherwise each value is checked here.
   */
  readonly areValuesChecked?: boolean | undefined;
}
