// The connection of the database's owner that backups and restores work on, alone and one statement after the other.
import type { Client } from "pg";

/** Without pg's `query_timeout`: a table takes as long as it takes. */
export type OwnerClient = Client;
