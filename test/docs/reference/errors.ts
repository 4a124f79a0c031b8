/** docs/reference/errors.md: the closed list of codes. */
import { exitCodeOf } from "../../../src/cli/terminal/exit-code.js";
import { errorRules, type ErrorCode } from "../../../src/core/error.js";
import { table, type Regions } from "./page.js";

export function errorRegions(): Regions {
  const rows = Object.entries(errorRules).map(([code, { httpStatus, isRetryable, advice }]) => [
    code,
    String(httpStatus),
    isRetryable ? "yes" : "no",
    String(exitCodeOf(code as ErrorCode)),
    advice,
  ]);
  return { codes: table(["code", "HTTP", "retry may help", "exit code", "what to do"], rows) };
}
