/** What the page says before it knows anything of the cluster. */
import type { Problem } from "../../model/gateway.js";
import { ProblemNote } from "./problem.js";

export interface WaitingProps {
  /** An attempt has failed. */
  readonly isLost: boolean;
  /** Why, where the gateway said so. */
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
