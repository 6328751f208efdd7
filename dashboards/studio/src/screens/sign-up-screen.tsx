// Sign up, by invitation where an invite link brought one, with the setup token where the server asks for it.
import { Alert, Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { hasCode } from "../api/problem.ts";
import { TextLink } from "../parts/links.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useFormAction } from "../parts/use-form-action.ts";
import { register } from "../queries/use-identity.ts";

const MIN_PASSWORD = 8;
const empty = { email: "", name: "", password: "", setupToken: "" };

export function SignUpScreen() {
  const { next } = useSearch({ from: "/guest/signup" });
  // Behind the #, where it reaches no server's log.
  const invite = useLocation({ select: ({ hash }) => hash });
  const [asksToken, askToken] = useState(false);
  const navigate = useNavigate();
  const form = useForm({ mode: "uncontrolled", initialValues: empty, validate: { password: tooShort } });
  const action = useFormAction(form, async ({ name, setupToken, ...rest }) => {
    try {
      const given = { ...(name.trim() !== "" && { name: name.trim() }), ...(invite !== "" && { invite }) };
      await register({ ...rest, ...given, ...(setupToken !== "" && { setupToken }) });
    } catch (error) {
      if (hasCode(error, "setup_token_required")) askToken(true);
      throw error;
    }
    await navigate({ href: next ?? "/workflows" });
  });
  const input = (name: keyof typeof empty) => ({ key: form.key(name), ...form.getInputProps(name) });
  const { key: tokenKey, ...tokenProps } = input("setupToken");
  const { key: emailKey, ...emailProps } = input("email");
  const { key: nameKey, ...nameProps } = input("name");
  const { key: passwordKey, ...passwordProps } = input("password");
  return (
    <Page title="Sign up">
      {invite !== "" && (
        <Alert variant="outline">You were invited: use the e-mail address the invitation was sent to.</Alert>
      )}
      <form onSubmit={action.submit}>
        <Stack>
          <TextInput
            key={emailKey}
            label="E-mail"
            type="email"
            autoComplete="username"
            required
            {...emailProps}
          />
          <TextInput key={nameKey} label="Name" autoComplete="name" {...nameProps} />
          <PasswordInput
            key={passwordKey}
            label="Password"
            description={`At least ${MIN_PASSWORD} characters; a few words make a good one`}
            autoComplete="new-password"
            required
            {...passwordProps}
          />
          {asksToken && (
            <PasswordInput
              key={tokenKey}
              label="Setup token"
              description="SETUP_TOKEN of the server"
              required
              {...tokenProps}
            />
          )}
          <ProblemAlert error={action.error} shown={action.fields} />
          <Button type="submit" loading={action.pending}>
            Sign up
          </Button>
        </Stack>
      </form>
      <Text size="sm">
        Have an account?{" "}
        <TextLink to="/login" search={next ? { next } : {}} hash preload="render">
          Log in
        </TextLink>
      </Text>
    </Page>
  );
}

function tooShort(password: string): string | null {
  return password.length < MIN_PASSWORD ? `Use at least ${MIN_PASSWORD} characters` : null;
}
