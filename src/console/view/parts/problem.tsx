/** A refusal or a failure: its code, what happened, and what to do. */
import type { Problem } from "../../model/gateway.js";

export function ProblemNote({ problem: { code, message, advice } }: { readonly problem: Problem }) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{code}</strong> {message}
      </p>
      {advice !== "" && <p class="advice">{advice}</p>}
    </div>
  );
}
