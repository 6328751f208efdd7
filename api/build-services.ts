// The use cases this process offers, made from the database and the configuration.
import type { Config } from "#core/config.ts";
import { createAccessTokens } from "#core/crypto/access-tokens.ts";
import { createPasswordHasher } from "#core/crypto/passwords.ts";
import { createIdentityService } from "#core/services/identity.ts";
import type { IdentityDependencies } from "#core/services/identity-context.ts";

export type ServiceDependencies = Pick<IdentityDependencies, "database" | "actorCacheMs"> & {
  config: Config;
};

export type Services = ReturnType<typeof buildServices>;

export function buildServices({ config, ...shared }: ServiceDependencies) {
  return {
    identity: createIdentityService({
      ...shared,
      hasher: createPasswordHasher(),
      accessTokens: createAccessTokens({ secrets: config.jwtSecrets, issuer: config.publicUrl }),
      signupPolicy: { signup: config.signup, host: config.host, setupToken: config.setupToken },
    }),
  };
}
