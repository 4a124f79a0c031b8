/** The little of a structured logger that the code needs; pino's logger is one. Facts first, then one short sentence. */

export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
