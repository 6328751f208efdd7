import assert from "node:assert/strict";
import { test } from "node:test";
import { isAuditedRead, joinLabels } from "./audited-read.ts";

test("S70: a read is audited for one label or for the workspace's wish, and for nothing else", () => {
  assert.equal(isAuditedRead({ labels: [], auditReads: false }), false);
  assert.equal(isAuditedRead({ labels: ["pii"], auditReads: false }), true);
  assert.equal(isAuditedRead({ labels: [], auditReads: true }), true);
});

test("labels are joined each once and in one order", () => {
  assert.deepEqual(joinLabels(["phi", "pci"], [], ["pii", "phi"]), ["pci", "phi", "pii"]);
});
