import assert from "node:assert/strict";
import { test } from "node:test";
import { planRenames } from "./rename-nodes.ts";
import { renameReferences } from "./rename-references.ts";

const known = new Set(["old-id", "old", "calc total", "2", "a.b", "start", "x-y", 'q"q']);
const names = { known, renames: planRenames(known) };

const cases: [string, string][] = [
  ['{{ nodes["old-id"].body }}', "{{ nodes.old_id.body }}"],
  ["{{ nodes['calc total'].n + nodes[ \"2\" ].n }}", "{{ nodes.calc_total.n + nodes.n2.n }}"],
  ["{{ nodes.'calc total' }}", "{{ nodes.calc_total }}"],
  ['{{ nodes."a.b".c }}', "{{ nodes.a_b.c }}"],
  ["{{ nodes.`calc total`.x }}", "{{ nodes.calc_total.x }}"],
  ["{{ nodes.x-y.z }}", "{{ nodes.x_y.z }}"],
  ["{{ nodes.2.z }}", "{{ nodes.n2.z }}"],
  ["{{ nodes.old-id }}", "{{ nodes.old-id }}"],
  ['{{ nodes["start"].x }}', "{{ nodes.start.x }}"],
  ['{{ nodes["q\\"q"] }}', "{{ nodes.q_q }}"],
  ["{{ $.nodes['calc total'] & $$.nodes['2'] }}", "{{ $.nodes.calc_total & $$.nodes.n2 }}"],
  ["{{ item.nodes['calc total'] }}", "{{ item.nodes['calc total'] }}"],
  ["{{ nodes['unknown id'] }}", "{{ nodes['unknown id'] }}"],
  ["{{ \"nodes['2']\" & nodes['2'] }}", "{{ \"nodes['2']\" & nodes.n2 }}"],
  [
    "{{ $match(nodes['2'], /nodes['2']/) /* nodes['2'] */ }}",
    "{{ $match(nodes.n2, /nodes['2']/) /* nodes['2'] */ }}",
  ],
  ["{{ {\"a\":{\"b\":nodes['2']}} }} and {{nodes['2']}}", '{{ {"a":{"b":nodes.n2}} }} and {{nodes.n2}}'],
  ["nodes['2'] outside", "nodes['2'] outside"],
  ["{{ nodes['2'] never closed", "{{ nodes['2'] never closed"],
  ["{{ mynodes['2'] + nodes2['2'] }}", "{{ mynodes['2'] + nodes2['2'] }}"],
];
for (const [before, after] of cases) {
  test(`${before} becomes ${after}`, () => assert.equal(renameReferences(before, names), after));
}

test("every text of a value is followed, however deep; keys and other values stay", () => {
  const before = { list: [1, null, { "nodes['2']": "{{ nodes['2'] }}" }], yes: true };
  assert.deepEqual(renameReferences(before, names), {
    list: [1, null, { "nodes['2']": "{{ nodes.n2 }}" }],
    yes: true,
  });
});

test("new names are identifiers, of their own, and the same every time", () => {
  const ids = ["a-b", "a_b", "a b", "1", "", "größe", "x".repeat(300), "x".repeat(299), "fine"];
  const renames = planRenames(ids);
  assert.deepEqual([...renames].slice(0, 5), [
    ["a-b", "a_b_2"],
    ["a b", "a_b_3"],
    ["1", "n1"],
    ["", "n"],
    ["größe", "gr__e"],
  ]);
  const all = ids.map((id) => renames.get(id) ?? id);
  assert.equal(new Set(all).size, ids.length);
  for (const id of all) assert.match(id, /^[A-Za-z_][A-Za-z0-9_]{0,99}$/);
  assert.deepEqual(planRenames(ids), renames);
});
