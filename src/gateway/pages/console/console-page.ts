/**
 * The HTML of the console's two pages. Its script, from src/console/, creates all moving parts. Every reference is
 * relative, because a reverse proxy may serve the gateway under a path that the gateway does not know.
 */

export interface ConsolePageParts {
  /**
   * The beginning of the references to all files, relative to the page's address, with or without a slash at its end.
   */
  readonly base: string;
  readonly hasPlayground: boolean;
  /** Whether callers need credentials. */
  readonly asksForToken: boolean;
}

export function consolePage({ base, hasPlayground, asksForToken }: ConsolePageParts): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>shardgate console</title>
    <link rel="icon" href="${base}icon.svg" />
    <link rel="stylesheet" href="${base}console.css" />
    <script type="module" src="${base}console.js"></script>
  </head>
  <body>
    <noscript>The console needs JavaScript. The same data are at <a href="nodes">/nodes</a> and <a href="shards">/shards</a>.</noscript>
    <div id="console" data-playground="${hasPlayground}" data-asks-for-token="${asksForToken}"></div>
  </body>
</html>
`;
}

export const missingPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>shardgate console</title>
  </head>
  <body>
    <h1>The console is not built</h1>
    <p>
      The gateway works; only the files of this page are missing. <code>npm run build</code> makes them. GraphQL is at
      <a href="graphql">/graphql</a>, the cluster at <a href="nodes">/nodes</a> and <a href="shards">/shards</a>.
    </p>
  </body>
</html>
`;
