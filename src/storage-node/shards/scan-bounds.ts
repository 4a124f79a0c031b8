/** Checks what bounds a scan, so that the engine gets nothing that fails its neighbours. */
import { utf8Bytes } from "../../core/key.js";
import { keyBytesMax } from "../../core/limits.js";
import type { RefusedOutcome, RoutedOperation } from "../../core/operation.js";
import { refused } from "./engine-failure.js";

/** A boundary longer than any key would reach the engine as a key it cannot take, and fail its neighbours. */
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
