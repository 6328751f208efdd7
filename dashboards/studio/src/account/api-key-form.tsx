// A new key: its name, what it may do, where, and for how long.
import { Button, Checkbox, Group, NativeSelect, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { hasCode } from "../api/problem.ts";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { readable } from "../parts/readable.ts";
import { useFormAction } from "../parts/use-form-action.ts";
import { useWorkspace } from "../parts/use-workspace.ts";
import { createApiKey, type NewApiKey } from "../queries/use-api-keys.ts";

type Values = {
  name: string;
  scopes: NewApiKey["scopes"][number][];
  workspaceId: string;
  expiresInDays: string;
  password: string;
};

const SCOPES = [
  ["read", "Read: see workflows and executions"],
  ["run", "Run: start, cancel and retry executions"],
  ["approve", "Approve: decide approvals for you"],
  ["write", "Write: change workflows and credentials"],
  ["admin", "Admin: members, exports, and the instance if you administer it"],
] as const;
const initialValues: Values = {
  name: "",
  scopes: ["read"],
  workspaceId: "",
  expiresInDays: "90",
  password: "",
};

export function ApiKeyForm({ onMade }: { onMade: (key: string) => void }) {
  const { workspaces } = useWorkspace();
  const [isProofAsked, setProofAsked] = useState(false);
  const form = useForm({
    mode: "uncontrolled",
    initialValues,
    validate: { scopes: (scopes) => (scopes.length === 0 ? "Choose at least one" : null) },
  });
  const action = useFormAction(form, async ({ name, scopes, workspaceId, expiresInDays, password }) => {
    const where = workspaceId === "" ? {} : { workspaceId };
    const proof = password === "" ? {} : { password };
    const wish = { name, scopes, expiresInDays: Number(expiresInDays), ...where, ...proof };
    const { key } = await createApiKey(wish).catch((error: unknown) => {
      if (hasCode(error, "password_required")) setProofAsked(true);
      throw error;
    });
    setProofAsked(false);
    form.reset();
    onMade(key);
  });
  const days = ["7", "30", "90", "365"].map((value) => ({ value, label: `${value} days` }));
  const places = workspaces.map(({ id, name }) => ({ value: id, label: readable(name) }));
  return (
    <form onSubmit={action.submit}>
      <Stack gap="sm">
        <TextInput
          key={form.key("name")}
          label="Name"
          required
          maxLength={200}
          maw={420}
          {...form.getInputProps("name")}
        />
        <Checkbox.Group key={form.key("scopes")} label="Scopes" {...form.getInputProps("scopes")}>
          <Stack gap="xs" mt="xs">
            {SCOPES.map(([value, label]) => (
              <Checkbox key={value} value={value} label={label} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Group>
          <NativeSelect
            key={form.key("workspaceId")}
            label="Good for"
            data={[{ value: "", label: "All my workspaces" }, ...places]}
            {...form.getInputProps("workspaceId")}
          />
          <NativeSelect
            key={form.key("expiresInDays")}
            label="Expires in"
            data={days}
            {...form.getInputProps("expiresInDays")}
          />
        </Group>
        {isProofAsked && (
          <PasswordInput
            key={form.key("password")}
            label="Your password"
            autoComplete="current-password"
            required
            maw={420}
            {...form.getInputProps("password")}
          />
        )}
        <ProblemAlert error={action.error} shown={action.fields} />
        <Button type="submit" variant="default" loading={action.pending} w="fit-content">
          Make a key
        </Button>
      </Stack>
    </form>
  );
}
