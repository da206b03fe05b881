// The form for faults has a field for each member of a fault.
import { expect, it } from 'vitest';
import { FAULT_GROUPS } from '../../src/console/fault-fields.ts';
import { openFaults } from '../../src/faults/faults.ts';

const fields = FAULT_GROUPS.flatMap((group) => group.fields);

/** What the check of a fault expects, by its message. */
function expectedBy(fault: object): readonly string[] {
  try {
    openFaults().add(fault);
  } catch (error) {
    return /one of (.*)$/.exec((error as Error).message)?.[1]?.split(', ') ?? [];
  }
  return [];
}

it('has a field for each member', () => {
  const members = new Set(fields.map(({ name }) => name.split('.')[0]));
  expect([...members].sort()).toEqual([...expectedBy({ unknown: 1 })].sort());
});

it.each(fields.filter(({ options }) => options !== undefined))(
  'offers all values of $name',
  ({ name, options }) => {
    expect(options).toEqual(expectedBy({ [name]: 'unknown' }));
  },
);
