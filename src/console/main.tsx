/** Puts the console on its page. */
import { render } from "preact";
import { browserPlatform } from "./browser-platform.js";
import { PlatformContext } from "./platform.js";
import { App } from "./view/app.js";

const root = document.querySelector("#console");
if (root === null) throw new Error("The page has no place for the console.");
render(
  <PlatformContext.Provider value={browserPlatform}>
    <App />
  </PlatformContext.Provider>,
  root,
);
