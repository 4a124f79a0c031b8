/**
 * Rows in aligned columns. Text in several pages stays aligned: a column never becomes narrower. Nothing is cut off,
 * and no cell can send control sequences to the terminal.
 */
import { plainStyle, type Style } from "./style.js";

export interface Column {
  readonly title: string;
  /** Right-aligned, for numbers. */
  readonly isRight?: boolean;
  /** Names of states, coloured by their meaning. */
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

  /** The rows as lines that end with a line feed, with the titles before the first ones. Null is shown as `-`. */
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

/** Names with their facts, one per line. */
export function factsText(facts: readonly (readonly [name: string, fact: string])[]): string {
  const width = Math.max(...facts.map(([name]) => widthOf(name)));
  return facts.map(([name, fact]) => `${name.padEnd(width)}  ${fact}\n`).join("");
}

function same(text: string): string {
  return text;
}

/** Replaces control characters and marks of writing direction by JSON escapes, which mean the same within a value. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const graphemes = new Intl.Segmenter();
/**
 * Characters that terminals show two cells wide: East Asian wide and full-width forms (Unicode annex 11), and emoji.
 */
const wide =
  /^(\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}])/u;

/** Number of terminal cells that `text` takes. */
function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}
