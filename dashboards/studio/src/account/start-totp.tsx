// The first step to a second factor: the password once more.
import { Button, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useFormAction } from "../parts/use-form-action.ts";
import { setUpTotp } from "../queries/use-account.ts";
import type { TotpSecret } from "./enable-totp.tsx";

export function StartTotp({ onSecret }: { onSecret: (secret: TotpSecret) => void }) {
  const form = useForm({ mode: "uncontrolled", initialValues: { password: "" } });
  const action = useFormAction(form, async ({ password }) => onSecret(await setUpTotp(password)));
  return (
    <form onSubmit={action.submit}>
      <Stack gap="sm" maw={420}>
        <Text size="sm" c="dimmed">
          Off: the password alone signs you in. With an authenticator app a stolen password is not enough.
        </Text>
        <PasswordInput
          key={form.key("password")}
          label="Your password"
          autoComplete="current-password"
          required
          {...form.getInputProps("password")}
        />
        <ProblemAlert error={action.error} shown={action.fields} />
        <Button type="submit" variant="default" loading={action.pending} w="fit-content">
          Set up a second factor
        </Button>
      </Stack>
    </form>
  );
}
