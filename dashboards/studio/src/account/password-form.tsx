// A new password for who knows the old one.
import { Alert, Button, Checkbox, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useFormAction } from "../parts/use-form-action.ts";
import { changePassword } from "../queries/use-account.ts";
import { Section } from "./section.tsx";

const initialValues = { currentPassword: "", newPassword: "", revokeApiKeys: false };

export function PasswordForm() {
  const client = useQueryClient();
  const [liveKeys, setLiveKeys] = useState(0);
  const form = useForm({ mode: "uncontrolled", initialValues });
  const action = useFormAction(form, async (values) => {
    const { liveApiKeys } = await changePassword(values);
    setLiveKeys(liveApiKeys);
    form.reset();
    void client.invalidateQueries({ queryKey: ["api-keys"] });
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
          <Checkbox
            key={form.key("revokeApiKeys")}
            label="Also revoke all my API keys"
            {...form.getInputProps("revokeApiKeys", { type: "checkbox" })}
          />
          <ProblemAlert error={action.error} shown={action.fields} />
          {action.done && (
            <Alert role="status" variant="outline" color="teal">
              The password is changed.
              {liveKeys > 0 && ` API keys that still open this account: ${liveKeys}.`}
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
