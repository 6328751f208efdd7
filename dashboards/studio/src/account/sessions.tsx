// Where I am signed in, and the end of it.
import { Badge, Button, Table, Text } from "@mantine/core";
import { Instant } from "../parts/instant.tsx";
import { MoreButton } from "../parts/more-button.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { readable } from "../parts/readable.ts";
import { useEndSessions, useSessions } from "../queries/use-account.ts";
import { Section } from "./section.tsx";

export function Sessions() {
  const list = useSessions();
  const end = useEndSessions();
  const sessions = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section title="Sessions">
      <ProblemAlert error={list.error ?? end.error} />
      <Table.ScrollContainer minWidth={600}>
        <Table aria-label="Sessions">
          <Table.Thead>
            <Table.Tr>
              {["Browser or program", "Address", "Since", "Last used", "Action"].map((title) => (
                <Table.Th key={title} scope="col">
                  {title}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {sessions.map(({ id, client, userAgent, createdAt, lastUsedAt, current }) => (
              <Table.Tr key={id}>
                <Table.Td maw={280}>
                  <Text size="sm" lineClamp={2}>
                    {readable(userAgent) || "unknown"}
                  </Text>
                </Table.Td>
                <Table.Td className="mono">{client}</Table.Td>
                <Table.Td>
                  <Instant at={createdAt} />
                </Table.Td>
                <Table.Td>
                  <Instant at={lastUsedAt} />
                </Table.Td>
                <Table.Td>
                  {current ? (
                    <Badge variant="dot" color="teal" tt="none">
                      this one
                    </Badge>
                  ) : (
                    <Button variant="default" size="compact-sm" onClick={() => end.mutate(id)}>
                      End
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <MoreButton list={list} />
      {sessions.length > 1 && (
        <Button variant="default" w="fit-content" loading={end.isPending} onClick={() => end.mutate(null)}>
          End all others
        </Button>
      )}
    </Section>
  );
}
