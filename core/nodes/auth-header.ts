// The one header by which an HTTP credential shows itself.
import { AppError } from "#core/domain/app-error.ts";
import type { PlainCredential } from "#core/domain/credential-types.ts";

/** One name and its value. Throws `credential_refused` for what is no HTTP credential. */
export function authHeader({ type, fields }: PlainCredential): Record<string, string> {
  const { token = "", username = "", password = "", name = "", value = "" } = fields;
  switch (type) {
    case "http.bearer":
      return { Authorization: `Bearer ${token}` };
    case "http.basic":
      return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
    case "http.header":
      return { [name]: value };
    default:
      throw new AppError("credential_refused", `A credential of type ${type} cannot go into an HTTP request`);
  }
}
