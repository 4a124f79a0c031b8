/**
 * The router as one caller may use it. Operations on keys outside the caller's permissions are refused here, one by
 * one, and do not reach a storage node; the refusal does not reveal whether the key exists.
 */
import { adviceOf, unreachable } from "../../core/error.js";
import type { Operation, Outcome } from "../../core/operation.js";
import type { RouteContext, Router } from "../../routing/router.js";
import type { Caller } from "../access/caller.js";

export class GuardedRouter implements Pick<Router, "execute"> {
  readonly #router: Pick<Router, "execute">;
  readonly #caller: Caller;

  constructor(router: Pick<Router, "execute">, caller: Caller) {
    this.#router = router;
    this.#caller = caller;
  }

  /** As the router's `execute`; operations without permission get FORBIDDEN. */
  async execute(operations: readonly Operation[], context: RouteContext): Promise<readonly Outcome[]> {
    const allowed = operations.filter((operation) => this.#may(operation));
    const answers = (allowed.length === 0 ? [] : await this.#router.execute(allowed, context)).values();
    return operations.map((operation) => {
      if (!this.#may(operation)) return this.#forbidden(operation);
      const { value, done } = answers.next();
      if (done === true) throw new Error("The router gave too few outcomes.");
      return this.#caller.permissions.mayReadAll ? value : withoutNodes(value, operation);
    });
  }

  #may(operation: Operation): boolean {
    const { permissions } = this.#caller;
    switch (operation.kind) {
      case "get":
        return permissions.mayRead(operation.key);
      case "scan":
        return permissions.mayRead(operation.prefix);
      case "put":
      case "delete":
        return permissions.mayWrite(operation.key);
      default:
        return unreachable(operation);
    }
  }

  #forbidden(operation: Operation): Outcome {
    const what =
      operation.kind === "scan"
        ? `read all keys that begin with ${JSON.stringify(operation.prefix)}`
        : `${operation.kind === "get" ? "read" : "write"} key ${JSON.stringify(operation.key)}`;
    return { kind: "refused", code: "FORBIDDEN", message: `Caller ${this.#caller.name} may not ${what}.` };
  }
}

/** Messages of routing name storage nodes and their URLs, which only callers with access to cluster data may see. */
function withoutNodes(outcome: Outcome, { kind, shard }: Operation): Outcome {
  if (outcome.kind !== "refused" || outcome.code === "ANSWER_TOO_LARGE") return outcome;
  return { ...outcome, message: `Shard ${shard}: ${adviceOf(outcome.code, kind === "put" || kind === "delete")}` };
}
