/**
 * Bounds the connections of a server, in total and per client. Further connections are closed before anything is read
 * from them.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { GatewayBounds } from "../../core/bounds.js";
import type { Metrics } from "../metrics/gateway-metrics.js";
import { addressOf } from "./client-of.js";
import { FairShare } from "./fair-share.js";

export function boundConnections(
  server: Server,
  { connections }: GatewayBounds,
  metrics: Pick<Metrics, "requestRefused">,
): void {
  const share = new FairShare(connections);
  server.on("connection", (socket: Socket) => {
    const client = addressOf(socket);
    const shortage = share.take(client, 1);
    if (shortage === null) {
      socket.once("close", () => share.giveBack(client, 1));
      return;
    }
    metrics.requestRefused(shortage === "all" ? "connections" : "client-connections");
    // Closed without an answer: under TLS none is possible yet, and an answer costs work.
    socket.destroy();
  });
}
