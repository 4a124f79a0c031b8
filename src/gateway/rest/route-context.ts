/**
 * The context in which a REST request's operations run: its deadline, its id, and its cancellation when the client
 * disconnects.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { StopSource } from "../../core/tasks/stop-signal.js";
import type { RouteContext } from "../../routing/router.js";

/** Resolves to the result of `work`. */
export async function whileClientWaits<Result>(
  { services: { clock, requestTimeoutMs }, id: requestId, span }: FastifyRequest,
  { raw }: FastifyReply,
  work: (context: RouteContext) => Promise<Result>,
): Promise<Result> {
  const gone = new StopSource();
  const abort = (): void => gone.abort();
  raw.once("close", abort);
  try {
    return await work({ deadlineMs: clock.monotonicMs() + requestTimeoutMs, signal: gone, requestId, span });
  } finally {
    raw.off("close", abort);
  }
}
