/** A storage node's mark: its tag on its colour. */
import { ownerColour, ownerTag } from "../../model/owner-mark.js";

export function OwnerChip({ index }: { readonly index: number }) {
  return (
    <span class="chip" style={{ background: ownerColour(index) }}>
      {ownerTag(index)}
    </span>
  );
}
