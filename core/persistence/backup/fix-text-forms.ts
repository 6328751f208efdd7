// How values are written as text, whatever the server, the database or the role has set: the same in every backup.
import type { Client } from "pg";

const FORMS = {
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  bytea_output: "hex",
  // The shortest text that is exactly that number.
  extra_float_digits: "1",
  client_encoding: "UTF8",
};

/** Until the transaction ends. For both ways of COPY: 01.02.2026 is another day where months come first. */
export async function fixTextForms(client: Client): Promise<void> {
  for (const [name, value] of Object.entries(FORMS)) {
    await client.query("select set_config($1, $2, true)", [name, value]);
  }
}
