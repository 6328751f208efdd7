import assert from "node:assert/strict";
import { test } from "node:test";
import { createOccurrenceCounter } from "./count-occurrences.ts";
import { deriveId } from "./derive-id.ts";
import { mapNodeType } from "./map-node-type.ts";
import { mapStatus } from "./map-status.ts";
import { readAuditLine } from "./read-audit-line.ts";
import { readSteps } from "./read-steps.ts";
import { readTime } from "./read-time.ts";

const times: [unknown, string | null][] = [
  ["2024-05-03T10:00:00.123456Z", "2024-05-03T10:00:00.123Z"],
  ["2024-05-03T10:00:00+02:00", "2024-05-03T08:00:00.000Z"],
  ["2024-05-03 10:00:00,5 +0230", "2024-05-03T07:30:00.500Z"],
  ["2024-05-03 10:00", "2024-05-03T10:00:00.000Z"],
  ["2024-05-03", "2024-05-03T00:00:00.000Z"],
  [1714730400, "2024-05-03T10:00:00.000Z"],
  [1714730400123, "2024-05-03T10:00:00.123Z"],
  ["1714730400", "2024-05-03T10:00:00.000Z"],
  ["2024-02-30T00:00:00Z", null],
  ["2024-13-01", null],
  ["yesterday", null],
  [0, null],
  [1e20, null],
  [null, null],
];
for (const [given, expected] of times) {
  test(`the time ${given} is ${expected}`, () => assert.equal(readTime(given), expected));
}

test("derived ids are UUIDv7 of their time, the same each time, and differ by every part", () => {
  const origin = {
    kind: "workflow",
    workspaceId: "w",
    createdAt: "2024-05-03T10:00:00.123Z",
    legacyId: "1",
  } as const;
  const id = deriveId(origin);
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16), Date.parse(origin.createdAt));
  const changes = [{}, { kind: "execution" as const }, { workspaceId: "v" }, { legacyId: "2" }];
  assert.equal(new Set(changes.map((change) => deriveId({ ...origin, ...change }))).size, 4);
  assert.equal(deriveId({ ...origin }), id);
});

test("node types are mapped where there is no doubt, whatever their spelling", () => {
  for (const type of ["httpRequest", "http_request", "HTTP Request", "http", "httpRequestNode"]) {
    assert.equal(mapNodeType(type), "http.request", type);
  }
  assert.equal(mapNodeType("trigger.manual"), "trigger.manual");
  assert.equal(mapNodeType("sendEmail"), "sendEmail");
});

test("statuses of any spelling", () => {
  assert.equal(mapStatus("COMPLETED"), "succeeded");
  assert.equal(mapStatus("timed_out"), "failed");
  assert.equal(mapStatus("in-progress"), "unfinished");
  assert.equal(mapStatus("constructor"), null);
  assert.equal(mapStatus(1), null);
});

test("a node that stands there again counts attempts, per iteration", () => {
  const step = (nodeId: string, iteration?: number) => ({ nodeId, iteration, status: "ok" });
  const { steps } = readSteps(
    [step("a"), step("a"), step("b", 0), step("b", 1), step("a")],
    "2024-01-01T00:00:00.000Z",
  );
  assert.deepEqual(
    steps.map(({ nodeId, iteration, attempt }) => `${nodeId}/${iteration}/${attempt}`),
    ["a//1", "a//2", "b/0/1", "b/1/1", "a//3"],
  );
});

test("log lines of either kind, and reasons for the others", () => {
  const plain = readAuditLine("[2024-05-03 10:00:00] WARN: disk almost full");
  assert.deepEqual(plain, {
    at: "2024-05-03T10:00:00.000Z",
    action: "log",
    targetType: "log",
    targetId: null,
    details: { timestamp: "2024-05-03 10:00:00", level: "WARN", message: "disk almost full" },
  });
  const json = readAuditLine(
    '{"timestamp":1714730400,"action":"x","resource":{"type":"file","id":7},"more":[1]}',
  );
  assert.equal(
    typeof json === "string" ? json : `${json.targetType} ${json.targetId} ${json.details.more}`,
    "file 7 1",
  );
  for (const line of ["x", "{", '{"action":"x"}', '{"timestamp":1714730400}', "2024-05-03T10:00:00Z INFO"]) {
    assert.equal(typeof readAuditLine(line), "string", line);
  }
});

test("equal lines are numbered as long as they stand near each other", () => {
  const numberOf = createOccurrenceCounter(3);
  assert.deepEqual(["a", "a", "b", "a"].map(numberOf), [0, 1, 0, 2]);
  assert.deepEqual(["c", "a", "d", "e", "f", "g", "h", "i", "a"].map(numberOf), [0, 3, 0, 0, 0, 0, 0, 0, 0]);
});
