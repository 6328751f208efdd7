// Lines at limits: first come first served, one place each, nobody counted twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { admit, type InLine } from "./admit.ts";

const one = (id: string, given: Partial<InLine> = {}): InLine => ({
  id,
  workspaceId: "ws",
  workflowId: "wf",
  workflowLimit: null,
  workspaceLimit: null,
  workflowRunning: 0,
  workspaceRunning: 0,
  ...given,
});

test("up to the limit are admitted, counting those that run; the rest are held by what is full", () => {
  const line = ["a", "b", "c"].map((id) => one(id, { workflowLimit: 3, workflowRunning: 1 }));
  assert.deepEqual(admit(line, 10), { admitted: ["a", "b"], called: [], held: [{ id: "c", heldBy: "wf" }] });
});

test("where there is room but no hand, they are called, and count", () => {
  const line = ["a", "b", "c"].map((id) => one(id, { workflowLimit: 2 }));
  assert.deepEqual(admit(line, 1), { admitted: ["a"], called: ["b"], held: [{ id: "c", heldBy: "wf" }] });
});

test("both limits hold, and a full workflow does not stop another one of its workspace", () => {
  const limits = { workspaceLimit: 3, workspaceRunning: 1 };
  const line = [
    one("a", { ...limits, workflowLimit: 1 }),
    one("b", { ...limits, workflowLimit: 1 }),
    one("c", { ...limits, workflowId: "other" }),
    one("d", { ...limits, workflowId: "other" }),
  ];
  assert.deepEqual(admit(line, 10), {
    admitted: ["a", "c"],
    called: [],
    held: [
      { id: "b", heldBy: "wf" },
      { id: "d", heldBy: "ws" },
    ],
  });
});

test("without limits all are admitted", () => {
  assert.deepEqual(admit([one("a"), one("b")], 2), { admitted: ["a", "b"], called: [], held: [] });
});
