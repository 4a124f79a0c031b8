/** The schema of every gateway. Making it costs more than most tests, and schemas never change: one serves all of them. */
import { createExecutableSchema } from "../../src/gateway/graphql/schema.js";

export const commonSchema = createExecutableSchema();
