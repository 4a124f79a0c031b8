/** Asks for a token when the gateway requires one. Until then the page shows nothing else. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Problem } from "../model/gateway.js";
import { ProblemNote } from "./parts/problem.js";

export interface TokenFormProps {
  /** Why the gateway refused. */
  readonly problem: Problem;
  /** Whether the refused request had a token. */
  readonly hadToken: boolean;
  readonly onToken: (token: string) => void;
}

export function TokenForm({ problem, hadToken, onToken }: TokenFormProps) {
  const [token, setToken] = useState("");
  const input = useRef<HTMLInputElement>(null);
  // There is nothing else to do on this page; `autofocus` would work only for the first form of a page.
  useEffect(() => input.current?.focus(), []);
  return (
    <main class="alone">
      <section class="card token" aria-labelledby="token-title">
        <h2 id="token-title">Sign in</h2>
        <p class="hint">
          This gateway requires a token. To show the cluster, the token needs <code>read</code> on all keys.
        </p>
        {hadToken && <ProblemNote problem={forPage(problem)} />}
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            onToken(token.trim());
          }}
        >
          <input
            ref={input}
            type="password"
            aria-label="Token"
            placeholder="Token"
            autocomplete="off"
            pattern={tokenPattern}
            title={tokenTitle}
            required
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
          <button type="submit" class="primary">
            Show the cluster
          </button>
        </form>
        <p class="hint">Kept until this tab is closed; the playground uses it, too.</p>
      </section>
    </main>
  );
}

/** The characters of a token in a header (RFC 6750, 2.1), with the spaces that copying adds. */
const tokenPattern = String.raw`\s*[A-Za-z0-9._~+\/\-]+=*\s*`;
const tokenTitle = "A token consists of letters, digits and - . _ ~ + / =";

/** The problem in the words of this page: its users send no headers themselves. */
function forPage(problem: Problem): Problem {
  const text = texts.get(problem.code);
  return text === undefined ? problem : { code: problem.code, ...text };
}

const texts: ReadonlyMap<string, Omit<Problem, "code">> = new Map([
  [
    "UNAUTHENTICATED",
    { message: "The gateway does not accept this token.", advice: "It may be mistyped, expired or revoked." },
  ],
  [
    "FORBIDDEN",
    {
      message: "This token does not permit reading cluster data.",
      advice: "Use a token with read on all keys. In the playground this token works for the keys that it grants.",
    },
  ],
]);
