/** Whole numbers as decimal text. V8 writes what it holds as 32 bits in a fifth of the time that other numbers take. */

/** The same as `String(number)`. Moments of today in milliseconds, and most versions, are written as two small numbers. */
export function decimalText(number: number): string {
  const small = number | 0;
  if (small === number) return `${small}`;
  const quotient = Math.floor(number / 1000);
  const thousands = quotient | 0;
  const rest = thousands === quotient && thousands > 0 ? threeDigits[number - 1000 * quotient] : undefined;
  return rest === undefined ? `${number}` : `${thousands}${rest}`;
}

const threeDigits = Array.from({ length: 1000 }, (_, number) => `${number}`.padStart(3, "0"));
