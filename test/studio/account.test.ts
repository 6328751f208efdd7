// The account in Chromium: second factor, password, sessions, API keys, the queues; every screen examined by axe.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TOTP } from "otpauth";
import type { Page } from "playwright-core";
import { cookieOf, PASSWORD, registerPerson } from "../support/client.ts";
import { asAdmin } from "../support/query.ts";
import { assertAccessible, skip, type Visitor, visit } from "./browser.ts";
import { logIn, type RunningStudio, startStudio, storedTexts } from "./studio.ts";

const EMAIL = "ada@example.com";
const NEW_PASSWORD = "a horse of another colour";

let studio: RunningStudio;
let ada: Visitor;
let page: Page;

before(async () => {
  if (skip) return;
  studio = await startStudio("api");
  await registerPerson(studio.request, EMAIL);
  ada = await visit(studio.browser, studio.url);
  page = await ada.open("/login?next=/account");
  await logIn(page, EMAIL);
});
after(() => studio?.close());

const section = (name: string) => page.getByRole("region", { name, exact: true });
const press = (name: string | RegExp) => page.getByRole("button", { name }).click();

test("an API key is made with its scopes, shown once, works, and is revoked", { skip }, async () => {
  const keys = section("API keys");
  await keys.getByLabel("Name").fill('CI <b onmouseover="alert(1)">');
  await keys.getByLabel(/^Run:/).check();
  await keys.getByRole("button", { name: "Make a key" }).click();
  const shown = page.getByRole("region", { name: "New API key" });
  const key = ((await shown.textContent()) ?? "").trim();
  const ask = () => studio.request("GET", "/api/workflows", { token: key });
  assert.equal((await ask()).status, 200);
  await assertAccessible(page, "account with a new key");
  await press("I have kept it");
  await shown.waitFor({ state: "detached" });
  assert.ok(!(await page.content()).includes(key) && !(await storedTexts(page)).includes(key));
  await keys
    .getByRole("row", { name: /read, run/ })
    .getByRole("button", { name: /^Revoke CI <b/ })
    .click();
  await keys.getByText("revoked").waitFor();
  assert.equal((await ask()).status, 401);
  assert.deepEqual(ada.complaints(), []);
});

test("S12: an hour after the password was given a new key asks for it, and the change of it tells of the key", {
  skip,
}, async () => {
  await asAdmin(studio.database, "update sessions set created_at = created_at - interval '61 minutes'");
  const keys = section("API keys");
  await keys.getByLabel("Name").fill("late");
  await keys.getByRole("button", { name: "Make a key" }).click();
  await keys.getByRole("textbox", { name: /^Your password/ }).fill(PASSWORD);
  await assertAccessible(page, "account that asks for the password of a key");
  await keys.getByRole("button", { name: "Make a key" }).click();
  await page.getByRole("region", { name: "New API key" }).waitFor();
  await press("I have kept it");
  await keys.getByRole("textbox", { name: /^Your password/ }).waitFor({ state: "detached" });
  assert.deepEqual(ada.complaints(403), []);
});

test("other sessions are listed and ended", { skip }, async () => {
  const grant = await studio.request("POST", "/auth/login", { body: { email: EMAIL, password: PASSWORD } });
  await page.reload();
  const rows = section("Sessions").getByRole("row");
  await rows.nth(3).waitFor();
  await section("Sessions").getByRole("button", { name: "End", exact: true }).first().click();
  await rows.nth(3).waitFor({ state: "detached" });
  await press("End all others");
  await rows.nth(2).waitFor({ state: "detached" });
  assert.equal((await studio.request("POST", "/auth/refresh", { cookie: cookieOf(grant) })).status, 401);
  assert.deepEqual(ada.complaints(), []);
});

test("a new password needs the old one; it ends the other sessions, not this one", { skip }, async () => {
  const form = section("Password");
  await form.getByLabel(/^Current password/).fill("not it at all");
  await form.getByLabel(/^New password/).fill(NEW_PASSWORD);
  await press("Change password");
  await form.getByRole("alert").waitFor();
  await form.getByLabel(/^Current password/).fill(PASSWORD);
  await press("Change password");
  await form.getByText("API keys that still open this account: 1.").waitFor();
  await form.getByLabel(/^Current password/).fill(NEW_PASSWORD);
  await form.getByLabel(/^New password/).fill(NEW_PASSWORD);
  await form.getByLabel("Also revoke all my API keys").check();
  await press("Change password");
  await section("API keys")
    .getByRole("row", { name: /late.*revoked/ })
    .waitFor();
  await page.reload();
  await section("Password").waitFor();
  assert.deepEqual(ada.complaints(400, 401, 403), []);
});

test("a second factor is set up by QR code, asked for at the next sign-in, and disabled", {
  skip,
}, async () => {
  const factor = section("Second factor");
  await factor.getByLabel(/^Your password/).fill(NEW_PASSWORD);
  await press("Set up a second factor");
  await factor.getByRole("img", { name: /QR code/ }).waitFor();
  const secret = (await factor.locator("[data-secret]").textContent()) ?? "";
  await assertAccessible(page, "second factor being set up");
  // A code is good once, and the server takes those of the last, this and the next 30 s: none here may be of the last,
  // which a slow machine would send too late.
  const code = (periods: number) =>
    new TOTP({ secret }).generate({ timestamp: Date.now() + periods * 30_000 });
  await factor.getByLabel(/^Code/).fill(code(0));
  await press("Enable");
  const codes = ((await page.getByRole("region", { name: "Recovery codes" }).textContent()) ?? "").split(
    /\s+/,
  );
  assert.ok(codes.length >= 8);
  await assertAccessible(page, "recovery codes");
  await press("I have kept them");
  await factor.getByText("On: signing in takes a code").waitFor();

  await press("Log out");
  await logIn(page, EMAIL, NEW_PASSWORD);
  await page.getByLabel(/^Code/).waitFor();
  await assertAccessible(page, "log in with a code");
  // The field that has come up leaves the focus where it is put.
  const password = page.getByLabel(/^Password/);
  await password.fill("");
  await password.pressSequentially(NEW_PASSWORD);
  assert.equal(await password.inputValue(), NEW_PASSWORD);
  await page.getByLabel(/^Code/).fill(code(1));
  await press("Log in");
  await section("Second factor").waitFor();
  await press("Log out");
  await logIn(page, EMAIL, NEW_PASSWORD);
  await page.getByLabel(/^Code/).fill(codes[0] ?? "");
  await press("Log in");
  await factor.getByLabel(/^Your password/).fill(NEW_PASSWORD);
  await factor.getByLabel(/^Code/).fill(codes[1] ?? "");
  await press("Disable");
  await factor.getByText("Off: the password alone").waitFor();
  assert.deepEqual(ada.complaints(401), []);
});

test("an administrator opens the queues; links for resets and invitations say what they are for", {
  skip,
}, async () => {
  await press("Queues");
  await page.waitForURL(/\/queues/);
  await page.goto("/reset");
  await page.getByText("This link is not whole").waitFor();
  // The dashboard's page is not ours; what it had to say came before it was left.
  ada.complaints();
  await page.goto("/reset#not-a-token");
  await page.reload();
  await page.getByLabel(/^New password/).fill(PASSWORD);
  await press("Set the password");
  await page.getByRole("alert").waitFor();
  await assertAccessible(page, "reset");
  await page.goto("/invite#some-token");
  await page.getByRole("button", { name: "Join the workspace" }).waitFor();
  await assertAccessible(page, "invitation");
  const stranger = await visit(studio.browser, studio.url);
  const invited = await stranger.open("/invite#some-token");
  await invited.getByRole("link", { name: "Sign up" }).click();
  await invited.getByText("You were invited").waitFor();
  assert.equal(new URL(invited.url()).hash, "#some-token");
  assert.deepEqual([...stranger.complaints(), ...ada.complaints(400, 401)], []);
});

test("links that people get are followed to their end: a workspace joined, a password set", {
  skip,
}, async () => {
  const { request } = studio;
  const admin = await request<{ accessToken: string; user: { id: string }; workspaceId: string }>(
    "POST",
    "/auth/login",
    {
      body: { email: EMAIL, password: NEW_PASSWORD },
    },
  );
  const { accessToken: token } = admin.body;
  const hashOf = (url: string) => new URL(url).hash;
  const invitation = await request<{ url: string }>(
    "POST",
    `/api/workspaces/${admin.body.workspaceId}/invitations`,
    {
      token,
      body: { email: "grace@example.com", role: "operator" },
    },
  );
  assert.equal(invitation.status, 201, invitation.text);
  const grace = await registerPerson(request, "grace@example.com");
  const visitor = await visit(studio.browser, studio.url);
  const hers = await visitor.open(`/invite${hashOf(invitation.body.url)}`);
  await hers.getByRole("link", { name: "I have an account" }).click();
  await logIn(hers, "grace@example.com");
  await hers.getByRole("button", { name: "Join the workspace" }).click();
  await hers.waitForURL(/\/workflows/);
  const me = await request<{ workspaces: Array<{ role: string }> }>("GET", "/auth/me", {
    token: grace.token,
  });
  assert.deepEqual(me.body.workspaces.map(({ role }) => role).sort(), ["operator", "owner"]);

  const link = await request<{ url: string }>("POST", `/api/admin/users/${grace.userId}/reset-link`, {
    token,
  });
  assert.equal(link.status, 200, link.text);
  const resetting = await (await visit(studio.browser, studio.url)).open(`/reset${hashOf(link.body.url)}`);
  await resetting.getByLabel(/^New password/).fill(NEW_PASSWORD);
  await resetting.getByRole("button", { name: "Set the password" }).click();
  await resetting
    .getByRole("button", { name: "Log in" })
    .or(resetting.getByRole("link", { name: /log in/i }))
    .first()
    .waitFor();
  const body = { email: "grace@example.com", password: NEW_PASSWORD };
  assert.equal((await request("POST", "/auth/login", { body })).status, 200);
  assert.deepEqual(visitor.complaints(), []);
});
