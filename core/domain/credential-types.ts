// Every type of credential there is, as data: what its data holds, who may make it, and which parts of it are secret.
import { z } from "zod";
import { isHeaderName, isRefusedHeader } from "./refused-headers.ts";

export type CredentialFields = Readonly<Record<string, string>>;

/** A credential as a node gets it: never a reference, always one of the types that hold the secret themselves. */
export type PlainCredential = { type: string; fields: CredentialFields };

export type CredentialType = {
  type: string;
  data: z.ZodType<Readonly<Record<string, unknown>>>;
  /** Names hosts of its own accord or not at all: then `allowedHosts` may be empty. */
  namesItsHost?: true;
  /** It reaches for what belongs to the operator: only instance admins make or change it. */
  adminOnly?: true;
  /** The one secret field; what a reference leads to takes its place. References have none. */
  secret?: string;
};

const MAX_SECRET = 8_192;

// What a header can carry: visible Latin-1 with single spaces inside. A pasted line break is the usual fault.
const headerText = z
  .string()
  .max(MAX_SECRET)
  .regex(/^[\x21-\x7e\xa1-\xff]([\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa1-\xff])?$/, {
    error: "must be text without line breaks, control characters or spaces at its ends",
  });
const secretText = z
  .string()
  .min(1)
  .max(MAX_SECRET)
  .regex(/^\P{Cc}+$/u, { error: "must not hold control characters or line breaks" });
const userName = secretText.regex(/^[^:]*$/, { error: "must not hold a colon" });
const headerName = z
  .string()
  .max(100)
  .refine((name) => isHeaderName(name) && !isRefusedHeader(name), {
    error:
      "must be the name of a header, and none that belongs to the connection (Host, Connection, Proxy-…)",
  });

const vaultPath = z.string().regex(/^(?!.*(^|\/)\.+(\/|$))[\w.-]+(\/[\w.-]+)*$/, {
  error: "must be words joined by /",
});

/** What a reference stands for: one of these types without its secret field. */
const standsFor = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("http.bearer") }),
    z.strictObject({ type: z.literal("http.basic"), username: userName }),
    z.strictObject({ type: z.literal("http.header"), name: headerName }),
    z.strictObject({ type: z.literal("postgres") }),
  ])
  .default({ type: "http.bearer" });

const types: readonly CredentialType[] = [
  { type: "http.bearer", data: z.strictObject({ token: headerText }), secret: "token" },
  {
    type: "http.basic",
    data: z.strictObject({ username: userName, password: secretText }),
    secret: "password",
  },
  { type: "http.header", data: z.strictObject({ name: headerName, value: headerText }), secret: "value" },
  {
    type: "postgres",
    data: z.strictObject({
      url: z
        .url({
          protocol: /^postgres(ql)?$/,
          hostname: /./,
          error: "must be postgres://user:password@host/database",
        })
        .max(MAX_SECRET),
    }),
    secret: "url",
    namesItsHost: true,
  },
  {
    type: "ref.env",
    data: z.strictObject({
      name: z.string().regex(/^ATELIER_SECRET_[A-Z0-9_]{1,100}$/, {
        error: "must be a variable of the worker's environment whose name begins with ATELIER_SECRET_",
      }),
      as: standsFor,
    }),
    adminOnly: true,
  },
  {
    type: "ref.file",
    data: z.strictObject({
      path: z
        .string()
        .min(1)
        .max(1_000)
        .regex(/^(?![/\\])\P{Cc}+$/u, { error: "must be a path inside SECRETS_DIR, not an absolute one" }),
      as: standsFor,
    }),
    adminOnly: true,
  },
  {
    type: "ref.vault",
    data: z.strictObject({
      url: z.url({ protocol: /^https?$/, error: "must be the address of the Vault server" }).max(2_000),
      mount: vaultPath.max(200).default("secret"),
      path: vaultPath.max(500),
      field: z.string().min(1).max(200),
      token: headerText,
      namespace: headerText.optional(),
      as: standsFor,
    }),
    adminOnly: true,
  },
];

/** By type. A family that brings a type of its own adds a line above. */
export const credentialTypes: ReadonlyMap<string, CredentialType> = new Map(
  types.map((one) => [one.type, one]),
);

export const CREDENTIAL_TYPE_NAMES: readonly string[] = types.map(({ type }) => type);

/** Slots that take HTTP credentials take what may stand for one; what it stands for is known at run time only. */
export const HTTP_CREDENTIALS = [
  "http.bearer",
  "http.basic",
  "http.header",
  "ref.env",
  "ref.file",
  "ref.vault",
];

/** The same for slots that take a database. */
export const DATABASE_CREDENTIALS = ["postgres", "ref.env", "ref.file", "ref.vault"];

export type StandsFor = z.infer<typeof standsFor>;

/** The credential a reference stands for, once its value is known; null when the value does not fit the type. */
export function fillReference({ type, ...rest }: StandsFor, value: string): PlainCredential | null {
  const known = credentialTypes.get(type);
  const filled = known?.data.safeParse({ ...rest, [known.secret ?? ""]: value });
  return filled?.success ? { type, fields: filled.data as CredentialFields } : null;
}

/** Every text by which the secret could show: the secret itself, and what is sent in its place. */
export function secretsOf({ type, fields }: PlainCredential): string[] {
  const secret = fields[credentialTypes.get(type)?.secret ?? ""];
  if (secret === undefined) return Object.values(fields);
  if (type === "http.basic") return [secret, `${fields.username}:${secret}`];
  if (type === "postgres") return [secret, ...passwordsIn(secret)];
  return [secret];
}

function passwordsIn(url: string): string[] {
  const encoded = URL.parse(url)?.password ?? "";
  try {
    return [encoded, decodeURIComponent(encoded)];
  } catch {
    return [encoded];
  }
}
