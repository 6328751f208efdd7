// One execution, watched live: what each node does, what came out, and a hand on the brake.
import { Alert, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useNavigate, useParams } from "@tanstack/react-router";
import { type Execution, hasEnded } from "../api/follow-execution.ts";
import { durationOf, Instant } from "../parts/instant.tsx";
import { JsonBlock } from "../parts/json-block.tsx";
import { TextLink } from "../parts/links.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { readable } from "../parts/readable.ts";
import { WaitingScreen } from "../parts/stand-in-screens.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import { StepTable } from "../parts/step-table.tsx";
import { useCancel, useExecution, useRetry } from "../queries/use-executions.ts";
import { useLiveExecution } from "../queries/use-live-execution.ts";
import { useWorkflow } from "../queries/use-workflows.ts";

export function ExecutionScreen() {
  const { id } = useParams({ from: "/inside/executions/$id" });
  const execution = useExecution(id);
  const live = useLiveExecution(id);
  if (execution.isPending) return <WaitingScreen />;
  // A later fault leaves what is there, and what was typed into it.
  if (execution.isLoadingError) {
    return (
      <Page title="Execution">
        <ProblemAlert error={execution.error} />
      </Page>
    );
  }
  const { data } = execution;
  const status = live.status ?? data.status;
  return (
    <Page title="Execution" actions={<Actions id={id} status={status} />}>
      <Group aria-live="polite" aria-atomic>
        <StatusBadge status={status} />
        <Origin execution={data} />
      </Group>
      <ProblemAlert error={live.fault ?? execution.error} />
      {data.error && (
        <Alert
          color="red"
          variant="outline"
          title={`${data.error.code}${data.error.nodeId ? ` at ${data.error.nodeId}` : ""}`}
        >
          {readable(data.error.message)}
        </Alert>
      )}
      <StepTable steps={live.steps} />
      {hasEnded(data.status) && <Value title="Output" value={data.output} />}
      <Value title="Input" value={data.input} />
    </Page>
  );
}

function Origin({ execution }: { execution: Execution }) {
  const workflow = useWorkflow(execution.workflowId);
  const { workflowId: id, version, createdAt, startedAt, finishedAt, retryOf } = execution;
  return (
    <Text component="div">
      <TextLink to="/workflows/$id" params={{ id }}>
        {readable(workflow.data?.name ?? "workflow")}
      </TextLink>{" "}
      version {version} · submitted <Instant at={createdAt} /> · took {durationOf(startedAt, finishedAt)}
      {retryOf && (
        <>
          {" · "}
          <TextLink to="/executions/$id" params={{ id: retryOf }}>
            retry of an earlier one
          </TextLink>
        </>
      )}
    </Text>
  );
}

function Actions({ id, status }: { id: string; status: Execution["status"] }) {
  const cancel = useCancel(id);
  const retry = useRetry(id);
  const navigate = useNavigate();
  const again = () =>
    retry.mutate(undefined, {
      onSuccess: (made) => navigate({ to: "/executions/$id", params: { id: made.id } }),
    });
  return (
    <Stack gap="xs" align="end">
      {!hasEnded(status) && (
        <Button color="red" variant="outline" loading={cancel.isPending} onClick={() => cancel.mutate()}>
          Cancel
        </Button>
      )}
      {(status === "failed" || status === "cancelled") && (
        <Button variant="default" loading={retry.isPending} onClick={again}>
          Retry
        </Button>
      )}
      <ProblemAlert error={cancel.error ?? retry.error} />
    </Stack>
  );
}

function Value({ title, value }: { title: string; value: unknown }) {
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {title}
      </Title>
      <JsonBlock value={value} label={title} />
    </Stack>
  );
}
