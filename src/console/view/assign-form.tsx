/**
 * The form that assigns the shard to another storage node. A refusal is shown with its advice; a refusal that protects
 * data can be overruled in a second step that states the consequences.
 */
import { useState } from "preact/hooks";
import type { ClusterState, ShardView } from "../model/cluster-state.js";
import { assignShard, type AssignResult } from "../model/gateway.js";
import { usePlatform } from "../platform.js";
import { ProblemNote } from "./parts/problem.js";

export interface AssignFormProps {
  readonly shard: ShardView;
  readonly nodes: ClusterState["nodes"];
  /** Number of keys in the shard; null when unknown. */
  readonly keys: number | null;
}

export function AssignForm({ shard, nodes, keys }: AssignFormProps) {
  const { post } = usePlatform();
  const [target, setTarget] = useState("");
  const [result, setResult] = useState<AssignResult | null>(null);
  const [isSending, setSending] = useState(false);
  const assign = async (force: boolean): Promise<void> => {
    setSending(true);
    setResult(await assignShard(post, { shard: shard.number, storageNode: target, ifEpoch: shard.epoch, force }));
    setSending(false);
  };
  const others = nodes.filter(({ index }) => index !== shard.owner);
  const owner = shard.owner === null ? null : (nodes[shard.owner]?.name ?? null);
  return (
    <>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          void assign(false);
        }}
      >
        <select
          aria-label="Storage node to assign the shard to"
          required
          value={target}
          onChange={({ currentTarget }) => {
            setTarget(currentTarget.value);
            setResult(null);
          }}
        >
          <option value="">Assign to…</option>
          {others.map(({ name, state }) => (
            <option key={name} value={name}>
              {state === "UP" ? name : `${name} (${state})`}
            </option>
          ))}
        </select>
        <button type="submit" disabled={isSending}>
          Assign
        </button>
      </form>
      {result?.kind === "assigned" && (
        <p class="done" role="status">
          Shard {shard.number} was assigned to {target}, epoch {result.epoch}.
        </p>
      )}
      {result?.kind === "refused" && <ProblemNote problem={result.problem} />}
      {result?.kind === "refused" && result.isForceable && (
        <div class="confirm" role="group" aria-label="Confirm the forced assignment">
          <p>
            {keys === 0
              ? `Shard ${shard.number} is empty now. Older keys that ${target} still has would become visible again.`
              : `${keysText(keys)} of shard ${shard.number} on ${owner ?? "its storage node"} will be hidden ` +
                "until the shard is assigned back."}
          </p>
          <div class="row">
            <button type="button" class="danger" disabled={isSending} onClick={() => void assign(true)}>
              {keys === 0 ? "Assign" : "Hide the data and assign"} to {target}
            </button>
            <button type="button" onClick={() => setResult(null)}>
              Cancel
            </button>
          </div>
        </div>
      )}
    </>
  );
}

function keysText(keys: number | null): string {
  return keys === null ? "The keys" : keys === 1 ? "The one key" : `The ${keys} keys`;
}
