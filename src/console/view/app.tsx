/** The whole page: holds the state of the stream and the selection, and arranges the parts. */
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import type { ClusterEvent, TickEvent } from "../../wire/console-events.js";
import { emptyCluster, withCluster, withTick, type ClusterState } from "../model/cluster-state.js";
import { EventStream } from "../model/event-stream.js";
import type { Problem } from "../model/gateway.js";
import { summaryOf, type Summary } from "../model/summary.js";
import { latencyChart, requestChart } from "../model/traffic.js";
import { usePlatform } from "../platform.js";
import { GatewayTable } from "./gateway-table.js";
import { Header } from "./header.js";
import { KeyFinder } from "./key-finder.js";
import { KeySpace } from "./key-space.js";
import { NodeGrid } from "./node-grid.js";
import { NodeTable } from "./node-table.js";
import { ShardPanel } from "./shard-panel.js";
import { Tiles } from "./tiles.js";
import { TokenForm } from "./token-form.js";
import { TrafficChart } from "./traffic-chart.js";
import { Waiting } from "./parts/waiting.js";

export interface AppProps {
  readonly hasPlayground: boolean;
  /** Whether the gateway requires credentials. */
  readonly asksForToken: boolean;
}

/** Nothing of the cluster is shown before the gateway has sent it, nor while the gateway refuses to. */
export function App(faces: AppProps) {
  const { cluster, link, signIn } = useCluster();
  const summary = useMemo(() => summaryOf(cluster), [cluster]);
  const isShown = link.kind !== "refused" && cluster.shards.length > 0;
  const isLive = link.kind === "live";
  return (
    <div class={isShown && !isLive ? "page is-stale" : "page"}>
      <Header
        {...faces}
        cluster={isShown ? cluster : null}
        summary={summary}
        isLive={isLive}
        onSignOut={() => signIn(null)}
      />
      {link.kind === "refused" ? (
        <TokenForm problem={link.problem} hadToken={link.hadToken} onToken={signIn} />
      ) : !isShown ? (
        <Waiting isLost={link.kind === "lost"} problem={link.kind === "lost" ? link.problem : null} />
      ) : (
        <>
          {!isLive && (
            <p class="stale" role="alert">
              {link.kind === "lost" && link.problem !== null ? link.problem.message : "The gateway does not answer."}{" "}
              These data are out of date. The page updates by itself when the gateway answers again.
            </p>
          )}
          <Cluster cluster={cluster} summary={summary} />
        </>
      )}
    </div>
  );
}

function Cluster({ cluster, summary }: { readonly cluster: ClusterState; readonly summary: Summary }) {
  const { nodes, gateways, shards, seconds } = cluster;
  const [selected, setSelected] = useState(0);
  const [marked, setMarked] = useState<string | null>(null);
  const requests = useMemo(() => requestChart(seconds), [seconds]);
  const latency = useMemo(() => latencyChart(seconds), [seconds]);
  const markedOwner = nodes.find(({ name }) => name === marked)?.index ?? null;
  const shown = { nodes, shards, selected, onSelect: setSelected };
  return (
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
          {gateways.length > 1 && <GatewayTable gateways={gateways} />}
        </div>
      </div>
    </main>
  );
}

type Action =
  | { readonly kind: "cluster"; readonly event: ClusterEvent }
  | { readonly kind: "tick"; readonly event: TickEvent }
  | { readonly kind: "forget" };

function reduce(state: ClusterState, action: Action): ClusterState {
  if (action.kind === "forget") return emptyCluster;
  return action.kind === "cluster" ? withCluster(state, action.event) : withTick(state, action.event);
}

interface LiveCluster {
  readonly cluster: ClusterState;
  readonly link: Link;
  /** Reopens the stream with this token, or without one. */
  readonly signIn: (token: string | null) => void;
}

/** The state of the stream of events. */
type Link =
  | { readonly kind: "waiting" | "live" }
  /** No events arrive, and the page retries; with the reason, if the gateway sent one. */
  | { readonly kind: "lost"; readonly problem: Problem | null }
  /** The gateway requires another token. */
  | { readonly kind: "refused"; readonly problem: Problem; readonly hadToken: boolean };

/** Opens the stream while the page is visible: a hidden page would only occupy one of the browser's few connections. */
function useCluster(): LiveCluster {
  const { openStream, after, watchVisible, hasToken, keepToken } = usePlatform();
  const opened = useRef<EventStream | null>(null);
  const [cluster, dispatch] = useReducer(reduce, emptyCluster);
  const [link, setLink] = useState<Link>({ kind: "waiting" });
  useEffect(() => {
    const listeners = {
      cluster: (event: unknown) => dispatch({ kind: "cluster", event: event as ClusterEvent }),
      tick: (event: unknown) => dispatch({ kind: "tick", event: event as TickEvent }),
    };
    const stream = new EventStream({
      open: openStream,
      after,
      listeners,
      onLive: (isLive) => setLink((link) => linkAfter(link, isLive)),
      onRefused: (problem) => setLink({ kind: "refused", problem, hadToken: hasToken() }),
      onLost: (problem) => setLink({ kind: "lost", problem }),
    });
    opened.current = stream;
    const stopWatching = watchVisible((isVisible) => (isVisible ? stream.start() : stream.stop()));
    return () => {
      stopWatching();
      stream.stop();
    };
  }, [openStream, after, watchVisible, hasToken]);
  const signIn = (token: string | null): void => {
    keepToken(token);
    // Another caller may be allowed to see less.
    dispatch({ kind: "forget" });
    opened.current?.stop();
    setLink({ kind: "waiting" });
    opened.current?.start();
  };
  return { cluster, link, signIn };
}

const liveLink: Link = { kind: "live" };

/** A stopped stream does not reveal why: a refusal or a loss stays as it is until events arrive again. */
function linkAfter(link: Link, isLive: boolean): Link {
  if (isLive) return liveLink;
  return link.kind === "live" ? { kind: "waiting" } : link;
}
