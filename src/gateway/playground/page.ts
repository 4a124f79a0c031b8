/** The playground's two pages. Scripts and styles are files, because the Content-Security-Policy forbids them inline. */

/** `base` is the path of the folder that the files are served from, a slash at the end. */
export function playgroundPage(base: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>shardgate playground</title>
    <link rel="icon" href="${base}icon.svg" />
    <link rel="stylesheet" href="${base}graphiql.css" />
    <link rel="stylesheet" href="${base}playground.css" />
    <script defer src="${base}graphiql.js"></script>
    <script type="module" src="${base}boot.js"></script>
  </head>
  <body>
    <noscript>The playground needs JavaScript.</noscript>
    <main id="root"></main>
  </body>
</html>
`;
}

export const missingPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>shardgate playground</title>
  </head>
  <body>
    <h1>The playground is not built</h1>
    <p>GraphQL is served here; only the files of this page are missing. <code>npm run build</code> makes them.</p>
  </body>
</html>
`;
