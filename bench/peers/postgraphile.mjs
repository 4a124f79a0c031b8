/**
 * PostGraphile over a table of keys and values in one PostgreSQL server, which it fills with the same entries as the store.
 * Many keys, and writes that replace, are functions in SQL, as PostGraphile's documentation advises: one statement each.
 */
import http from "node:http";
import pg from "pg";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { keyCount, keyOf, sizes, valueOf } from "../workloads.mjs";

const [port, , connectionString] = process.argv.slice(2);
/** `json` keeps a value's text, which costs less than `jsonb`. Rows are locked in key order, so that nobody deadlocks. */
const tables = `
  create schema app;
  create table app.entry (key text primary key, value json not null);
  create function app.entries_by_keys(keys text[]) returns setof app.entry language sql stable as $$
    select entry.* from unnest(keys) with ordinality wanted(key, place) join app.entry using (key) order by place
  $$;
  create function app.put(key text, value json) returns app.entry language sql as $$
    insert into app.entry values (key, value)
      on conflict on constraint entry_pkey do update set value = excluded.value returning *
  $$;
  create function app.put_many(keys text[], items json[]) returns setof app.entry language sql as $$
    insert into app.entry select * from unnest(keys, items) item(key, value) order by key
      on conflict on constraint entry_pkey do update set value = excluded.value returning *
  $$;
`;

await fill();
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString, schemas: ["app"] })],
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false, maxRequestLength: 16 * 1024 * 1024 },
});
const server = http.createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(Number(port), "127.0.0.1");

async function fill() {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(tables);
  for (const bytes of sizes) {
    const indices = Array.from({ length: keyCount }, (_, index) => index);
    const keys = indices.map((index) => keyOf(bytes, index));
    const values = indices.map((index) => valueOf(bytes, index));
    await client.query("select count(*) from app.put_many($1, $2::json[])", [keys, values]);
  }
  await client.query("vacuum analyze app.entry");
  await client.end();
}
