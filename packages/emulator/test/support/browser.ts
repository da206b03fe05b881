import axeCore from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Starts Debian's Chromium. */
export function openBrowser(): Promise<Browser> {
  // The sandbox of Chromium does not run as root, as in a container.
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
}

/** Returns what axe objects to on a page, by its rules on WCAG 2.2 AA and on best practices. */
export async function findAccessibilityProblems(page: Page): Promise<readonly string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeCore.source);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const { violations, incomplete } = await axe.run();
    const found = [...violations, ...incomplete.filter(({ id }) => id === 'color-contrast')];
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
}
