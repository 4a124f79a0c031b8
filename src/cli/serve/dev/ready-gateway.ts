/** Waits until a gateway says that every shard has a live primary, and that no storage node has a problem. */
import { request } from "undici";
import type { Clock } from "../../../core/clock.js";
import { connectTimeoutMs } from "../../../core/limits.js";
import { messageOf } from "../../terminal/command-failure.js";

/** How often `shardgate dev` asks its gateway whether every shard is served. */
const readyPollMs = 50;

/** After this long without being ready `shardgate dev` says what is missing; it goes on waiting. */
const readyNoticeMs = 10_000;

/**
 * Asks `GET /ready` at the gateway with this `origin` until it answers that it is ready, also not degraded, or `signal`
 * is aborted. After a long wait, `onDelay` is called once with the gateway's answer.
 */
export async function waitUntilReady(
  origin: string,
  clock: Clock,
  signal: AbortSignal,
  onDelay: (reason: string) => void,
): Promise<void> {
  const startMs = clock.monotonicMs();
  let isTold = false;
  while (!signal.aborted) {
    const obstacle = await askReady(`${origin}/ready`);
    if (obstacle === null) return;
    if (!isTold && clock.monotonicMs() - startMs >= readyNoticeMs) {
      isTold = true;
      onDelay(obstacle);
    }
    await new Promise<void>((resolve) => clock.after(readyPollMs, resolve));
  }
}

/** Null when ready, otherwise why not. */
async function askReady(url: string): Promise<string | null> {
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(connectTimeoutMs) });
    const text = await body.text();
    return statusCode === 200 && statusOf(text) === "ready" ? null : text;
  } catch (error) {
    return messageOf(error);
  }
}

/** The member `status` of the answer; a gateway that serves some shards only is "degraded". */
function statusOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { readonly status?: unknown } | null)?.status;
  } catch {
    return undefined;
  }
}
