// What waits for my word, and what others were asked.
import { Stack, Switch } from "@mantine/core";
import { useState } from "react";
import { ApprovalCard } from "../parts/approval-card.tsx";
import { EmptyNote } from "../parts/empty-note.tsx";
import { MoreButton } from "../parts/more-button.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { WaitingScreen } from "../parts/stand-in-screens.tsx";
import { useApprovals } from "../queries/use-approvals.ts";

export function ApprovalsScreen() {
  const [all, setAll] = useState(false);
  const list = useApprovals(!all);
  const approvals = list.data?.pages.flatMap((page) => page.items);
  return (
    <Page title="Approvals">
      <Switch
        label="Also what others were asked, and what has ended"
        checked={all}
        onChange={(event) => setAll(event.currentTarget.checked)}
      />
      <ProblemAlert error={list.error} />
      {list.isPending && <WaitingScreen />}
      {approvals?.length === 0 && (
        <EmptyNote title={all ? "Nobody has been asked yet" : "Nothing waits for your word"}>
          A workflow asks with the node flow.approval.
        </EmptyNote>
      )}
      <Stack gap="md">
        {approvals?.map((approval) => (
          <ApprovalCard key={approval.id} approval={approval} />
        ))}
      </Stack>
      <MoreButton list={list} />
    </Page>
  );
}
