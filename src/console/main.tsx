/** Starts the console on its page. */
import { render } from "preact";
import { browserPlatform } from "./browser-platform.js";
import { PlatformContext } from "./platform.js";
import { App } from "./view/app.js";

const root = document.querySelector("#console");
if (!(root instanceof HTMLElement)) throw new Error("The page has no place for the console.");
// A reverse proxy may serve the page at `/sg`. Relative links and requests need the slash at the end.
if (!location.pathname.endsWith("/"))
  history.replaceState(null, "", `${location.pathname}/${location.search}${location.hash}`);
const { playground, asksForToken } = root.dataset;
render(
  <PlatformContext.Provider value={browserPlatform}>
    <App hasPlayground={playground === "true"} asksForToken={asksForToken === "true"} />
  </PlatformContext.Provider>,
  root,
);
