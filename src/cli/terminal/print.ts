/** What a command gives out: data on standard output, as a table or as JSON. */
import type { Environment } from "../environment/environment.js";
import { TextSink } from "./text-sink.js";
import { styleFor } from "./style.js";
import { Table, type Column } from "./table.js";

/** The choices of `--output`. */
export const formats = ["table", "json"] as const;

export type Format = (typeof formats)[number];

/** The columns of a table with what they show of one row's subject. */
export type Columns<T> = readonly (Column & { of(subject: T): string | number | null })[];

/** Writes `text` to standard output; it is no failure when nobody reads it to the end. */
export async function print(text: string, environment: Environment): Promise<void> {
  await new TextSink(environment.stdout).write(text);
}

/** The subjects as a table of these columns, for standard output; nothing when there are none. */
export function tableOf<T>(subjects: readonly T[], columns: Columns<T>, environment: Environment): string {
  if (subjects.length === 0) return "";
  return tableText(new Table(columns, styleFor(environment.stdout, environment)), subjects, columns);
}

/** More rows of `table`. */
export function tableText<T>(table: Table, subjects: readonly T[], columns: Columns<T>): string {
  return table.text(subjects.map((subject) => columns.map((column) => column.of(subject))));
}
