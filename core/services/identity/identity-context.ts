// What the steps of identity share.
import type { AccessTokens } from "../../crypto/access-tokens.ts";
import type { Envelope } from "../../crypto/envelope.ts";
import type { PasswordHasher } from "../../crypto/passwords.ts";
import type { Database } from "../../persistence/database.ts";
import type { SessionLimits } from "../../persistence/identity/sessions.ts";
import type { ActorCache } from "./actor-cache.ts";
import type { SignupPolicy } from "./signup-policy.ts";

export type IdentityContext = {
  database: Database;
  hasher: PasswordHasher;
  accessTokens: AccessTokens;
  /** Seals the secrets of second factors. */
  envelope: Envelope;
  signupPolicy: SignupPolicy;
  sessionLimits: SessionLimits;
  actors: ActorCache;
};
