/**
 * Hive Gateway over the REST facade's own OpenAPI document, composed by GraphQL Mesh. Its configuration has addresses, but
 * no hash, so it asks the shardgate gateway and not the storage nodes; the CPU time of that is not counted as Hive's.
 */
import http from "node:http";
import { createGatewayRuntime } from "@graphql-hive/gateway-runtime";
import { getComposedSchemaFromConfig } from "@graphql-mesh/compose-cli";
import { loadOpenAPISubgraph } from "@omnigraph/openapi";

// As many connections as the other peers have; without a bound, each key of each request gets one of its own.
http.globalAgent.maxSockets = 64;

const [port, gatewayOrigin] = process.argv.slice(2);
const log = { debug() {}, info() {}, warn: console.warn, error: console.error, child: () => log };
const sourceHandler = loadOpenAPISubgraph("shardgate", { source: await readDocument(), endpoint: gatewayOrigin });
const supergraph = await getComposedSchemaFromConfig({ subgraphs: [{ sourceHandler }] }, log);
const gateway = createGatewayRuntime({ supergraph, logging: false, landingPage: false, graphiql: false });
http.createServer(gateway).listen(Number(port), "127.0.0.1");

/**
 * The document, of which entries are all that is needed. The loader takes an answer without a body, such as the facade's to
 * a write, for a failure unless it is said to be text; a failure's problem then arrives as text too.
 */
async function readDocument() {
  const document = await (await fetch(`${gatewayOrigin}/openapi.json`)).json();
  const entry = document.paths["/data/{key}"];
  const text = { description: "Written.", content: { "text/plain": { schema: { type: "string" } } } };
  entry.put.responses = { 200: text, 201: text };
  return { ...document, paths: { "/data/{key}": entry } };
}
