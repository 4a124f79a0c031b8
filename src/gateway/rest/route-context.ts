/** How a REST request's operations run: within its deadline, under its id, and given up when its client has gone. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { StopSource } from "../../core/tasks/stop-signal.js";
import type { RouteContext } from "../../routing/router.js";

/** What `work` gives. */
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
