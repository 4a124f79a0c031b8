/**
 * The panel of one shard: its state and figures, the history of its owners, and the form that assigns it to another
 * storage node.
 */
import { useEffect, useState } from "preact/hooks";
import type { ClusterState, ShardView } from "../model/cluster-state.js";
import { bytesText, lowerText, momentText, wholeText } from "../model/format.js";
import { shardDetails, type HistoryRow, type ShardDetailsResult } from "../model/gateway.js";
import { usePlatform } from "../platform.js";
import { AssignForm } from "./assign-form.js";
import { OwnerChip } from "./parts/owner-chip.js";
import { ProblemNote } from "./parts/problem.js";

export interface ShardPanelProps {
  readonly nodes: ClusterState["nodes"];
  readonly shards: ClusterState["shards"];
  readonly selected: number;
  readonly onSelect: (shard: number) => void;
}

export function ShardPanel({ nodes, shards, selected, onSelect }: ShardPanelProps) {
  const shard = shards[selected];
  return (
    <section class="card" aria-labelledby="shard-title">
      <div class="card-head">
        <h2 id="shard-title">Shard</h2>
        <input
          type="number"
          aria-label="Number of the shard"
          min={0}
          max={Math.max(0, shards.length - 1)}
          value={selected}
          onInput={({ currentTarget: { value, valueAsNumber } }) => {
            if (value !== "" && shards[valueAsNumber] !== undefined) onSelect(valueAsNumber);
          }}
        />
      </div>
      {shard === undefined ? (
        <p class="hint">No shards yet.</p>
      ) : (
        <Selected key={shard.number} shard={shard} nodes={nodes} />
      )}
    </section>
  );
}

function Selected({ shard, nodes }: { readonly shard: ShardView; readonly nodes: ClusterState["nodes"] }) {
  const answer = useDetails(shard);
  const details = answer?.kind === "known" ? answer.details : null;
  const owner = shard.owner === null ? undefined : nodes[shard.owner];
  return (
    <>
      <dl class="facts">
        <dt>state</dt>
        <dd class={`shard-${shard.state.toLowerCase()}`}>{lowerText(shard.state)}</dd>
        <dt>owner</dt>
        <dd>
          {owner === undefined ? (
            "none"
          ) : (
            <>
              <OwnerChip index={owner.index} /> {owner.name}
            </>
          )}
        </dd>
        <dt>epoch</dt>
        <dd>{shard.epoch}</dd>
        <dt>keys</dt>
        <dd>{wholeText(details?.keys ?? null)}</dd>
        <dt>bytes</dt>
        <dd>{bytesText(details?.bytes ?? null)}</dd>
      </dl>
      <AssignForm shard={shard} nodes={nodes} keys={details?.keys ?? null} />
      <h3>Assignment history</h3>
      {answer === null ? (
        <p class="hint">Asking the gateway…</p>
      ) : answer.kind === "failed" ? (
        <ProblemNote problem={answer.problem} />
      ) : (
        <History rows={answer.details.history} />
      )}
    </>
  );
}

/** While a key is held down to move through the shards, only the shard where it rests is requested. */
const restMs = 120;

/** Null until the gateway has answered. Requested again whenever the shard has a new epoch. */
function useDetails({ number, epoch, state }: ShardView): ShardDetailsResult | null {
  const { post, after } = usePlatform();
  const [details, setDetails] = useState<ShardDetailsResult | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const read = async (): Promise<void> => {
      const answer = await shardDetails(post, number);
      if (isCurrent) setDetails(answer);
    };
    const cancel = after(restMs, () => void read());
    return () => {
      isCurrent = false;
      cancel();
    };
  }, [post, after, number, epoch, state]);
  return details;
}

function History({ rows }: { readonly rows: readonly HistoryRow[] }) {
  if (rows.length === 0) return <p class="hint">Never assigned.</p>;
  return (
    <ol class="history" tabIndex={0} aria-label="Assignment history, newest first">
      {rows.map(({ epoch, node, at, cause }) => (
        <li key={epoch}>
          <span class="epoch">epoch {epoch}</span> <strong>{node ?? "no storage node"}</strong>{" "}
          <span class="hint">
            {lowerText(cause)}, {momentText(at)}
          </span>
        </li>
      ))}
    </ol>
  );
}
