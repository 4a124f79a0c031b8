/** Checks the bounds of scans, so that no scan fails other operations of its batch in the engine. */
import { utf8Bytes } from "../../core/key.js";
import { keyBytesMax } from "../../core/limits.js";
import type { RefusedOutcome, RoutedOperation } from "../../core/operation.js";
import { refused } from "./engine-failure.js";

/** A bound longer than any key would reach the engine as an invalid key and fail the other operations of the batch. */
export function scanRefusal({ operation }: RoutedOperation): RefusedOutcome | null {
  if (operation.kind !== "scan") return null;
  for (const name of ["prefix", "after", "before"] as const) {
    const text = operation[name] ?? "";
    if (utf8Bytes(text) > keyBytesMax)
      return refused("BAD_REQUEST", `\`${name}\` is longer than ${keyBytesMax} bytes.`);
    if (!text.isWellFormed()) return refused("BAD_REQUEST", `\`${name}\` has a lone surrogate.`);
  }
  return null;
}
