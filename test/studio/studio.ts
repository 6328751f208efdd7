// The Studio as people get it: built once, served by a real api beside a real worker and scheduler.
import assert from "node:assert/strict";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { buildStudio } from "../../scripts/start/build-studio.ts";
import { ROOT } from "../architecture/source-tree.ts";
import { createClient, PASSWORD, type Request } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type RoleName } from "../support/platform.ts";
import { launch } from "./browser.ts";

export type RunningStudio = {
  url: string;
  browser: Browser;
  request: Request;
  sink: HttpSink;
  database: TestDatabase;
  close(): Promise<void>;
};

/** Only the roles that are named are started: each is a process. Nothing stays behind when it fails. */
export async function startStudio(...roles: RoleName[]): Promise<RunningStudio> {
  const said: string[] = [];
  assert.ok(await buildStudio({ root: path.resolve(ROOT), log: (line) => said.push(line) }), said.join("\n"));
  await using opened = new AsyncDisposableStack();
  const database = await createTestDatabase();
  opened.defer(() => database.drop());
  const sink = await startHttpSink();
  opened.defer(() => sink.close());
  const platform = await createPlatform({
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: sink.address,
  });
  opened.defer(() => platform.close());
  const browser = await launch();
  opened.defer(() => browser.close());
  await Promise.all(roles.map((role) => platform.start(role)));
  const running = opened.move();
  const close = () => running.disposeAsync();
  return { url: platform.url, browser, request: createClient(platform.url), sink, database, close };
}

export async function logIn(page: Page, email: string, password = PASSWORD): Promise<void> {
  // The form before it may have fields of the same names, and goes with what was typed into it.
  await page.getByRole("heading", { name: "Log in", exact: true }).waitFor();
  await page.getByRole("textbox", { name: "E-mail" }).fill(email);
  await page.getByLabel(/^Password/).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** What a page could keep: anything like a token in it would be one that other scripts can read. */
export async function storedTexts(page: Page): Promise<string> {
  return page.evaluate<string>(
    "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])",
  );
}
