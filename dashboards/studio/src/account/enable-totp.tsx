// The secret as a QR code and as text, and the first code that proves it has arrived.
import { Button, Code, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { QRCodeSVG } from "qrcode.react";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useFormAction } from "../parts/use-form-action.ts";
import { enableTotp } from "../queries/use-account.ts";

export type TotpSecret = { secret: string; uri: string };
type Props = { secret: TotpSecret; onEnabled: (recoveryCodes: readonly string[]) => void };

export function EnableTotp({ secret, onEnabled }: Props) {
  const form = useForm({ mode: "uncontrolled", initialValues: { totp: "" } });
  const action = useFormAction(form, async ({ totp }) => {
    const { recoveryCodes } = await enableTotp(totp.trim());
    onEnabled(recoveryCodes);
  });
  return (
    <Stack gap="sm">
      <Text size="sm">Scan this with your authenticator app, or type the secret into it.</Text>
      <div className="qr">
        <QRCodeSVG value={secret.uri} size={180} title="QR code of the secret" />
      </div>
      <Text size="sm">
        Secret: <Code data-secret>{secret.secret}</Code>
      </Text>
      <form onSubmit={action.submit}>
        <Stack gap="sm" maw={420}>
          <TextInput
            key={form.key("totp")}
            label="Code"
            description="The six digits the app shows now"
            autoComplete="one-time-code"
            inputMode="numeric"
            required
            {...form.getInputProps("totp")}
          />
          <ProblemAlert error={action.error} shown={action.fields} />
          <Button type="submit" loading={action.pending} w="fit-content">
            Enable
          </Button>
        </Stack>
      </form>
    </Stack>
  );
}
