// Stands for a role in tests of the supervisor: says ready, notes what happens to it, ends when asked.
import { appendFileSync } from "node:fs";

const [name, journal, behaviour = "good"] = process.argv.slice(2);
const note = (event: string) =>
  appendFileSync(
    journal ?? "",
    `${JSON.stringify({
      name,
      event,
      pid: process.pid,
      workerId: process.env.WORKER_ID,
      databaseUrl: process.env.DATABASE_URL,
      port: process.env.PORT,
      jwtSecrets: process.env.JWT_SECRETS,
      egress: process.env.ALLOW_PRIVATE_EGRESS,
      sampleUrl: process.env.SAMPLE_SERVICE_URL,
    })}\n`,
  );

note("start");
if (behaviour === "broken") process.exit(7);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.on(signal, () => {
    note(signal);
    if (behaviour === "slow") setTimeout(finish, 400);
    else if (behaviour !== "stubborn") process.exit(0);
  });
}
function finish(): void {
  note("drained");
  process.exit(0);
}
process.on("disconnect", () => {
  note("disconnect");
  process.exit(0);
});
process.send?.("ready");
