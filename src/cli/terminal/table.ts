/**
 * Rows in aligned columns, for people. Text of several pages stays aligned: a column keeps the width it once had. Nothing
 * is cut, and nothing in a cell can steer the terminal.
 */
import { plainStyle, type Style } from "./style.js";

export interface Column {
  readonly title: string;
  /** Numbers, so that their digits stand under each other. */
  readonly isRight?: boolean;
  /** Names of states, coloured by what they mean. */
  readonly isState?: boolean;
}

export class Table {
  readonly #columns: readonly Column[];
  readonly #style: Style;
  readonly #widths: number[];
  #isBegun = false;

  constructor(columns: readonly Column[], style: Style = plainStyle) {
    this.#columns = columns;
    this.#style = style;
    this.#widths = columns.map(({ title }) => widthOf(title));
  }

  /** The rows as lines, each with a line feed; with the titles before the first ones. A null is shown as `-`. */
  text(rows: readonly (readonly (string | number | null)[])[]): string {
    const cells = rows.map((row) => row.map((cell) => printable(cell === null ? "-" : String(cell))));
    for (const row of cells) {
      for (const [index, cell] of row.entries()) this.#widths[index] = Math.max(this.#width(index), widthOf(cell));
    }
    const titles = this.#isBegun ? [] : [this.#columns.map(({ title }) => title)];
    this.#isBegun = true;
    return [
      ...titles.map((row) => this.#line(row, () => this.#style.title)),
      ...cells.map((row) => this.#line(row, ({ isState }) => (isState === true ? this.#style.state : same))),
    ].join("");
  }

  #line(cells: readonly string[], styleOf: (column: Column) => (text: string) => string): string {
    const padded = this.#columns.map((column, index) => {
      const cell = cells[index] ?? "";
      const space = " ".repeat(this.#width(index) - widthOf(cell));
      const styled = styleOf(column)(cell);
      if (column.isRight === true) return space + styled;
      return index === this.#columns.length - 1 ? styled : styled + space;
    });
    return `${padded.join("  ")}\n`;
  }

  #width(index: number): number {
    return this.#widths[index] ?? 0;
  }
}

/** Names and what they have, one a line. */
export function factsText(facts: readonly (readonly [name: string, fact: string])[]): string {
  const width = Math.max(...facts.map(([name]) => widthOf(name)));
  return facts.map(([name, fact]) => `${name.padEnd(width)}  ${fact}\n`).join("");
}

function same(text: string): string {
  return text;
}

/** Control characters and marks of writing direction as JSON escapes: in a value they mean the same. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const graphemes = new Intl.Segmenter();
/** What terminals show two cells wide: East Asian wide and full-width forms (Unicode annex 11), and emoji. */
const wide =
  /^(\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}])/u;

/** Cells that `text` takes in a terminal. */
function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}
