// Chromium for the Studio's tests: what it complains about is collected, and every screen can be examined by axe.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findPrograms } from "../../scripts/test/find-programs.ts";

findPrograms(process.env);

/** For `test(name, { skip }, …)`. */
export const skip = process.env.TEST_CHROMIUM ? false : "chromium is not on the PATH";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Waits end loudly after this; nothing here takes a tenth of it on an idle machine. */
const PATIENCE_MS = 20_000;

// As text: it runs in the page, whose globals the types of this folder do not know.
const REPORT_VIOLATIONS = `document.addEventListener("securitypolicyviolation", (event) => {
  console.error("refused by " + event.effectiveDirective + ": " + event.blockedURI + " " + event.sample);
})`;

export type Visitor = {
  context: BrowserContext;
  /** Another tab of the same browser profile. */
  open(path: string): Promise<Page>;
  /** What the pages' consoles said since the last call, except for answers with these statuses. */
  complaints(...expectedStatuses: number[]): string[];
};

/** In a container Chromium's own sandbox needs rights that root there does not have. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.TEST_CHROMIUM ?? "",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}

/** A person at a browser of their own: no cookies, no storage, no cache shared with others. */
export async function visit(browser: Browser, url: string): Promise<Visitor> {
  const context = await browser.newContext({ baseURL: url });
  context.setDefaultTimeout(PATIENCE_MS);
  const said: string[] = [];
  await context.addInitScript(REPORT_VIOLATIONS);
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") said.push(message.text());
  });
  context.on("weberror", (error) => said.push(String(error.error())));
  return {
    context,
    async open(path) {
      const page = await context.newPage();
      await page.goto(path);
      return page;
    },
    complaints(...expected) {
      const isExpected = (text: string) =>
        expected.some((status) => text.includes(`responded with a status of ${status} `));
      return said.splice(0).filter((text) => !isExpected(text));
    },
  };
}

/** Throws with what axe finds serious or critical, in light and in dark. */
export async function assertAccessible(page: Page, screen: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
    await page.evaluate(axeSource);
    const { violations, passes } = await page.evaluate<AxeResults>(
      "axe.run({ resultTypes: ['violations'] })",
    );
    assert.ok(passes.length > 5, `${screen}: axe looked at nothing`);
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const found = grave.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`,
    );
    assert.deepEqual(found, [], `${screen} in ${colorScheme}`);
  }
}
