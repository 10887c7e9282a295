// Runs the audits of the npm package graphql-http against a hub and prints them as one JSON list.
// node graphql_http_audit.mjs PACKAGE_FOLDER URL; the token is in the environment, HUB_TOKEN.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, url] = process.argv.slice(2);
const library = pathToFileURL(join(folder, "node_modules/graphql-http/lib/index.mjs"));
const { auditServer } = await import(library.href);

const fetchFn = (target, options = {}) =>
  fetch(target, {
    ...options,
    headers: { ...options.headers, authorization: `Bearer ${process.env.HUB_TOKEN}` },
  });

const results = await auditServer({ url, fetchFn });
console.log(
  JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))),
);
