// A new password for who knows the old one.
import { Alert, Button, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useFormAction } from "../parts/use-form-action.ts";
import { changePassword } from "../queries/use-account.ts";
import { Section } from "./section.tsx";

export function PasswordForm() {
  const form = useForm({ mode: "uncontrolled", initialValues: { currentPassword: "", newPassword: "" } });
  const action = useFormAction(form, async (values) => {
    await changePassword(values);
    form.reset();
  });
  return (
    <Section title="Password">
      <Text size="sm" c="dimmed">
        A new password ends every other session.
      </Text>
      <form onSubmit={action.submit}>
        <Stack gap="sm" maw={420}>
          <PasswordInput
            key={form.key("currentPassword")}
            label="Current password"
            autoComplete="current-password"
            required
            {...form.getInputProps("currentPassword")}
          />
          <PasswordInput
            key={form.key("newPassword")}
            label="New password"
            description="At least 8 characters"
            autoComplete="new-password"
            required
            minLength={8}
            {...form.getInputProps("newPassword")}
          />
          <ProblemAlert error={action.error} shown={action.fields} />
          {action.done && (
            <Alert role="status" variant="outline" color="teal">
              The password is changed.
            </Alert>
          )}
          <Button type="submit" variant="default" loading={action.pending} w="fit-content">
            Change password
          </Button>
        </Stack>
      </form>
    </Section>
  );
}
