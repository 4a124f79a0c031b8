/** The whole page: keeps what the stream tells and what is selected, and lays out the parts. */
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import type { ClusterEvent, TickEvent } from "../../wire/console.js";
import { emptyCluster, withCluster, withTick, type ClusterState } from "../model/cluster-state.js";
import { EventStream } from "../model/event-stream.js";
import type { Problem } from "../model/gateway.js";
import { summaryOf } from "../model/summary.js";
import { latencyChart, requestChart } from "../model/traffic.js";
import { usePlatform } from "../platform.js";
import { Header } from "./header.js";
import { KeyFinder } from "./key-finder.js";
import { KeySpace } from "./key-space.js";
import { NodeGrid } from "./node-grid.js";
import { NodeTable } from "./node-table.js";
import { ShardPanel } from "./shard-panel.js";
import { Tiles } from "./tiles.js";
import { TokenForm } from "./token-form.js";
import { TrafficChart } from "./traffic-chart.js";

export function App() {
  const { cluster, isLive, problem, signIn } = useCluster();
  const { nodes, shards, seconds } = cluster;
  const [selected, setSelected] = useState(0);
  const [marked, setMarked] = useState<string | null>(null);
  const summary = useMemo(() => summaryOf(cluster), [cluster]);
  const requests = useMemo(() => requestChart(seconds), [seconds]);
  const latency = useMemo(() => latencyChart(seconds), [seconds]);
  const markedOwner = nodes.find(({ name }) => name === marked)?.index ?? null;
  const shown = { nodes, shards, selected, onSelect: setSelected };
  return (
    <div class={isLive ? "page" : "page is-stale"}>
      <Header cluster={cluster} summary={summary} isLive={isLive} />
      {!isLive && problem !== null && <TokenForm problem={problem} onToken={signIn} />}
      {!isLive && problem === null && (
        <p class="stale" role="alert">
          {shards.length === 0
            ? "Connecting to the gateway…"
            : "The gateway does not answer. What you see is old; the page goes on by itself when the gateway is back."}
        </p>
      )}
      <main>
        <Tiles cluster={cluster} summary={summary} />
        <div class="columns">
          <div class="main">
            <KeySpace {...shown} markedOwner={markedOwner} />
          </div>
          <div class="side">
            <KeyFinder onPlace={setSelected} />
            <ShardPanel {...shown} />
          </div>
          <div class="main">
            <NodeGrid {...shown} markedOwner={markedOwner} />
            <div class="charts">
              <TrafficChart data={requests} />
              <TrafficChart data={latency} />
            </div>
            <NodeTable nodes={nodes} marked={marked} onMark={setMarked} />
          </div>
        </div>
      </main>
    </div>
  );
}

type Action =
  { readonly kind: "cluster"; readonly event: ClusterEvent } | { readonly kind: "tick"; readonly event: TickEvent };

function reduce(state: ClusterState, action: Action): ClusterState {
  return action.kind === "cluster" ? withCluster(state, action.event) : withTick(state, action.event);
}

interface LiveCluster {
  readonly cluster: ClusterState;
  readonly isLive: boolean;
  /** Why the gateway does not show it to whoever asks; null: it does. */
  readonly problem: Problem | null;
  /** Asks again with this token. */
  readonly signIn: (token: string) => void;
}

/** The stream is open while somebody can see the page: a hidden one would only hold one of the browser's few connections. */
function useCluster(): LiveCluster {
  const { openStream, after, watchVisible, keepToken } = usePlatform();
  const [problem, setProblem] = useState<Problem | null>(null);
  const opened = useRef<EventStream | null>(null);
  const [cluster, dispatch] = useReducer(reduce, emptyCluster);
  const [isLive, setLive] = useState(false);
  useEffect(() => {
    const listeners = {
      cluster: (event: unknown) => dispatch({ kind: "cluster", event: event as ClusterEvent }),
      tick: (event: unknown) => dispatch({ kind: "tick", event: event as TickEvent }),
    };
    const stream = new EventStream({ open: openStream, after, listeners, onLive: setLive, onRefused: setProblem });
    opened.current = stream;
    const stopWatching = watchVisible((isVisible) => (isVisible ? stream.start() : stream.stop()));
    return () => {
      stopWatching();
      stream.stop();
    };
  }, [openStream, after, watchVisible]);
  const signIn = (token: string): void => {
    keepToken(token);
    setProblem(null);
    opened.current?.start();
  };
  return { cluster, isLive, problem, signIn };
}
