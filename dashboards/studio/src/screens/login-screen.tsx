// Log in with e-mail and password, and with a second factor where one is set up.
import { Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { hasCode } from "../api/problem.ts";
import { TextLink } from "../parts/links.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useFormAction } from "../parts/use-form-action.ts";
import { login } from "../queries/use-identity.ts";

export function LoginScreen() {
  const { next } = useSearch({ from: "/guest/login" });
  // An invitation's token stays behind the #, where it reaches no server's log.
  const invite = useLocation({ select: ({ hash }) => hash });
  const navigate = useNavigate();
  const [asksTotp, askTotp] = useState(false);
  const form = useForm({ mode: "uncontrolled", initialValues: { email: "", password: "", totp: "" } });
  const action = useFormAction(form, async ({ email, password, totp }) => {
    const code = totp.trim();
    try {
      await login({ email, password, ...(code !== "" && { totp: code }) });
    } catch (error) {
      if (!hasCode(error, "totp_required")) throw error;
      askTotp(true);
      return;
    }
    await navigate({ href: invite === "" ? (next ?? "/workflows") : `/invite#${invite}` });
  });
  return (
    <Page title="Log in">
      <form onSubmit={action.submit}>
        <Stack>
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            required
            {...form.getInputProps("email")}
            key={form.key("email")}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            {...form.getInputProps("password")}
            key={form.key("password")}
          />
          {asksTotp && <CodeInput props={form.getInputProps("totp")} />}
          <ProblemAlert error={action.error} shown={action.fields} />
          <Button type="submit" loading={action.pending}>
            Log in
          </Button>
        </Stack>
      </form>
      <Text size="sm">
        No account yet?{" "}
        <TextLink to="/signup" search={next ? { next } : {}} hash preload="render">
          Sign up
        </TextLink>
      </Text>
      <Text size="sm" c="dimmed">
        Forgot the password? An administrator of this instance can make a link that sets a new one.
      </Text>
    </Page>
  );
}

/** One function for good: a new one at every render would draw the focus out of the other fields while they are typed in. */
function focusOnce(input: HTMLInputElement | null): void {
  input?.focus();
}

function CodeInput({ props }: { props: object }) {
  return (
    <TextInput
      label="Code"
      description="The six digits of your authenticator, or one of your recovery codes"
      autoComplete="one-time-code"
      required
      // Comes up in answer to what was just sent: it is the one thing left to fill in.
      ref={focusOnce}
      {...props}
    />
  );
}
