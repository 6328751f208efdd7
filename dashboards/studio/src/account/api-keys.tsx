// Keys for programs: made, shown once, revoked.
import { Alert, Button, Code, Group, Stack, Table, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { CopyText } from "../parts/copy-text.tsx";
import { Instant } from "../parts/instant.tsx";
import { MoreButton } from "../parts/more-button.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { readable } from "../parts/readable.ts";
import { type ApiKey, useApiKeys, useRevokeApiKey } from "../queries/use-api-keys.ts";
import { ApiKeyForm } from "./api-key-form.tsx";
import { Section } from "./section.tsx";

export function ApiKeys() {
  const list = useApiKeys();
  const client = useQueryClient();
  const [made, setMade] = useState<string | null>(null);
  const keys = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section title="API keys">
      <Text size="sm" c="dimmed">
        A program sends one as <Code>Authorization: Bearer atl_…</Code> and may do what its scopes and your
        roles allow.
      </Text>
      {made && <NewKey text={made} onDone={() => setMade(null)} />}
      <ApiKeyForm
        onMade={(key) => {
          setMade(key);
          void client.invalidateQueries({ queryKey: ["api-keys"] });
        }}
      />
      <ProblemAlert error={list.error} />
      {keys.length > 0 && <KeyTable keys={keys} />}
      <MoreButton list={list} />
    </Section>
  );
}

function NewKey({ text, onDone }: { text: string; onDone: () => void }) {
  return (
    <Alert role="status" variant="outline" color="teal" title="Your new key, shown this once">
      <Stack gap="xs">
        <Code block role="region" aria-label="New API key" tabIndex={0}>
          {text}
        </Code>
        <Group>
          <CopyText text={text}>Copy the key</CopyText>
          <Button variant="default" onClick={onDone}>
            I have kept it
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}

function KeyTable({ keys }: { keys: readonly ApiKey[] }) {
  const revoke = useRevokeApiKey();
  return (
    <>
      <ProblemAlert error={revoke.error} />
      <Table.ScrollContainer minWidth={600}>
        <Table aria-label="API keys">
          <Table.Thead>
            <Table.Tr>
              {["Name", "Key", "Scopes", "Expires", "Last used", "Action"].map((title) => (
                <Table.Th key={title} scope="col">
                  {title}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {keys.map(({ id, name, hint, scopes, expiresAt, lastUsedAt, revokedAt }) => (
              <Table.Tr key={id}>
                <Table.Td>{readable(name)}</Table.Td>
                <Table.Td className="mono">{hint}…</Table.Td>
                <Table.Td>{scopes.join(", ")}</Table.Td>
                <Table.Td>
                  <Instant at={expiresAt} />
                </Table.Td>
                <Table.Td>
                  <Instant at={lastUsedAt} />
                </Table.Td>
                <Table.Td>
                  {revokedAt ? (
                    "revoked"
                  ) : (
                    <Button
                      variant="default"
                      size="compact-sm"
                      aria-label={`Revoke ${readable(name)}`}
                      onClick={() => revoke.mutate(id)}
                    >
                      Revoke
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}
