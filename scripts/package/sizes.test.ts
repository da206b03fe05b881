import { expect, it } from 'vitest';
import { measureSizes, recordedSizes } from './sizes.ts';

/** The tolerance of a figure, for patch releases of dependencies. */
const TOLERANCE = 0.02;

it('the sizes match etc/sizes.json', async () => {
  const recorded = recordedSizes();
  const measured = Object.entries(await measureSizes()).filter(([name]) => name in recorded);
  expect(measured.length).toBeGreaterThanOrEqual(6);
  const changed = measured
    .filter(([name, size]) => Math.abs(size / (recorded[name] ?? 0) - 1) > TOLERANCE)
    .map(
      ([name, size]) => `${name}: ${recorded[name]} became ${size}; if it is meant: npm run sizes`,
    );
  expect(changed).toEqual([]);
});
