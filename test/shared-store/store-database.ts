/** The database that storage nodes share, on a server of its own: its role is not a superuser's, as the documentation advises. */
import type { PostgresServer } from "../support/postgres.js";

const role = "keeper";
const database = "keys";

export const databasePassword = "secret";

/** For `--store` and `--registry`. */
export function databasePlace(ports: readonly number[]): string {
  return `postgres://${role}@${ports.map((port) => `127.0.0.1:${port}`).join(",")}/${database}`;
}

export const databaseStatements: readonly string[] = [
  `CREATE ROLE ${role} LOGIN PASSWORD '${databasePassword}'`,
  `CREATE DATABASE ${database} OWNER ${role}`,
];

export async function makeDatabase(server: PostgresServer): Promise<void> {
  for (const statement of databaseStatements) await server.sql(statement);
}
