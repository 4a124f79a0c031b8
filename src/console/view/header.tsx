/** The head of the page: what this is, whether it is well, whether what one sees is live, and the ways to the other faces. */
import type { ClusterState } from "../model/cluster-state.js";
import type { Summary } from "../model/summary.js";

export interface HeaderProps {
  readonly cluster: ClusterState;
  readonly summary: Summary;
  readonly isLive: boolean;
}

const signs = { healthy: "✓", degraded: "◐", failing: "✕", empty: "…" } as const;

export function Header({ cluster, summary, isLive }: HeaderProps) {
  return (
    <header class="top">
      <h1>
        <span class="brand">shardgate</span>{" "}
        <span class="cluster-name">{cluster.name === "shardgate" ? "console" : cluster.name}</span>
      </h1>
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
        <dd id="map-version">version {cluster.mapVersion}</dd>
      </dl>
      <p class={isLive ? "live" : "live is-stale"} id="live">
        <span class="dot" aria-hidden="true" /> {isLive ? "live" : "stale"}
      </p>
      <nav aria-label="Other faces of the gateway">
        <a href="/graphql">GraphQL</a>
        <a href="/openapi.json">REST</a>
        <a href="/metrics">Metrics</a>
      </nav>
    </header>
  );
}
