import assert from "node:assert/strict";
import { test } from "node:test";
import { fileNameSchema } from "./file-name.ts";

test("names people use pass, trimmed", () => {
  for (const name of [
    "a.txt",
    ".env",
    "Übersicht 2026 (1).pdf",
    "報告.csv",
    'say "hi";x=1.txt',
    "a..b",
    "💾.bin",
  ]) {
    assert.equal(fileNameSchema.parse(` ${name} `), name);
  }
});

test("paths, control characters, disguises and empty names do not", () => {
  const refused = [
    "",
    "  ",
    ".",
    "..",
    "...",
    "a/b",
    "a\\b",
    "../x",
    "a\r\nb",
    "a\u0000",
    "\u007f",
    "a\u0085b",
  ];
  for (const name of [...refused, "photo\u202egpj.exe", "a\u2028b", "\ud800", "x".repeat(201)]) {
    assert.equal(fileNameSchema.safeParse(name).success, false, JSON.stringify(name));
  }
});
