// Runs a workflow with an input written as JSON, which is checked while it is written.
import { Button, Paper, Stack, Textarea, Title } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useRun } from "../queries/use-executions.ts";
import { ProblemAlert } from "./problem-alert.tsx";

export function RunForm({ workflowId }: { workflowId: string }) {
  const [text, setText] = useState("{}");
  const run = useRun(workflowId);
  const navigate = useNavigate();
  const { value, fault } = readInput(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (fault) return;
    run.mutate(value, {
      onSuccess: ({ id }) => navigate({ to: "/executions/$id", params: { id } }),
    });
  };
  return (
    <Paper withBorder p="md">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Title order={2} size="h4">
            Run
          </Title>
          <Textarea
            label="Input"
            description="JSON; the workflow's expressions see it as input"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={fault}
            autosize
            minRows={3}
            maxRows={16}
            spellCheck={false}
            classNames={{ input: "mono" }}
          />
          <ProblemAlert error={run.error} />
          <Button type="submit" disabled={fault !== null} loading={run.isPending} w="fit-content">
            Run
          </Button>
        </Stack>
      </form>
    </Paper>
  );
}

/** An empty text is an empty object. */
function readInput(text: string): { value: unknown; fault: string | null } {
  try {
    return { value: JSON.parse(text.trim() || "{}"), fault: null };
  } catch (error) {
    return { value: null, fault: `This is no JSON yet: ${error instanceof Error ? error.message : error}` };
  }
}
