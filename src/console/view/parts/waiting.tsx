/** The page's content before any data of the cluster have arrived. */
import type { Problem } from "../../model/gateway.js";
import { ProblemNote } from "./problem.js";

export interface WaitingProps {
  /** Whether an attempt has failed. */
  readonly isLost: boolean;
  /** Why, if the gateway sent a reason. */
  readonly problem: Problem | null;
}

export function Waiting({ isLost, problem }: WaitingProps) {
  return (
    <main class="alone">
      <section class="card" aria-label="Connection">
        {isLost ? (
          <>
            <p role="alert">
              The gateway {problem === null ? "does not answer" : "sends no events"}. Trying again every second.
            </p>
            {problem !== null && <ProblemNote problem={{ ...problem, advice: "" }} />}
          </>
        ) : (
          <p role="status" class="hint">
            Connecting to the gateway…
          </p>
        )}
      </section>
    </main>
  );
}
