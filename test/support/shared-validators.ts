/**
 * The REST apps of one process share their validators. Each app would compile the meta-schema of JSON Schema and the same
 * route schemas anew, which is most of what a gateway costs that lives for one test; a real process has one app.
 */
import { createRequire } from "node:module";

const requireHere = createRequire(import.meta.url);
const compilerPath = createRequire(requireHere.resolve("fastify")).resolve("@fastify/ajv-compiler");
// The compiler keeps a validator for each set of schemas and options; fastify makes such a compiler for each app.
const createCompiler = requireHere(compilerPath) as () => unknown;
const compiler = createCompiler();
const loaded = requireHere.cache[compilerPath];
if (loaded === undefined) throw new Error(`${compilerPath} is not in the cache of modules.`);
loaded.exports = () => compiler;
