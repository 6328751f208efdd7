// One workflow: what it is made of, a run with an input of one's own, and its latest executions.
import { Stack, Table, Text, Title } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { ExecutionTable } from "../parts/execution-table.tsx";
import { JsonBlock } from "../parts/json-block.tsx";
import { TextLink } from "../parts/links.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { readable } from "../parts/readable.ts";
import { RunForm } from "../parts/run-form.tsx";
import { WaitingScreen } from "../parts/stand-in-screens.tsx";
import { useExecutions } from "../queries/use-executions.ts";
import { useWorkflow, type Workflow } from "../queries/use-workflows.ts";

export function WorkflowScreen() {
  const { id } = useParams({ from: "/inside/workflows/$id" });
  const workflow = useWorkflow(id);
  if (workflow.isPending) return <WaitingScreen />;
  // A later fault leaves what is there, and what was typed into it.
  if (workflow.isLoadingError) {
    return (
      <Page title="Workflow">
        <ProblemAlert error={workflow.error} />
      </Page>
    );
  }
  const { name, version, description, graph } = workflow.data;
  return (
    <Page title={readable(name)}>
      <ProblemAlert error={workflow.error} />
      <Text c="dimmed">
        Version {version}
        {description !== "" && ` · ${readable(description)}`}
      </Text>
      <RunForm workflowId={id} />
      <LatestExecutions workflowId={id} />
      <Nodes graph={graph} />
      <details>
        <summary>The graph as JSON</summary>
        <JsonBlock value={graph} label="The graph as JSON" />
      </details>
    </Page>
  );
}

function LatestExecutions({ workflowId }: { workflowId: string }) {
  const list = useExecutions({ workflowId });
  const executions = list.data?.pages[0]?.items.slice(0, 5) ?? [];
  if (executions.length === 0) return null;
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Latest executions
      </Title>
      <ExecutionTable executions={executions} />
      <TextLink to="/executions" search={{ workflowId }}>
        All executions of this workflow
      </TextLink>
    </Stack>
  );
}

function Nodes({ graph }: Pick<Workflow, "graph">) {
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Nodes
      </Title>
      <Table.ScrollContainer minWidth={400}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Node</Table.Th>
              <Table.Th scope="col">Type</Table.Th>
              <Table.Th scope="col">Goes on to</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {graph.nodes.map(({ id, type, data }) => (
              <Table.Tr key={id}>
                <Table.Td>{readable(data?.label ?? id)}</Table.Td>
                <Table.Td className="mono">{type}</Table.Td>
                <Table.Td>
                  {graph.edges
                    .filter(({ source }) => source === id)
                    .map(({ target, sourceHandle }) =>
                      sourceHandle ? `${sourceHandle} → ${target}` : target,
                    )
                    .join(", ") || "–"}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}
