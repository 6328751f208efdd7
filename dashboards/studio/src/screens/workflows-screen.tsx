// The workflows of the workspace that is chosen.
import { Table } from "@mantine/core";
import { EmptyNote } from "../parts/empty-note.tsx";
import { Instant } from "../parts/instant.tsx";
import { TextLink } from "../parts/links.tsx";
import { MoreButton } from "../parts/more-button.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { readable } from "../parts/readable.ts";
import { WaitingScreen } from "../parts/stand-in-screens.tsx";
import { useWorkspace } from "../parts/use-workspace.ts";
import { useWorkflows } from "../queries/use-workflows.ts";

export function WorkflowsScreen() {
  const { current, known, error } = useWorkspace();
  // Not before: a list of all would come up, and go under the hand that points at it.
  const list = useWorkflows(current?.id, known);
  const workflows = list.data?.pages.flatMap((page) => page.items);
  return (
    <Page title="Workflows">
      <ProblemAlert error={list.error ?? error} />
      {list.isPending && !error && <WaitingScreen />}
      {workflows?.length === 0 && (
        <EmptyNote title="No workflow here yet">
          Make the first one with <code>POST /api/workflows</code> (<a href="/docs">how to</a>), or run{" "}
          <code>npm run demo</code> beside the server: it makes one and runs it.
        </EmptyNote>
      )}
      {workflows && workflows.length > 0 && (
        <Table.ScrollContainer minWidth={500}>
          <Table highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Name</Table.Th>
                <Table.Th scope="col">Version</Table.Th>
                <Table.Th scope="col">Changed</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {workflows.map(({ id, name, version, updatedAt }) => (
                <Table.Tr key={id}>
                  <Table.Td>
                    <TextLink to="/workflows/$id" params={{ id }}>
                      {readable(name)}
                    </TextLink>
                  </Table.Td>
                  <Table.Td>{version}</Table.Td>
                  <Table.Td>
                    <Instant at={updatedAt} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <MoreButton list={list} />
    </Page>
  );
}
