// Ends the second factor, for who has the password and a code.
import { Button, Group, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useFormAction } from "../parts/use-form-action.ts";
import { disableTotp } from "../queries/use-account.ts";

export function DisableTotp({ onDone }: { onDone: () => unknown }) {
  const form = useForm({ mode: "uncontrolled", initialValues: { password: "", totp: "" } });
  const action = useFormAction(form, async ({ password, totp }) => {
    await disableTotp({ password, totp: totp.trim() });
    await onDone();
  });
  return (
    <form onSubmit={action.submit}>
      <Stack gap="sm">
        <Group align="end">
          <PasswordInput
            key={form.key("password")}
            label="Your password"
            autoComplete="current-password"
            required
            w={220}
            {...form.getInputProps("password")}
          />
          <TextInput
            key={form.key("totp")}
            label="Code"
            autoComplete="one-time-code"
            required
            w={140}
            {...form.getInputProps("totp")}
          />
          <Button type="submit" color="red" variant="outline" loading={action.pending}>
            Disable
          </Button>
        </Group>
        <ProblemAlert error={action.error} shown={action.fields} />
      </Stack>
    </form>
  );
}
