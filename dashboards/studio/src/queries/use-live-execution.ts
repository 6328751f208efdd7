// What an execution is doing right now, as its events tell it.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type ExecutionStatus, followExecution, hasEnded, type Step } from "../api/follow-execution.ts";

export type LiveExecution = {
  /** Undefined until the first event. */
  status?: ExecutionStatus;
  /** In the order in which they began; the newest state of each. */
  steps: readonly Step[];
  fault?: unknown;
};

export function useLiveExecution(id: string): LiveExecution {
  const client = useQueryClient();
  const [live, setLive] = useState<LiveExecution>({ steps: [] });
  useEffect(() => {
    const stop = new AbortController();
    setLive({ steps: [] });
    followExecution(id, stop.signal, (happening) => {
      if (happening.type === "step") {
        setLive((before) => ({ ...before, steps: withStep(before.steps, happening.step) }));
        return;
      }
      setLive((before) => ({ ...before, status: happening.status }));
      if (!hasEnded(happening.status)) return;
      // Output and error come with the execution itself.
      void client.invalidateQueries({ queryKey: ["execution", id] });
      void client.invalidateQueries({ queryKey: ["executions"] });
    }).catch((fault: unknown) => {
      if (!stop.signal.aborted) setLive((before) => ({ ...before, fault }));
    });
    return () => stop.abort();
  }, [id, client]);
  return live;
}

function withStep(steps: readonly Step[], step: Step): Step[] {
  const isSame = (other: Step) => stepKey(other) === stepKey(step);
  const at = steps.findIndex(isSame);
  return at === -1 ? [...steps, step] : steps.with(at, step);
}

export function stepKey({ nodeId, iteration, attempt }: Step): string {
  return `${nodeId} ${iteration} ${attempt}`;
}
