/** A storage node's state as a symbol and a word; the colour only repeats it. */
import type { NodeView } from "../../model/cluster-state.js";

const signs = { UP: "●", SUSPECT: "◐", DOWN: "✕" } as const;

export function NodeState({ state }: Pick<NodeView, "state">) {
  return (
    <span class={`state state-${state.toLowerCase()}`}>
      <span aria-hidden="true">{signs[state]}</span> {state}
    </span>
  );
}
