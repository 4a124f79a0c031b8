/** Mercurius on Fastify with graphql-jit from the first request on, and its own loaders for values. */
import fastify from "fastify";
import mercurius from "mercurius";
import { connectBackend, resolversWith, typeDefs } from "./backend.mjs";

const [port, gatewayOrigin] = process.argv.slice(2);
const backend = await connectBackend(gatewayOrigin);
const { Mutation } = resolversWith(backend, () => null);
const app = fastify({ bodyLimit: 16 * 1024 * 1024 });
app.register(mercurius, {
  schema: typeDefs,
  jit: 1,
  resolvers: {
    Query: {
      get: (_root, { key }) => ({ key }),
      entries: (_root, { keys }) => keys.map((key) => ({ __typename: "Entry", key })),
    },
    Mutation,
  },
  loaders: {
    Entry: {
      value: async (queries) => {
        const texts = await Promise.all(queries.map(({ obj }) => backend.get(obj.key)));
        return texts.map((text) => (text === null ? null : JSON.parse(text)));
      },
    },
  },
});
await app.listen({ port: Number(port), host: "127.0.0.1" });
