// Schedules for tests: made over HTTP, looked at past every policy.
import assert from "node:assert/strict";
import type { TestApi } from "./api.ts";
import type { ApiReply, Person } from "./client.ts";

export type ScheduleView = {
  id: string;
  workspaceId: string;
  workflowId: string;
  ownerId: string;
  name: string;
  cron: string | null;
  runAt: string | null;
  timezone: string;
  input: unknown;
  enabled: boolean;
  misfire: string;
  overlap: string;
  startAt: string | null;
  endAt: string | null;
  trigger: string | null;
  toleranceMs: number;
  maxLatenessMs: number | null;
  revision: number;
  nextRunAt: string | null;
  next: string[];
  overdue: boolean;
  lateMs: number;
  workflowArchived: boolean;
  lastExecutionId: string | null;
};

export type HistoryEntry = {
  id: string;
  kind: string;
  outcome: string;
  scheduledFor: string;
  through: string | null;
  slots: number | null;
  reason: string | null;
  executionId: string | null;
  version: number | null;
  askedBy: string | null;
  explanation: string;
};

export type Problem = { code: string; detail: string; errors?: { path: string; message: string }[] };

export type ScheduleCalls = ReturnType<typeof scheduleCalls>;

/** The calls of /api/schedules; `path` comes after the id, with its slash. */
export function scheduleCalls(api: Pick<TestApi, "request">) {
  const ask = <Body = ScheduleView>(
    person: Person,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<ApiReply<Body>> =>
    api.request<Body>(method, `/api/schedules${path}`, { token: person.token, body });
  return {
    ask,
    async create(person: Person, body: Record<string, unknown>): Promise<ScheduleView> {
      const reply = await ask(person, "POST", "", body);
      assert.equal(reply.status, 201, reply.text);
      return reply.body;
    },
    async patch(person: Person, id: string, body: Record<string, unknown>): Promise<ScheduleView> {
      const reply = await ask(person, "PATCH", `/${id}`, body);
      assert.equal(reply.status, 200, reply.text);
      return reply.body;
    },
    async history(person: Person, id: string, query = ""): Promise<HistoryEntry[]> {
      const reply = await ask<{ items: HistoryEntry[] }>(person, "GET", `/${id}/history${query}`);
      assert.equal(reply.status, 200, reply.text);
      return reply.body.items;
    },
  };
}
