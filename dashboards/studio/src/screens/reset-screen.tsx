// A new password for who holds a reset link: /reset#token.
import { Alert, Button, PasswordInput, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useLocation } from "@tanstack/react-router";
import { TextLink } from "../parts/links.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useFormAction } from "../parts/use-form-action.ts";
import { resetPassword } from "../queries/use-account.ts";

export function ResetScreen() {
  const token = useLocation({ select: ({ hash }) => hash });
  const form = useForm({ mode: "uncontrolled", initialValues: { password: "" } });
  const action = useFormAction(form, ({ password }) => resetPassword({ token, password }));
  if (action.done) {
    return (
      <Page title="New password">
        <Alert role="status" variant="outline" color="teal" title="The new password is set">
          Every session has ended. <TextLink to="/login">Log in with it</TextLink>
        </Alert>
      </Page>
    );
  }
  return (
    <Page title="New password">
      {token === "" && (
        <Alert color="red" variant="outline" title="This link is not whole">
          Open it from the message you got, or ask an administrator for another one.
        </Alert>
      )}
      <form onSubmit={action.submit}>
        <Stack>
          <PasswordInput
            key={form.key("password")}
            label="New password"
            description="At least 8 characters"
            autoComplete="new-password"
            required
            minLength={8}
            {...form.getInputProps("password")}
          />
          <ProblemAlert error={action.error} shown={action.fields} />
          <Button type="submit" loading={action.pending} disabled={token === ""}>
            Set the password
          </Button>
        </Stack>
      </form>
    </Page>
  );
}
