/** The console's two pages. All that moves on it is made by its script; src/console/ has the source of that. */

/** `base` is the path of the folder that the files are served from, a slash at the end. */
export function consolePage(base: string): string {
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
    <noscript>The console needs JavaScript. The same facts are at <a href="/nodes">/nodes</a> and <a href="/shards">/shards</a>.</noscript>
    <div id="console"></div>
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
      <a href="/graphql">/graphql</a>, the cluster at <a href="/nodes">/nodes</a> and <a href="/shards">/shards</a>.
    </p>
  </body>
</html>
`;
