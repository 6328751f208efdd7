// passport without sessions: the local strategy checks a password, the bearer strategy looks up an access token or API key.
import type { Request, Response } from "express";
import passportModule, { type Strategy } from "passport";
import { Strategy as LocalStrategy } from "passport-local";
import { isApiKey } from "#core/crypto/api-keys.ts";
import { AppError } from "#core/domain/app-error.ts";
import type { Actor } from "#core/domain/roles.ts";
import type { ApiKeyService } from "#core/services/identity/api-keys.ts";
import { wrongPair } from "#core/services/identity/check-password.ts";
import type { IdentityService } from "#core/services/identity/identity.ts";
import { clientOf } from "../routing/client-of.ts";

type Verified = Awaited<ReturnType<IdentityService["checkPassword"]>>;

export type Passport = {
  /** The verified person behind the Bearer token or API key. Throws `unauthenticated`. */
  authenticate(request: Request, response: Response): Promise<Actor>;
  /** The person whose e-mail and password are in the body. Throws `invalid_credentials`. */
  checkPassword(request: Request, response: Response): Promise<Verified>;
};

export function createPassport(identity: IdentityService, apiKeys: ApiKeyService): Passport {
  const passport = new passportModule.Passport();
  passport.use("bearer", bearerStrategy(identity, apiKeys));
  passport.use("local", localStrategy(identity));

  const run = (name: string, refusal: AppError, request: Request, response: Response): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const decide = (error: unknown, user?: unknown) => {
        if (error) reject(error);
        else if (user) resolve(user);
        else reject(refusal);
      };
      passport.authenticate(name, { session: false }, decide)(request, response, reject);
    });

  const noToken = new AppError("unauthenticated", "Send an access token or API key: Authorization: Bearer …");
  return {
    authenticate: (request, response) => run("bearer", noToken, request, response) as Promise<Actor>,
    checkPassword: (request, response) => run("local", wrongPair(), request, response) as Promise<Verified>,
  };
}

/** The token of `Authorization: Bearer …`; never taken from the query or the body, which end up in logs. */
export function bearerToken(request: Request): string | undefined {
  return /^Bearer ([^\s,]+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

function bearerStrategy(identity: IdentityService, apiKeys: ApiKeyService): Strategy {
  return {
    name: "bearer",
    authenticate(request) {
      const token = bearerToken(request);
      if (token === undefined) {
        this.fail(401);
        return;
      }
      const found = isApiKey(token) ? apiKeys.authenticate(token) : identity.authenticate(token);
      found.then(
        (actor) => this.success(actor),
        (error: unknown) => this.error(error),
      );
    },
  };
}

function localStrategy(identity: IdentityService): Strategy {
  const options = { usernameField: "email", passwordField: "password", session: false };
  return new LocalStrategy({ ...options, passReqToCallback: true }, (request, email, password, done) => {
    identity.checkPassword(email, password, clientOf(request)).then(
      (verified) => done(null, verified),
      (error: unknown) => done(error),
    );
  });
}
