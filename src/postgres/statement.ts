/** What goes to a PostgreSQL server, and what comes back. */

/** Columns by name; 64-bit numbers are texts. */
export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement and resolves to its rows. Rejects with PostgresFailure. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export interface StatementAnswer {
  /** What was done, such as SELECT or COMMIT. */
  readonly command: string;
  readonly rows: readonly Row[];
}

/** A name in a statement, whatever characters it has. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
