// What the commands do, each in one transaction with its entry in the log. Nobody is the actor: it is not known who.
import { loadConfig } from "../../core/config.ts";
import { AppError } from "../../core/domain/app-error.ts";
import { normaliseEmail } from "../../core/domain/email.ts";
import { tokenLink } from "../../core/domain/token-link.ts";
import { appendAudit, INSTANCE_CHAIN } from "../../core/persistence/audit/audit-logs.ts";
import { type Database, type Executor, NOBODY } from "../../core/persistence/database.ts";
import {
  type CommandLineUser,
  clearTotp,
  enableUser,
  listUsersByAge,
  lockUserByEmail,
  makeAdmin,
  revokeKeysOf,
} from "../../core/persistence/identity/command-line-users.ts";
import { announceIdentityChange } from "../../core/persistence/identity/identity-changes.ts";
import { createResetToken } from "../../core/services/identity/create-reset-token.ts";
import type { AdminCommand } from "./read-arguments.ts";

export type AdminContext = {
  database: Database;
  databaseUrl: string;
  env: NodeJS.ProcessEnv;
  print: (line: string) => void;
};

const PAGE = 500;

/** Throws `admin_refused` with what to do instead. */
export async function runAdminCommand(context: AdminContext, command: AdminCommand): Promise<void> {
  const { database } = context;
  if (command.act === "help") return;
  if (command.act === "list") return list(context);
  const email = normaliseEmail(command.email);
  const said = await database.transaction(NOBODY, async (tx) => {
    const user = await lockUserByEmail(tx, email);
    if (!user)
      throw new AppError("admin_refused", `Nobody is registered as ${email}; see: npm run admin -- list`);
    const { action, details, said } = await ACTS[command.act](tx, user, { context, command });
    await announceIdentityChange(tx, [user.id]);
    await record(tx, action, user.id, details);
    return said;
  });
  for (const line of said) context.print(line);
}

type Act = (
  tx: Executor,
  user: CommandLineUser,
  more: { context: AdminContext; command: AdminCommand },
) => Promise<{ action: string; details: Record<string, unknown>; said: string[] }>;

const ACTS: Readonly<Record<Exclude<AdminCommand["act"], "help" | "list">, Act>> = {
  async "make-admin"(tx, user) {
    if (user.isAdmin) throw new AppError("admin_refused", `${user.email} is an administrator already`);
    await makeAdmin(tx, user.id);
    const said = [`${user.email} is an administrator now`];
    if (user.disabled) said.push("and is still disabled; see: npm run admin -- enable EMAIL");
    return { action: "user.changed", details: { isAdmin: true }, said };
  },
  async enable(tx, user) {
    if (!user.disabled) throw new AppError("admin_refused", `${user.email} is not disabled`);
    await enableUser(tx, user.id);
    return {
      action: "user.changed",
      details: { disabled: false },
      said: [`${user.email} may sign in again`],
    };
  },
  async "revoke-keys"(tx, user) {
    const revoked = await revokeKeysOf(tx, user.id);
    const said = [`${revoked} API keys of ${user.email} worked until now`];
    return { action: "user.api_keys_revoked", details: { revoked }, said };
  },
  async "disable-totp"(tx, user, { command }) {
    if (!user.totpEnabled) throw new AppError("admin_refused", `${user.email} has no second factor`);
    await clearTotp(tx, user.id);
    const reason = command.act === "disable-totp" ? command.reason : "";
    return {
      action: "user.mfa_reset",
      details: { reason },
      said: [`${user.email} signs in without a second factor`],
    };
  },
  async "reset-link"(tx, user, { context: { env, databaseUrl } }) {
    if (user.disabled) throw new AppError("admin_refused", `${user.email} is disabled; enable them first`);
    const { HOST, PORT, PUBLIC_URL } = env;
    const { publicUrl } = loadConfig("migrate", {
      DATABASE_URL: databaseUrl,
      HOST,
      PORT,
      PUBLIC_URL,
      ALLOW_PLAINTEXT: env.ALLOW_PLAINTEXT,
    });
    const { token, expiresAt } = await createResetToken(tx, { userId: user.id, createdBy: null });
    const said = [tokenLink(publicUrl, "/reset", token), `Good once, until ${expiresAt}`];
    return { action: "user.reset_link_created", details: { expiresAt }, said };
  },
};

async function list({ database, print }: AdminContext): Promise<void> {
  const header = ["EMAIL", "NAME", "ADMIN", "DISABLED", "TOTP", "SINCE"];
  print(header.join("\t"));
  let after: string | null = null;
  for (;;) {
    const place: string | null = after;
    const page: CommandLineUser[] = await database.transaction(NOBODY, (tx) =>
      listUsersByAge(tx, place, PAGE),
    );
    for (const user of page) print(lineOf(user));
    const last = page.at(-1);
    if (!last) break;
    after = last.id;
  }
  await database.transaction(NOBODY, (tx) => record(tx, "users.listed", null, {}));
}

function lineOf({ email, name, isAdmin, disabled, totpEnabled, createdAt }: CommandLineUser): string {
  const yes = (flag: boolean) => (flag ? "yes" : "-");
  // A name is whatever people typed: no control characters on somebody's terminal.
  const columns = [email, name, yes(isAdmin), yes(disabled), yes(totpEnabled), createdAt.slice(0, 10)];
  return columns.map((text) => text.replace(/\p{C}/gu, "?")).join("\t");
}

function record(tx: Executor, action: string, targetId: string | null, details: Record<string, unknown>) {
  const target = { chainId: INSTANCE_CHAIN, actorId: null, targetType: "user", targetId };
  return appendAudit(tx, [{ ...target, action, details: { ...details, via: "command line" } }]);
}
