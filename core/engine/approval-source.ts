// The engine's port to what people have decided.
import type { ApprovalAnswer } from "#core/domain/approval.ts";

export type ApprovalSource = {
  /**
   * How an approval has ended; null: it may still be decided. Waits for whoever is deciding it. Not before its deadline
   * has come on the database's clock is it `expired`, and from then on for good.
   */
  settle(approvalId: string): Promise<ApprovalAnswer | null>;
};
