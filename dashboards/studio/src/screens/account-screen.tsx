// My account: how I sign in, where I am signed in, and which programs may act for me.
import { ApiKeys } from "../account/api-keys.tsx";
import { PasswordForm } from "../account/password-form.tsx";
import { SecondFactor } from "../account/second-factor.tsx";
import { Sessions } from "../account/sessions.tsx";
import { Page } from "../parts/page.tsx";

export function AccountScreen() {
  return (
    <Page title="Account">
      <PasswordForm />
      <SecondFactor />
      <Sessions />
      <ApiKeys />
    </Page>
  );
}
