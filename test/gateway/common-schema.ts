/**
 * The schema of every gateway. Creating it costs more than most tests, and schemas never change, so tests share one.
 */
import { createExecutableSchema } from "../../src/gateway/graphql/schema.js";

export const commonSchema = createExecutableSchema();
