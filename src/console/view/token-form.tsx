/** Asks who looks at the page, when the gateway wants to know or does not let them. */
import { useState } from "preact/hooks";
import type { Problem } from "../model/gateway.js";
import { ProblemNote } from "./problem.js";

export interface TokenFormProps {
  /** Why the gateway refused. */
  readonly problem: Problem;
  readonly onToken: (token: string) => void;
}

export function TokenForm({ problem, onToken }: TokenFormProps) {
  const [token, setToken] = useState("");
  return (
    <section class="card token" aria-labelledby="token-title">
      <h2 id="token-title">This gateway asks who you are</h2>
      <ProblemNote problem={problem} />
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          onToken(token);
        }}
      >
        <input
          type="password"
          aria-label="Token"
          placeholder="token"
          autocomplete="off"
          pattern="[A-Za-z0-9._~+\/\-]+=*"
          required
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
        />
        <button type="submit" class="primary">
          Show the cluster
        </button>
      </form>
      <p class="hint">It needs `read` on all keys, and is forgotten when this tab is closed.</p>
    </section>
  );
}
