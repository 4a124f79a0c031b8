/**
 * Ends sessions that hold up a claim. The former owner of a shard may have been suspended between its writes and its
 * COMMIT: its transaction can only be rolled back, and its successor must not wait for that.
 */
import type { Clock } from "../../core/clock.js";
import type { Query } from "../../postgres/statement.js";

/** How long a transaction that holds up a claim may wait for its own client: usually that takes some milliseconds. */
export const blockedClaimMs = 500;

/**
 * Until the returned function is called, ends the sessions that keep the session `processId` waiting and have themselves
 * waited for their clients for `blockedClaimMs`, in an open transaction. `query` must use another session. Failures are left to the claim's own time limit.
 */
export function endBlockers(query: Query, clock: Clock, processId: number): () => void {
  let isOver = false;
  let cancel = (): void => undefined;
  const end = async (): Promise<void> => {
    await query(terminate, [processId, blockedClaimMs]).catch(() => undefined);
    if (!isOver) wait();
  };
  const wait = (): void => {
    cancel = clock.after(blockedClaimMs, () => void end());
  };
  wait();
  return () => {
    isOver = true;
    cancel();
  };
}

/**
 * Only sessions of the same role may be ended. Locks are queued: one that waits for a lock itself is no culprit, and the
 * one that it waits for may be. A session that works is left alone; the server bounds its statements.
 */
const terminate = `WITH RECURSIVE blocking (pid) AS (
    SELECT unnest(pg_blocking_pids($1::int))
    UNION
    SELECT next.pid FROM blocking, unnest(pg_blocking_pids(blocking.pid)) AS next (pid))
  SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a JOIN blocking USING (pid)
  WHERE a.usename = current_user AND a.pid <> $1::int AND a.wait_event_type = 'Client'
    AND a.state_change < clock_timestamp() - $2::int * interval '1 millisecond'`;
