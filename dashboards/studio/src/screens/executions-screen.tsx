// Executions, newest first, narrowed by workflow and state; the choice is part of the address.
import { Group, NativeSelect } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ExecutionStatus } from "../api/follow-execution.ts";
import { EmptyNote } from "../parts/empty-note.tsx";
import { ExecutionTable } from "../parts/execution-table.tsx";
import { MoreButton } from "../parts/more-button.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { readable } from "../parts/readable.ts";
import { WaitingScreen } from "../parts/stand-in-screens.tsx";
import { useWorkspace } from "../parts/use-workspace.ts";
import { useExecutions } from "../queries/use-executions.ts";
import { useWorkflows } from "../queries/use-workflows.ts";

const STATUSES: readonly ExecutionStatus[] = [
  "queued",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
];

export function ExecutionsScreen() {
  const { workflowId, status: wanted } = useSearch({ from: "/inside/executions" });
  const status = STATUSES.find((one) => one === wanted);
  const list = useExecutions({ ...(workflowId && { workflowId }), ...(status && { status }) });
  const executions = list.data?.pages.flatMap((page) => page.items);
  return (
    <Page title="Executions">
      <Filters workflowId={workflowId} status={status} />
      <ProblemAlert error={list.error} />
      {list.isPending && <WaitingScreen />}
      {executions?.length === 0 && (
        <EmptyNote title={workflowId || status ? "Nothing fits this choice" : "Nothing has run yet"}>
          Open a workflow and run it; what it does can be watched here.
        </EmptyNote>
      )}
      {executions && executions.length > 0 && <ExecutionTable executions={executions} />}
      <MoreButton list={list} />
    </Page>
  );
}

type Filter = { workflowId?: string | undefined; status?: ExecutionStatus | undefined };

function Filters({ workflowId, status }: Filter) {
  const navigate = useNavigate();
  const workspace = useWorkspace();
  const workflows = useWorkflows(workspace.current?.id, workspace.known);
  const items = workflows.data?.pages.flatMap((page) => page.items) ?? [];
  const known = items.map(({ id, name }) => ({ value: id, label: readable(name) }));
  // One from elsewhere is still the one that is chosen.
  const other =
    workflowId && !items.some(({ id }) => id === workflowId)
      ? [{ value: workflowId, label: workflowId }]
      : [];
  const change = (next: Filter) =>
    navigate({
      to: "/executions",
      search: {
        ...(next.workflowId && { workflowId: next.workflowId }),
        ...(next.status && { status: next.status }),
      },
      replace: true,
    });
  return (
    <Group>
      <NativeSelect
        label="Workflow"
        value={workflowId ?? ""}
        onChange={(event) => change({ workflowId: event.currentTarget.value, status })}
        data={[{ value: "", label: "All" }, ...known, ...other]}
      />
      <NativeSelect
        label="Status"
        value={status ?? ""}
        onChange={(event) =>
          change({ workflowId, status: STATUSES.find((one) => one === event.currentTarget.value) })
        }
        data={[{ value: "", label: "All" }, ...STATUSES]}
      />
    </Group>
  );
}
