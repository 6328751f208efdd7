// One approval: what is asked, what has been said, and, where I am asked, my word.
import { Button, Group, List, Paper, Stack, Text, Textarea, Title } from "@mantine/core";
import { useState } from "react";
import { type Approval, useDecide } from "../queries/use-approvals.ts";
import { Instant } from "./instant.tsx";
import { TextLink } from "./links.tsx";
import { ProblemAlert } from "./problem-alert.tsx";
import { readable } from "./readable.ts";
import { StatusBadge } from "./status-badge.tsx";

export function ApprovalCard({ approval }: { approval: Approval }) {
  const { executionId, nodeId, iteration, status, createdAt, deadline } = approval;
  const title = `${readable(approval.workflowName ?? "workflow")} · ${nodeId}${iteration && ` [${iteration}]`}`;
  return (
    <Paper withBorder p="md" component="article" aria-label={title}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {title}
          </Title>
          <StatusBadge status={status} />
        </Group>
        <Text className="message">{readable(approval.message)}</Text>
        <Text size="sm" component="div">
          <TextLink to="/executions/$id" params={{ id: executionId }}>
            Execution {executionId.slice(-12)}
          </TextLink>{" "}
          · asked <Instant at={createdAt} />
          {deadline && (
            <>
              {" · until "}
              <Instant at={deadline} />
            </>
          )}
        </Text>
        <Said approval={approval} />
        {approval.mayDecide && <DecideForm id={approval.id} about={title} />}
      </Stack>
    </Paper>
  );
}

function Said({ approval: { decisions, quorum, status } }: { approval: Approval }) {
  const given = decisions.filter(({ decision }) => decision === "approve").length;
  return (
    <>
      {status === "pending" && (
        <Text size="sm">
          {given} of {quorum} approvals
        </Text>
      )}
      {decisions.length > 0 && (
        <List size="sm">
          {decisions.map(({ userId, email, decision, comment, at }) => (
            <List.Item key={userId}>
              {email ?? "Somebody who has left"} {decision === "approve" ? "approved" : "rejected"}{" "}
              <Instant at={at} />
              {comment && `: ${readable(comment)}`}
            </List.Item>
          ))}
        </List>
      )}
    </>
  );
}

function DecideForm({ id, about }: { id: string; about: string }) {
  const [comment, setComment] = useState("");
  const decide = useDecide(id);
  const say = (decision: "approve" | "reject") =>
    decide.mutate({ decision, ...(comment.trim() !== "" && { comment: comment.trim() }) });
  return (
    <Stack gap="sm">
      <Textarea
        label="Comment"
        description="Optional; whoever sees the execution can read it"
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
        maxLength={2_000}
        autosize
        minRows={1}
        maxRows={8}
      />
      <ProblemAlert error={decide.error} />
      <Group>
        <Button loading={decide.isPending} onClick={() => say("approve")} aria-label={`Approve ${about}`}>
          Approve
        </Button>
        <Button
          color="red"
          variant="outline"
          loading={decide.isPending}
          onClick={() => say("reject")}
          aria-label={`Reject ${about}`}
        >
          Reject
        </Button>
      </Group>
    </Stack>
  );
}
