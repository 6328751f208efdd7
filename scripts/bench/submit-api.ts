// An api for one measurement: as in production, but for the audit log of submissions it is told to write.
import { loadConfig } from "#core/config.ts";
import { createLogger } from "#core/logger.ts";
import { startApi } from "../../api/main.ts";
import { chooseAppend, VARIANTS } from "./append-variants.ts";

const variant = VARIANTS.find((name) => name === process.argv[2]);
if (variant === undefined) throw new Error(`one of ${VARIANTS.join(", ")}, please`);
const config = loadConfig("api");
const server = await startApi(config, createLogger("api", config.logLevel), {
  appendSubmissions: chooseAppend(variant),
});
process.once("SIGTERM", () => void server.stop().then(() => process.exit()));
process.send?.("ready");
