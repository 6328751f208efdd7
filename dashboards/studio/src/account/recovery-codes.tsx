// The recovery codes, shown this one time.
import { Alert, Button, Code, Group, Stack } from "@mantine/core";
import { CopyText } from "../parts/copy-text.tsx";

export function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const text = codes.join("\n");
  return (
    <Stack gap="sm">
      <Alert role="status" variant="outline" color="teal" title="The second factor is on">
        Keep these recovery codes where you keep what must not get lost. Each signs you in once without your
        authenticator; they are not shown again.
      </Alert>
      <Code block role="region" aria-label="Recovery codes" tabIndex={0}>
        {text}
      </Code>
      <Group>
        <CopyText text={text}>Copy the codes</CopyText>
        <Button variant="default" onClick={onDone}>
          I have kept them
        </Button>
      </Group>
    </Stack>
  );
}
