/** Colours on a terminal, unless the environment decides otherwise (no-color.org, force-color.org). */
import type { Environment, Output } from "../environment/environment.js";

export interface Style {
  title(text: string): string;
  /** The name of a state, in the colour of its meaning. */
  state(name: string): string;
}

export const plainStyle: Style = { title: (text) => text, state: (name) => name };

/** The style for text that is written to `output`. */
export function styleFor(output: Output, environment: Pick<Environment, "variable">): Style {
  return isColoured(output, environment) ? colouredStyle : plainStyle;
}

/** The same order as commander uses for its own output: NO_COLOR, then FORCE_COLOR, then the terminal. */
function isColoured({ isTTY }: Output, { variable }: Pick<Environment, "variable">): boolean {
  const force = variable("FORCE_COLOR") ?? "";
  if ((variable("NO_COLOR") ?? "") !== "" || force === "0" || force === "false") return false;
  if (force !== "") return true;
  return isTTY === true && variable("TERM") !== "dumb";
}

const bold = 1;
const red = 31;
const green = 32;
const yellow = 33;

const stateColours: Readonly<Record<string, number>> = {
  ACTIVE: green,
  UP: green,
  SUSPECT: yellow,
  UNASSIGNED: yellow,
  UNAVAILABLE: red,
  DOWN: red,
};

const colouredStyle: Style = {
  title: (text) => `\u001B[${bold}m${text}\u001B[0m`,
  state: (name) => {
    const colour = stateColours[name];
    return colour === undefined ? name : `\u001B[${colour}m${name}\u001B[0m`;
  },
};
