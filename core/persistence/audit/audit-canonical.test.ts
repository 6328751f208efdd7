import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "../../domain/canonical-json.ts";
import { canonicalBytes } from "./audit-logs.ts";

test("the record written out by hand is the record's canonical JSON, whatever its texts", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constantFrom('"', "\\", "\u007f", "\u2028", "ü"),
  );
  const id = fc.uuid();
  fc.assert(
    fc.property(
      fc.record({
        id,
        chainId: id,
        seq: fc.nat(),
        at: fc.constant("2026-11-22T22:10:53.123Z"),
        actorId: fc.option(id),
        action: text,
        targetType: text,
        targetId: fc.option(text),
        detailsHash: fc.option(fc.constant("ab".repeat(32))),
      }),
      (record) => assert.equal(canonicalBytes(record).toString(), canonicalJson(record)),
    ),
    { numRuns: 2_000 },
  );
});
