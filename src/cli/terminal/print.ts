/** The output of a command: data on standard output, as a table or as JSON. */
import type { Environment } from "../environment/environment.js";
import { TextSink } from "./text-sink.js";
import { styleFor } from "./style.js";
import { Table, type Column } from "./table.js";

/** The choices of `--output`. */
export const formats = ["table", "json"] as const;

export type Format = (typeof formats)[number];

/** The columns of a table, each with the function that returns its cell for a subject. */
export type Columns<T> = readonly (Column & { of(subject: T): string | number | null })[];

/** Writes `text` to standard output. It is not a failure when the reader goes away before the end. */
export async function print(text: string, environment: Environment): Promise<void> {
  await new TextSink(environment.stdout).write(text);
}

/** The subjects as a table with these columns, for standard output; empty when there are none. */
export function tableOf<T>(subjects: readonly T[], columns: Columns<T>, environment: Environment): string {
  if (subjects.length === 0) return "";
  return tableText(new Table(columns, styleFor(environment.stdout, environment)), subjects, columns);
}

/** More rows of `table`. */
export function tableText<T>(table: Table, subjects: readonly T[], columns: Columns<T>): string {
  return table.text(subjects.map((subject) => columns.map((column) => column.of(subject))));
}
