/**
 * The head of the page: its title, links to the gateway's other pages and, once the cluster is known, its health and
 * whether the data are live.
 */
import type { ClusterState } from "../model/cluster-state.js";
import type { Summary } from "../model/summary.js";
import { usePlatform } from "../platform.js";

export interface HeaderProps {
  /** Null until it may be shown. */
  readonly cluster: ClusterState | null;
  readonly summary: Summary;
  readonly isLive: boolean;
  readonly hasPlayground: boolean;
  readonly asksForToken: boolean;
  readonly onSignOut: () => void;
}

const signs = { healthy: "✓", degraded: "◐", failing: "✕", empty: "…" } as const;

export function Header({ cluster, summary, isLive, hasPlayground, asksForToken, onSignOut }: HeaderProps) {
  const name = cluster?.name ?? "shardgate";
  return (
    <header class="top">
      <h1>
        <span class="brand">shardgate</span> <span class="cluster-name">{name === "shardgate" ? "console" : name}</span>
      </h1>
      {cluster !== null && <Facts mapVersion={cluster.mapVersion} summary={summary} isLive={isLive} />}
      <nav aria-label="Other pages of the gateway">
        {hasPlayground && <a href="graphql">Playground</a>}
        <a href="openapi.json">REST</a>
        {(!asksForToken || cluster !== null) && <MetricsLink asksForToken={asksForToken} />}
        {asksForToken && cluster !== null && (
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        )}
      </nav>
    </header>
  );
}

function Facts({
  mapVersion,
  summary,
  isLive,
}: Pick<HeaderProps, "summary" | "isLive"> & { readonly mapVersion: number }) {
  return (
    <>
      <p class={`health health-${summary.level}`} role="status">
        <span class="sign" aria-hidden="true">
          {signs[summary.level]}
        </span>
        <span>
          <strong>{summary.level}</strong> <span class="health-text">{summary.text}</span>
        </span>
      </p>
      <dl class="facts">
        <dt>cluster map</dt>
        <dd id="map-version">version {mapVersion}</dd>
      </dl>
      <p class={isLive ? "live" : "live is-stale"} id="live">
        <span class="dot" aria-hidden="true" /> {isLive ? "live" : "stale"}
      </p>
    </>
  );
}

/** If the gateway requires tokens, metrics need one too, and browsers send none with a link. */
function MetricsLink({ asksForToken }: Pick<HeaderProps, "asksForToken">) {
  const { openWithToken } = usePlatform();
  return (
    <a
      href="metrics"
      onClick={(event) => {
        if (!asksForToken) return;
        event.preventDefault();
        openWithToken("metrics");
      }}
    >
      Metrics
    </a>
  );
}
