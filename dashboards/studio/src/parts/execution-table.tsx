// Executions as a table.
import { Table } from "@mantine/core";
import type { Reply } from "../api/client.ts";
import { useWorkflows } from "../queries/use-workflows.ts";
import { durationOf, Instant } from "./instant.tsx";
import { TextLink } from "./links.tsx";
import { readable } from "./readable.ts";
import { StatusBadge } from "./status-badge.tsx";

type Summary = Reply<"GET /api/executions">["items"][number];

export function ExecutionTable({ executions }: { executions: readonly Summary[] }) {
  const workflows = useWorkflows(undefined);
  const names = new Map(
    workflows.data?.pages.flatMap(({ items }) => items.map(({ id, name }) => [id, readable(name)] as const)),
  );
  return (
    <Table.ScrollContainer minWidth={600}>
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {["Execution", "Workflow", "Status", "Submitted", "Took"].map((title) => (
              <Table.Th key={title} scope="col">
                {title}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {executions.map(({ id, workflowId, version, status, createdAt, startedAt, finishedAt }) => (
            <Table.Tr key={id}>
              <Table.Td className="mono">
                <TextLink to="/executions/$id" params={{ id }}>
                  {id.slice(-12)}
                </TextLink>
              </Table.Td>
              <Table.Td>
                {names.get(workflowId) ?? "–"} v{version}
              </Table.Td>
              <Table.Td>
                <StatusBadge status={status} />
              </Table.Td>
              <Table.Td>
                <Instant at={createdAt} />
              </Table.Td>
              <Table.Td>{durationOf(startedAt, finishedAt)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
