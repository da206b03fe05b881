import { keysInOrder } from '../state/ordered.ts';

/** A record that is listed in the order of creation. */
interface Created {
  readonly creationMs: number;
  readonly sequence?: number;
}

/** Digits for all timestamps and sequence numbers, so that their texts have the order of the numbers. */
const DIGITS = 16;

/** Returns the place of a record in the order of creation, as text. */
export function creationKey({ creationMs, sequence = 0 }: Created, name: string): string {
  return `${pad(creationMs)}.${pad(sequence)}.${name}`;
}

/** Returns the names of records in the order of creation: the newest first, unless ascending. */
export function inCreationOrder(
  records: Readonly<Record<string, Created>>,
  { ascendingOrder = false }: { ascendingOrder?: boolean | undefined } = {},
): readonly string[] {
  return keysInOrder(records, { place, isDescending: !ascendingOrder });
}

const place = (name: string, record: Created) => creationKey(record, name);

/** Returns a function that numbers new records, after those that exist. */
export function sequenceFrom(
  records: Readonly<Record<string, { readonly sequence?: number }>>,
): () => number {
  let last: number | undefined;
  return () => {
    last ??= Object.values(records).reduce((most, { sequence = 0 }) => Math.max(most, sequence), 0);
    last += 1;
    return last;
  };
}

function pad(number: number): string {
  return String(number).padStart(DIGITS, '0');
}
