/** The table of the cluster's gateways: which one leads, and which have fallen behind. */
import type { GatewayView } from "../model/cluster-state.js";
import { agoText } from "../model/format.js";

export function GatewayTable({ gateways }: { readonly gateways: readonly GatewayView[] }) {
  return (
    <section class="card" aria-labelledby="gateways-title">
      <div class="card-head">
        <h2 id="gateways-title">Gateways</h2>
        <p class="hint">those that the leader has seen in the last minute</p>
      </div>
      <div class="scroll table-scroll" tabIndex={0} role="region" aria-labelledby="gateways-title">
        <table>
          <thead>
            <tr>
              <th scope="col">Gateway</th>
              <th scope="col">Role</th>
              <th scope="col" class="figure">
                Map version
              </th>
              <th scope="col" class="figure">
                Last seen
              </th>
            </tr>
          </thead>
          <tbody>
            {gateways.map(({ name, url, isLeader, mapVersion, silentMs }) => (
              <tr key={name ?? url}>
                <th scope="row">{name ?? url ?? "without a name"}</th>
                <td>{isLeader ? "leader" : "follower"}</td>
                <td class="figure">{mapVersion}</td>
                <td class="figure">{agoText(silentMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
