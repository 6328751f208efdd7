// Submissions as spans: what is submitted carries the name of its span, so that its run joins the same trace.
import type { TraceSubmission } from "../../domain/tracing.ts";
import type { ExecutionSubmitter } from "./submit-executions.ts";

/** The submitter itself where traces are off. */
export function traceSubmissions(
  submitter: ExecutionSubmitter,
  traced: TraceSubmission | undefined,
): ExecutionSubmitter {
  if (!traced) return submitter;
  return {
    ...submitter,
    submit: (actor, submission, options) =>
      traced({ workflowId: submission.workflowId }, (traceParent) =>
        submitter.submit(actor, submission, { ...options, traceParent }),
      ),
    submitMany: (actor, submissions, options) =>
      traced({ workflowId: submissions[0]?.workflowId ?? "" }, (traceParent) =>
        submitter.submitMany(actor, submissions, { ...options, traceParent }),
      ),
  };
}
