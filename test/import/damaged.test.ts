import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { sql } from "../../core/persistence/sql.ts";
import { printReport } from "../../scripts/import/print-report.ts";
import { exitCodeOf, type Report } from "../../scripts/import/report.ts";
import { copySample, createInstallation, EMAIL } from "./import-fixture.ts";

const places = (report: Report) =>
  report.unreadable.map(({ file, line }) => (line === 0 ? file : `${file}:${line}`)).sort();

const execution = { workflowId: "wf-1715", status: "success", startedAt: "2024-01-01T00:00:00Z" };

test("every file and line that cannot be read is in the report, and the rest is imported", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const put = (file: string, content: string | Buffer) => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), content);
  };
  const json = (file: string, value: unknown) => put(file, JSON.stringify(value, null, 2));
  const whole = readFileSync(path.join(folder, "workflows/purchase-order.json"));
  put("workflows/truncated.json", whole.subarray(0, whole.length - 40));
  put("workflows/empty.json", "");
  put("workflows/no-text.json", Buffer.from('{\n "name": "caf\xe9",\n "nodes": []\n}', "latin1"));
  json("workflows/no-nodes.json", { name: "nothing" });
  json("workflows/same-id.json", { id: "wf-1715", nodes: [{ id: "a", type: "start" }] });
  put("workflows/deep.json", `{"nodes":${"[".repeat(50_000)}`);
  json("workflows/bad-edge.json", {
    nodes: [{ id: "a", type: "start" }, { type: "x" }],
    edges: [{ source: "a" }],
  });
  put("workflows/notes.txt", "no JSON");
  json("versions/wf-1715/zero.json", { version: 0, nodes: [] });
  json("versions/wf-1715/again.json", { version: 2, nodes: [] });
  json("versions/wf-gone/1.json", { version: 1, nodes: [] });
  json("versions/stray.json", { version: 1, nodes: [] });
  json("executions/orphan.json", { ...execution, workflowId: "wf-gone" });
  json("executions/odd-status.json", { ...execution, status: "exploded" });
  json("executions/list.json", []);
  json("executions/bad-step.json", {
    ...execution,
    steps: [{ nodeId: "start", status: "success" }, { status: "success" }],
  });
  json("settings.json", {});
  json("backup/workflows/old.json", { nodes: [] });
  symlinkSync("/etc", path.join(folder, "workflows/linked"));
  symlinkSync("/etc/passwd", path.join(folder, "executions/linked.json"));
  const longest = `{"timestamp":"2024-01-01T00:00:00Z","action":"${"x".repeat(1_100_000)}"}`;
  const lines = ['{"timestamp":"2024-01-01T00:00:00Z"', "no timestamp here", '{"action":"x"}', longest];
  appendFileSync(path.join(folder, "audit.log"), `${lines.join("\n")}\n`);
  appendFileSync(
    path.join(folder, "audit.log"),
    Buffer.from("2024-01-01T00:00:00Z INFO caf\xe9\n", "latin1"),
  );
  appendFileSync(path.join(folder, "audit.log"), "2024-01-01T00:00:00Z INFO the last line has no end");

  const report = await installation.run(folder);
  assert.deepEqual(places(report), [
    "audit.log:10",
    "audit.log:11",
    "audit.log:7",
    "audit.log:8",
    "audit.log:9",
    "backup",
    "executions/bad-step.json:10",
    "executions/linked.json",
    "executions/list.json:1",
    "executions/odd-status.json:3",
    "executions/orphan.json:2",
    "settings.json",
    "versions/stray.json",
    "versions/wf-1715/again.json",
    "versions/wf-1715/zero.json:2",
    "versions/wf-gone/1.json",
    "workflows/bad-edge.json:12",
    "workflows/bad-edge.json:7",
    "workflows/deep.json:1",
    "workflows/empty.json",
    "workflows/linked",
    "workflows/no-nodes.json:1",
    "workflows/no-text.json:2",
    "workflows/notes.txt",
    "workflows/same-id.json:2",
    `workflows/truncated.json:${whole.toString().slice(0, -40).split("\n").length}`,
  ]);
  assert.equal(exitCodeOf(report), 2);
  assert.equal(report.counts.workflows.written, 4, "the three of the sample and the one with a bad edge");
  assert.equal(report.counts.executions.written, 5);
  assert.equal(report.counts["audit entries"].written, 7);
  const text = printReport(report, { folder, email: EMAIL, dryRun: false });
  for (const place of places(report)) assert.ok(text.includes(`\n  ${place}: `), place);
  const again = await installation.run(folder);
  assert.deepEqual(places(again), places(report));
  assert.equal(again.counts["audit entries"].written + again.counts.executions.written, 0);
});

test("byte order marks, CRLF, UTF-16 and unstorable characters are no obstacle", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const graph = { nodes: [{ id: "a", type: "start", data: { label: "x\u0000y\ud800" } }] };
  const windows = JSON.stringify({ id: "win", name: "Wörk", ...graph }, null, 2).replaceAll("\n", "\r\n");
  writeFileSync(path.join(folder, "workflows/windows.json"), `\uFEFF${windows}`);
  writeFileSync(
    path.join(folder, "workflows/utf16.json"),
    `\uFEFF${windows.replace("win", "utf16")}`,
    "utf16le",
  );
  const log = "\uFEFF2024-01-01T00:00:00Z INFO one\r\n\r\n2024-01-01T00:00:01Z INFO t\u0000wo\r\n";
  writeFileSync(path.join(folder, "audit.log"), log);
  const report = await installation.run(folder);
  assert.deepEqual(report.unreadable, []);
  const rows = await installation.rows<{ name: string; label: string }>(sql`
    select name, graph #>> '{nodes,0,data,label}' as label from workflows w
    join workflow_versions v on v.workflow_id = w.id where w.legacy_id in ('win', 'utf16')`);
  assert.deepEqual(rows, [
    { name: "Wörk", label: "x\uFFFDy\uFFFD" },
    { name: "Wörk", label: "x\uFFFDy\uFFFD" },
  ]);
  assert.equal(
    report.remarks.filter(({ reason }) => reason.includes("U+FFFD")).length,
    2,
    "and that is said",
  );
  assert.equal(report.counts["audit entries"].written, 2);
});

test("a mended file is imported by the next run, and fills the gap it had left", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const file = path.join(folder, "versions/wf-1715/1.json");
  const good = readFileSync(file);
  writeFileSync(file, good.subarray(0, 100));
  assert.equal((await installation.run(folder)).counts.versions.written, 4);
  writeFileSync(file, good);
  const report = await installation.run(folder);
  assert.deepEqual(report.unreadable, []);
  assert.equal(report.counts.versions.written, 1);
});

test("what changed in the old Studio after the import is named, not mixed in and not lost in silence", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  await installation.run(folder);
  const file = path.join(folder, "workflows/archive/nightly-report.json");
  writeFileSync(file, readFileSync(file, "utf8").replace("$count", "$sum"));
  const later = { version: 4, nodes: [{ id: "start", type: "trigger" }] };
  writeFileSync(path.join(folder, "versions/wf-1715/4.json"), JSON.stringify(later));
  const report = await installation.run(folder);
  assert.deepEqual(places(report), ["versions/wf-1715/4.json", "workflows/archive/nightly-report.json"]);
  for (const { reason } of report.unreadable) assert.match(reason, /not what was imported before/);
  const [row] = await installation.rows<{ n: number }>(sql`select count(*)::int as n from workflow_versions`);
  assert.equal(row?.n, 5);
});

test("broken secrets files name the place and never quote the secret", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  const file = path.join(folder, "credentials.json");
  for (const [content, line] of [
    [
      '{\n  "A": {"type": "bearer", "data": {"token": "hidden-1"}},\n  "B": {"type": "bearer", "data": "hidden-2"}\n}',
      3,
    ],
    ['[{"name": "C", "type": "bearer",\n "data": {"token": "hidden-3"} "x": 1}]', 2],
    ['[{"name": "D", "type": "basic", "data": {"password": "hidden-4', 1],
    [
      '[{"name": "E", "type": "bearer", "data": {"token": "hidden-5"}},\n{"name": "E", "type": "bearer", "data": {}}]',
      2,
    ],
  ] as const) {
    writeFileSync(file, content);
    const report = await installation.run(folder, { dryRun: true });
    assert.deepEqual(places(report), [`credentials.json:${line}`]);
    assert.equal(printReport(report, { folder, email: EMAIL, dryRun: true }).includes("hidden"), false);
  }
});

test("a credential whose name is taken here is imported under another one", async (t) => {
  const installation = await createInstallation(t);
  const folder = copySample(t);
  await installation.run(folder);
  const list = [{ id: "c-77", name: "Books", type: "postgres", data: { url: "postgres://x" } }];
  writeFileSync(path.join(folder, "credentials.json"), JSON.stringify(list));
  const report = await installation.run(folder);
  assert.equal(report.counts.credentials.written, 1);
  assert.match(report.remarks.map(({ reason }) => reason).join(), /called "Books \(imported 2\)"/);
});
