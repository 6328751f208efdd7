// The steps of an execution as they come in.
import { Button, Stack, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { Step } from "../api/follow-execution.ts";
import { stepKey } from "../queries/use-live-execution.ts";
import { durationOf } from "./instant.tsx";
import { JsonBlock } from "./json-block.tsx";
import { StatusBadge } from "./status-badge.tsx";

/** A loop may make thousands of rows. */
const AT_ONCE = 100;

export function StepTable({ steps }: { steps: readonly Step[] }) {
  const [shown, show] = useState(AT_ONCE);
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Steps
      </Title>
      {steps.length === 0 && <Text c="dimmed">No node has started yet.</Text>}
      {steps.length > 0 && (
        <Table.ScrollContainer minWidth={600}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                {["Node", "Type", "Status", "Took", "Result"].map((title) => (
                  <Table.Th key={title} scope="col">
                    {title}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {steps.slice(0, shown).map((step) => (
                <StepRow key={stepKey(step)} step={step} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {steps.length > shown && (
        <Button variant="default" onClick={() => show(shown + AT_ONCE)}>
          Show more of {steps.length} steps
        </Button>
      )}
    </Stack>
  );
}

function StepRow({ step }: { step: Step }) {
  const { nodeId, nodeType, iteration, attempt, status, output, error, startedAt, finishedAt } = step;
  const name = `${nodeId}${iteration === "" ? "" : `[${iteration}]`}${attempt > 1 ? ` attempt ${attempt}` : ""}`;
  const result = error ?? output;
  return (
    <Table.Tr>
      <Table.Td>{name}</Table.Td>
      <Table.Td className="mono">{nodeType}</Table.Td>
      <Table.Td>
        <StatusBadge status={status} />
      </Table.Td>
      <Table.Td>{durationOf(startedAt, finishedAt)}</Table.Td>
      <Table.Td>
        {result === null || result === undefined ? (
          "–"
        ) : (
          <details>
            <summary>{error ? "Error" : "Output"}</summary>
            <JsonBlock value={result} label={`${error ? "Error" : "Output"} of ${name}`} />
          </details>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
