// The one rule for new passwords: length in characters, the common ones, the person's own address.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { checkNewPassword, isCommonPassword, isPasswordLength } from "./password-rule.ts";

const ada = { email: "ada.lovelace@example.com" };

test("8 to 1024 characters, counted as people count them", async () => {
  const emoji = "\u{1f511}";
  for (const good of ["x".repeat(8), emoji.repeat(8), "x".repeat(1_024), emoji.repeat(1_024), "        "]) {
    assert.equal(isPasswordLength(good), true, `${good.length} units`);
  }
  for (const bad of ["", "x".repeat(7), emoji.repeat(7), "x".repeat(1_025), emoji.repeat(1_025)]) {
    assert.equal(isPasswordLength(bad), false, `${bad.length} units`);
    await assert.rejects(checkNewPassword(bad, ada), { code: "invalid_password" });
  }
});

test("A03: every one of the 3000 most used passwords is refused, in any case", async () => {
  const list = new URL(import.meta.resolve("@zxcvbn-ts/language-common/src/passwords.json"));
  const words: string[] = JSON.parse(await readFile(list, "utf8"));
  for (const [place, word] of words.slice(0, 3_000).entries()) {
    const spelt = place % 2 === 0 ? word : word.toUpperCase();
    await assert.rejects(checkNewPassword(spelt, ada), {
      code: word.length < 8 ? "invalid_password" : "password_too_common",
    });
  }
});

test("only whole passwords count: parts, neighbours and lines of the list do not", async () => {
  assert.equal(await isCommonPassword("password"), true);
  assert.equal(await isCommonPassword("PassWord"), true);
  for (const other of [
    "password ",
    " password",
    "asswor",
    "password\n12345678",
    "",
    "correct horse battery",
  ]) {
    assert.equal(await isCommonPassword(other), false, JSON.stringify(other));
  }
});

test("the person's own address is no password, somebody else's is", async () => {
  for (const own of ["ada.lovelace@example.com", "Ada.Lovelace@Example.com", " ada.lovelace@example.com"]) {
    await assert.rejects(checkNewPassword(own, ada), { code: "password_too_common" });
  }
  await checkNewPassword("grace.hopper@example.com", ada);
});
