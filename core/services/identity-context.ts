// What the steps of identity share.
import type { AccessTokens } from "../crypto/access-tokens.ts";
import type { PasswordHasher } from "../crypto/passwords.ts";
import type { Database } from "../persistence/database.ts";
import type { ActorCache } from "./actor-cache.ts";
import type { SignupPolicy } from "./signup-policy.ts";

export type IdentityDependencies = {
  database: Database;
  hasher: PasswordHasher;
  accessTokens: AccessTokens;
  signupPolicy: SignupPolicy;
  actors: ActorCache;
};

export type IdentityContext = IdentityDependencies;
